"""The example as a source of releases: what it pins, and that it reads what the app's class hands it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from roles import nginx
from roles.apps import Folder
from roles.apps.build import npm
from roles.apps.command import unit_command
from roles.apps.pair_cam import PairCam
from roles.nginx import Features, Nginx
from roles.server import Server
from roles.tls import Tls

SOURCE = Path(__file__).parents[2] / "examples" / "pair_cam"
APP = PairCam(domain="cam.example.com", aliases=("www.cam.example.com",), source=Folder(path=str(SOURCE)))
CODE = "".join(path.read_text() for path in (SOURCE / "packages" / "backend" / "src").glob("*.ts"))


def test_every_package_is_pinned_and_locked_without_an_address() -> None:
    for file in SOURCE.glob("packages/*/package.json"):
        for name, version in json.loads(file.read_text())["dependencies"].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{file}: {name} {version}"
    locked = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
    assert {one["resolved"] for one in locked.values() if "resolved" in one} == {
        "packages/backend",
        "packages/frontend",
    }


def test_it_reads_what_it_is_handed() -> None:
    read = set(re.findall(r"env\.([A-Z_]+)", CODE)) | set(re.findall(r"'([A-Z_]+)'", CODE))
    handed = {"DATABASE_URL", "REDIS_URL", "TURN_URLS", "TURN_SHARED_SECRET", "TURN_REALM", *APP.generated}
    assert handed | (APP.variables.keys() - {"FRONTEND_URL"}) <= read
    assert {"STRIPE_SECRET_KEY", "GOOGLE_CLIENT_ID", "SENTRY_DSN", "TURN_BACKUP_URLS"} <= read & set(APP.optional)


def test_the_scripts_that_the_units_run_are_there() -> None:
    backend = json.loads((SOURCE / "packages" / "backend" / "package.json").read_text())["scripts"]
    assert APP.release_command == "npm run migrate"
    assert backend["migrate"] == "node dist/migrate.js"
    assert unit_command(APP, APP.processes[0].command) == "/usr/bin/env node dist/main.js"
    assert npm(APP) == [
        "cd . && if [ -f package-lock.json ]; then npm ci; else npm install; fi",
        "cd . && npm run build",
    ]


def test_its_site_is_as_the_document_says() -> None:
    server = Server(host="192.0.2.1", nginx=Nginx(), tls=Tls(), apps=(APP,))
    assert APP.faults == ()
    text = nginx.site(
        server, APP, Features(http2_on=True, hybrid_curve=True, reject_handshake=True, ipv6=True)
    ).decode()
    assert text.count("rate=5r/s") == 4
    assert "server_name api.cam.example.com;" in text
    assert "server_name cam.example.com www.cam.example.com api.cam.example.com;" in text
    assert "location ^~ /socket.io/ {" in text
    assert "root /srv/pair-cam/current/packages/frontend/dist;" in text
    assert "/metrics" not in text
