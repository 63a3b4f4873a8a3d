"""Secrets are in what is sent on standard input and in files that only their readers can open; nowhere else."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib

import pytest

from roles import ROOT, apps, base, chroma, clashes, firewall, nginx, ollama, postgres, redis, rotation, ssh, tls, turn
from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.apps.asked import Environments
from roles.apps.flavor_monk import FlavorMonk
from roles.apps.pair_cam import PairCam
from roles.apps.rodeo_ai import RodeoAi
from roles.apps.the_chatty_ai import TheChattyAi
from roles.program import full_question
from roles.resources import File, Json, Resource
from roles.rotation import Kept, supplied
from roles.server import Server

ROLES = (base, ssh, firewall, postgres, redis, chroma, ollama, tls, nginx, turn, apps)
FIVE = (AiNoteTaker, TheChattyAi, PairCam, RodeoAi, FlavorMonk)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4l5cUBbUdaQCUM8Xb0hQ1y7sXCOoYHzIUYkCEFwEYc you@laptop"
CANARY = "canary7c1f"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A box with everything, every secret of it one that can be searched for, and all of them being rotated."""
    code = tmp_path_factory.mktemp("source")
    (code / "backend").mkdir()
    (code / "backend" / "requirements.txt").touch()
    (code / "package.json").touch()
    source = Folder(path=str(code))
    server = Server(
        host="192.0.2.1",
        ssh=ssh.Ssh(keys=(KEY,)),
        firewall=firewall.Firewall(),
        postgres=postgres.Postgres(),
        redis=redis.Redis(),
        chroma=chroma.Chroma(),
        ollama=ollama.Ollama(),
        turn=turn.Turn(),
        tls=tls.Tls(),
        nginx=nginx.Nginx(),
        apps=tuple(app(domain=f"{number}.example.com", source=source) for number, app in enumerate(FIVE)),
    )
    assert [*server.faults, *clashes.within(server)] == []
    server._kept.update({secret.name: planted(n) for n, secret in enumerate(server.wanted_secrets())})
    return server


def planted(number: int) -> Kept:
    """A secret that is being rotated, by turns in each of its phases."""
    kept = rotation.begin(supplied(f"{CANARY}{'x' * 30}{number}"), f"{CANARY}{'y' * 30}{number}")
    return [lambda: kept, lambda: rotation.switch(kept), lambda: rotation.close(rotation.switch(kept))][number % 3]()


@pytest.fixture(scope="module")
def resources(server: Server) -> list[Resource]:
    return [resource for role in (*ROLES, Environments()) for resource in role.wanted(server)]


@pytest.fixture(scope="module")
def found(resources: list[Resource]) -> list[Json]:
    """What the programs of the box find here: a machine that is none of our boxes. They only look."""
    script = "import json,sys; from onbox import program; print(json.dumps(program.observe(json.load(sys.stdin))))"
    asked = json.dumps([(resource.kind, resource.query()) for resource in resources])
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, input=asked, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    answers: list[Json] = json.loads(done.stdout.splitlines()[-1])
    for was in answers:
        if isinstance(was, dict) and was.get("ports") == []:
            was["ports"] = [22]  # no box that a run can reach has no sshd
    return answers


@pytest.fixture(scope="module")
def sent(resources: list[Resource], found: list[Json]) -> list[File]:
    """Every file that goes to the box."""
    payloads = [resource.payload(was) for resource, was in zip(resources, found, strict=True)]
    paths = [path for payload in payloads if isinstance(payload, dict) for path in payload.get("paths", ())]
    return [
        File(path["path"], base64.b64decode(path["content"]), path["wanted"]["mode"])
        for path in paths
        if "content" in path
    ]


def test_the_secrets_are_really_sent(server: Server, sent: list[File]) -> None:
    """Else the tests below would prove nothing."""
    text = b"".join(file.content for file in sent)
    kept = [(secret.name, server.kept(secret.name).value) for secret in server.wanted_secrets()]
    assert [name for name, value in kept if value.encode() not in text] == []


def test_values_that_are_tried_and_looked_for_travel_on_standard_input(server: Server) -> None:
    value = server.kept("pair-cam/redis").value
    command = full_question([("trial", {"kind": "redis", "port": 1, "user": "app", "value": value})])
    [line] = command.connector_arguments["_stdin"]
    assert CANARY not in f"{command!r}{command}{command.get_raw_value()}"
    assert value.encode() in zlib.decompress(base64.b64decode(line))


def test_a_query_holds_none(resources: list[Resource]) -> None:
    assert [resource.name for resource in resources if CANARY in json.dumps(resource.query())] == []


def test_a_label_and_a_log_line_hold_none(resources: list[Resource], found: list[Json]) -> None:
    for resource, was in zip(resources, found, strict=True):
        said = [resource.name, *resource.differences(was)]
        assert not [line for line in said if CANARY in line or not line.isprintable()]


def test_the_texts_of_resources_and_settings_hold_none(server: Server, resources: list[Resource]) -> None:
    assert CANARY not in repr(resources)
    assert CANARY not in f"{server!r}{server}{server.to_json()}{server.model_dump_json()}"


def test_a_file_with_one_is_not_for_everybody_to_read(sent: list[File]) -> None:
    secret = [file for file in sent if CANARY.encode() in file.content]
    assert secret
    assert [file.path for file in secret if int(file.mode, 8) & 0o007] == []


def test_a_file_without_one_is_no_secret_by_accident(sent: list[File]) -> None:
    """A mask in a file is a secret that was never written: the service would start with ten stars as its password."""
    assert [file.path for file in sent if b"**********" in file.content] == []


def test_what_is_asked_of_any_box_gets_an_answer_that_can_be_compared(
    resources: list[Resource], found: list[Json]
) -> None:
    for resource, was in zip(resources, found, strict=True):
        assert list(resource.differences(was)) == list(resource.differences(was))
        json.dumps(resource.payload(was))


def test_names_of_operations_are_unique_within_a_role(server: Server) -> None:
    for role in ROLES:
        names = [resource.name for resource in role.wanted(server)]
        assert sorted(set(names)) == sorted(names)


def test_what_is_wanted_depends_on_the_settings_alone(server: Server) -> None:
    once, again = ([[r.query() for r in role.wanted(server)] for role in ROLES] for _ in range(2))
    assert once == again
