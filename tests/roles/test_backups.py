"""Backups, as far as no box is needed: their settings, where they go, and what is in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from roles.apps import App, Folder
from roles.backups import Backups, Pgbackrest, described, wanted
from roles.budget import Size, megabytes
from roles.chroma import Chroma
from roles.keys import made_for_ssh
from roles.offsite import S3, Sftp
from roles.postgres import Cluster, Postgres
from roles.postgres import wanted as of_postgres
from roles.redis import Redis
from roles.resources import File, Files, Packages
from roles.rotation import supplied
from roles.server import Server

HOST_KEY = "ssh-ed25519 " + "A" * 68
SFTP = Sftp(host="u1.example.com", user="u1", path="/backups/prod", host_keys=(HOST_KEY,), port=23)
S3_PLACE = S3(endpoint="s3.example.com", bucket="boxes", region="eu-1")


class Notes(App):
    title = "Notes"
    needs = frozenset({"postgres", "redis", "chroma"})


class Site(App):
    title = "Site"


def server(backups: Backups | None, *apps: App, ping: str = "") -> Server:
    apps = apps or (Notes(name="notes", domain="notes.example.com", source=Folder(path=".")),)
    needs = {name for app in apps for name in app.needs}
    given: dict[str, Any] = {"postgres": Postgres(), "redis": Redis(), "chroma": Chroma()}
    common = {name: settings for name, settings in given.items() if name in needs}
    made = Server(host="192.0.2.1", name="prod", backups=backups, apps=apps, **common)
    values = {secret.name: f"{secret.name:x>40}" for secret in made.wanted_secrets() if not secret.optional}
    values |= {"backups/ssh_key": made_for_ssh()} if "backups/ssh_key" in values else {}
    values |= {"backups/ping": ping} if ping else {}
    made._kept.update({name: supplied(value) for name, value in values.items()})
    return made


def files(of: Server) -> dict[str, File]:
    found = [entry for resource in wanted(of) if isinstance(resource, Files) for entry in resource.paths]
    return {entry.path: entry for entry in found if isinstance(entry, File)}


def conf(of: Server) -> list[str]:
    return files(of)["/etc/pgbackrest/pgbackrest.conf"].content.decode().splitlines()


def test_a_server_without_backups_has_nothing_of_them() -> None:
    assert list(wanted(server(None))) == []
    assert "backups/key" not in [secret.name for secret in server(None).wanted_secrets()]
    assert not archives(server(None))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"at": "25:00"}, "'25:00' is no time of day; write it like `02:30`"),
        ({"drill": "Sunday 04:30"}, "'Sunday 04:30' is no time of the week; write it like `Sun 04:30`"),
        ({"path": "backups"}, "'backups' is no folder; write it from the root"),
        ({"path": "/var/../etc"}, "'/var/../etc' is no folder"),
        ({"keep_days": 1}, "greater than or equal to 2"),
    ],
)
def test_what_is_no_setting_is_said(settings: dict[str, Any], said: str) -> None:
    (fault,) = Backups(**settings).faults
    assert said in fault


@pytest.mark.parametrize(
    ("place", "settings", "said"),
    [
        (Sftp, {"host": "u1 -oProxyCommand=id"}, "is no name"),
        (Sftp, {"user": "-x"}, "'-x' is no name"),
        (Sftp, {"path": "/a b"}, "'/a b' is no folder"),
        (Sftp, {"host_keys": ("u1 ssh-ed25519 AAAA",)}, "is no key of a server"),
        (Sftp, {"host_keys": ()}, "is no key of a server"),
        (S3, {"endpoint": "https://s3.example.com"}, "without https://"),
        (S3, {"bucket": "a/b"}, "'a/b' is no name"),
    ],
)
def test_a_place_that_could_not_be_reached_is_said(place: type, settings: dict[str, Any], said: str) -> None:
    good = (SFTP if place is Sftp else S3_PLACE).model_dump()
    (fault,) = place(**{**good, **settings}).faults
    assert said in fault


def test_the_copy_on_the_box_comes_first_and_the_one_away_second_each_closed_and_kept_as_long() -> None:
    lines = conf(server(Backups(offsite=SFTP, keep_days=30)))
    for number in (1, 2):
        assert f"repo{number}-cipher-type=aes-256-cbc" in lines
        assert f"repo{number}-retention-full=30" in lines
        assert any(line.startswith(f"repo{number}-cipher-pass=") and "backups/postgres_key" in line for line in lines)
    assert "repo1-path=/var/backups/boxkeeper/postgres" in lines
    assert {"repo2-type=sftp", "repo2-sftp-host=u1.example.com", "repo2-sftp-host-port=23"} <= set(lines)
    assert "repo2-sftp-host-key-check-type=strict" in lines


def test_a_bucket_gets_the_keys_that_were_given() -> None:
    of = server(Backups(offsite=S3_PLACE))
    assert {"repo2-type=s3", f"repo2-s3-key={'backups/s3_key':x>40}"} <= set(conf(of))
    away = described(of, Backups(offsite=S3_PLACE))["repositories"][1]
    assert away["name"] == "s3.example.com/boxes"
    assert away["env"]["RESTIC_REPOSITORY"] == "s3:https://s3.example.com/boxes/boxkeeper/files"
    assert away["env"]["AWS_SECRET_ACCESS_KEY"] == f"{'backups/s3_secret':x>40}"
    supplied_ones = {one.name for one in of.wanted_secrets() if one.name.startswith("backups/") and not one.generated}
    assert supplied_ones == {"backups/s3_key", "backups/s3_secret", "backups/ping"}


def test_whatever_holds_a_secret_is_for_its_account_alone() -> None:
    of = server(Backups(offsite=SFTP), ping="https://ping.example.com/canary")
    secret = [of.secret(name).get_secret_value() for name in ("backups/key", "backups/ssh_key", "backups/ping")]
    for path, entry in files(of).items():
        if any(value.strip() in entry.content.decode() for value in secret):
            assert entry.mode in ("0600", "0640"), path


def test_a_server_is_known_by_its_port_too() -> None:
    assert SFTP.known_hosts == f"[u1.example.com]:23 {HOST_KEY}\n".encode()
    plain = SFTP.model_copy(update={"port": 22})
    assert plain.known_hosts == f"u1.example.com {HOST_KEY}\n".encode()


def test_what_is_backed_up_is_all_that_apps_keep() -> None:
    found = described(server(Backups()), Backups())
    assert found["databases"] == {"notes": "notes"}
    assert found["folders"] == ["/etc/boxkeeper", "/srv/notes/shared"]
    assert [(each["kind"], each["unit"]) for each in found["frozen"]] == [
        ("redis", "boxkeeper-redis@notes.service"),
        ("chroma", "boxkeeper-chroma@notes.service"),
    ]
    assert json.loads(files(server(Backups()))["/etc/boxkeeper/backups/backups.json"].content) == found


def test_a_server_without_databases_has_files_alone_backed_up() -> None:
    of = server(Backups(), Site(name="site", domain="site.example.com", source=Folder(path=".")))
    (packages,) = (resource for resource in wanted(of) if isinstance(resource, Packages))
    assert "pgbackrest" not in packages.names
    assert "/etc/pgbackrest/pgbackrest.conf" not in files(of)
    assert described(of, Backups())["databases"] == {}


def archives(of: Server) -> bool:
    (cluster,) = (resource for resource in of_postgres(of) if isinstance(resource, Cluster))
    return cluster.archives


def test_postgresql_sends_its_changes_away_where_there_is_an_app_that_makes_some() -> None:
    assert archives(server(Backups()))
    site = Site(name="site", domain="site.example.com", source=Folder(path="."))
    idle = server(Backups(), site).model_copy(update={"postgres": Postgres()})
    assert not archives(idle), "there is nobody to send them by"


@pytest.mark.parametrize("distro", ["debian 12", "ubuntu 22.04"])
def test_a_pgbackrest_without_sftp_is_refused_before_anything_changes(distro: str) -> None:
    (said,) = Pgbackrest().refuse({"distro": distro})
    assert said.startswith(f"pgBackRest of {distro} can't send backups by SFTP")
    assert Pgbackrest().refuse({"distro": "debian 13"}) == []


def test_their_disk_is_counted() -> None:
    of = server(Backups())
    (cost,) = Backups().costs(of.apps, Size(ram_mb=1000, disk_mb=25_000))
    assert cost.disk_mb == 2 * sum(megabytes(app.disk) for app in of.apps)
