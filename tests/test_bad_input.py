"""Wrong input is refused before the first connection: the place, the fault, what to write instead; all at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyrage
import pytest

from roles import ROOT
from roles.secrets import Store

CANARY = "canary-7c1f"
"""Stands for a secret: in the store, and where a user may have put one."""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4l5cUBbUdaQCUM8Xb0hQ1y7sXCOoYHzIUYkCEFwEYc you@laptop"
WEB = "nginx=Nginx(), tls=Tls(), postgres=Postgres(), redis=Redis()"

B, SECOND, OPS = 'domain="B.example.com."', 'domain="b.example.com", name="second"', 'name="ops"'


def app(more: str = "") -> str:
    given = {"domain": '"notes.example.com"', "source": "_code"}
    right = [f"{name}={value}" for name, value in given.items() if f"{name}=" not in more]
    return f"AiNoteTaker({', '.join([*right, more])})"


def settings(line: str) -> str:
    """A box of these settings. Each case is a box of its own, so that all are refused in one run."""
    return f'Server(host="{{host}}", {line})'


def with_app(more: str) -> str:
    return settings(f"{WEB}, apps=({app(more)},)")


CASES = {
    "a setting nobody knows, near one that is": (
        settings("postgress=Postgres()"),
        "Server.postgress: unknown setting; did you mean `postgres`?",
    ),
    "a setting nobody knows, near none": (settings("xyzzy=1"), "Server.xyzzy: unknown setting; known: alerts, apps, "),
    "a setting without a name": ('Server("192.0.2.200")', "every setting has a name: write `host=...`"),
    "no address": ("Server(apps=())", "Server.host: is missing; add `host=...`"),
    "an address with a user in it": ('Server(host="root@192.0.2.1")', "Server.host: 'root@192.0.2.1' is no address"),
    "an address with a port in it": ('Server(host="192.0.2.1:22")', "belong into `login=Login(user=..., port=...)`"),
    "an address that ends too early": ('Server(host="192.0.2")', "Server.host: '192.0.2' is no address"),
    "a number that is none": (settings('login=Login(port="abc")'), "Login.port: must be a valid integer"),
    "a number out of range": (settings("login=Login(port=70000)"), "Login.port: must be less than or equal to 65535"),
    "a value in place of settings": (settings('login="root"'), "Server.login: must be Login(...)"),
    "settings of another kind": (with_app('source="./app"'), "AiNoteTaker.source: must be Git(...) or Folder(...)"),
    "one where several are meant": (
        settings(f"apps=({app()})"),
        "Server.apps: must be several: write `apps=(...,)`, with the comma",
    ),
    "a name of a box that is none": (settings('name="my_box"'), "Server.name: 'my_box' is no name of a box"),
    "a user that is none": (settings('login=Login(user="a b")'), "Login.user: 'a b' is no user of a box"),
    "a domain with its scheme": (with_app('domain="https://a.example.com"'), "AiNoteTaker.domain: 'https://a.example"),
    "an IP address as a domain": (with_app('domain="192.0.2.1"'), "AiNoteTaker.domain: '192.0.2.1' is no domain"),
    "a domain of one word": (with_app('domain="localhost"'), "AiNoteTaker.domain: 'localhost' is no domain"),
    "a domain that no CA knows": (with_app('domain="box.local"'), "ai-note-taker: no CA issues for box.local: use"),
    "an alias that is no domain": (with_app('aliases=("a..b",)'), "AiNoteTaker.aliases: 'a..b' is no domain"),
    "a name with a slash": (with_app('name="../etc"'), "AiNoteTaker.name: '../etc' can't be an app's name"),
    "a name that is too long": (with_app(f'name="{"a" * 32}"'), "use 2 to 31 of a-z, 0-9 and -"),
    "a name that a box has already": (with_app('name="postgres"'), "'postgres' is the name of something else on a box"),
    "a name that PostgreSQL keeps for itself": (
        with_app('name="pg-notes"'),
        "'pg-notes' is the name of something else",
    ),
    "a name that is the admin's": (
        settings(f'{WEB}, login=Login(user="ops"), apps=({app(OPS)},)'),
        'ops is an app and also who logs in; call the app e.g. `name="ops-app"`',
    ),
    "two apps of one name": (
        settings(f"{WEB}, apps=({app()}, {app(B)})"),
        "2 apps are called ai-note-taker; give one another name",
    ),
    "two apps of one domain": (
        settings(f"{WEB}, apps=({app(B)}, {app(SECOND)})"),
        "2 apps use the domain b.example.com; each needs its own",
    ),
    "two apps with one unit": (
        settings(f"{WEB}, apps=(AiNoteTaker(name='aa-web', domain='c.example.com', source=_code), _other)"),
        "the unit aa-web-web would be two processes or jobs; call one of them another name",
    ),
    "two apps on one port": (
        settings(f"{WEB.replace('Redis()', 'Redis(ports=_ports)')}, apps=({app(SECOND)}, {app(OPS)})"),
        "the Redis of second and that of ops would share port 6500",
    ),
    "an app called like the role of another": (
        settings(f"{WEB}, apps=({app(OPS)}, {app(SECOND.replace('second', 'ops-a'))})"),
        "ops logs in to its database as ops_a, the database of ops-a",
    ),
    "a need without its role": (
        settings(f"nginx=Nginx(), tls=Tls(), redis=Redis(), apps=({app()},)"),
        "ai-note-taker needs postgres: add `postgres=Postgres()` to this server",
    ),
    "routes without nginx": (
        settings(f"postgres=Postgres(), redis=Redis(), apps=({app()},)"),
        "ai-note-taker needs nginx: add `nginx=Nginx()` to this server",
    ),
    "HTTPS without certificates": (
        settings(f"nginx=Nginx(), postgres=Postgres(), redis=Redis(), apps=({app()},)"),
        "apps are served by HTTPS: add `tls=Tls()` to this server",
    ),
    "a login on the port of HTTPS": (
        settings("login=Login(port=443), nginx=Nginx(), tls=Tls()"),
        "Login.port: 443 is nginx's; let sshd listen on another port",
    ),
    "a source folder that is not there": (
        with_app('source=Folder(path="/nowhere")'),
        "source folder /nowhere is not there",
    ),
    "a source without its requirements": (
        with_app("source=Folder(path=str(_empty))"),
        "has no backend/requirements.txt",
    ),
    "a source without its frontend": (with_app("source=Folder(path=str(_empty))"), "has no package.json"),
    "a key that is not there": (
        settings('login=Login(key="/nowhere/id")'),
        "Login.key: /nowhere/id can't be read: No such file or directory",
    ),
    "a folder for a key": (settings('login=Login(key="/")'), "Login.key: / can't be read: Is a directory"),
    "a public key for a private one": (
        settings("login=Login(key=str(_empty / 'id.pub'))"),
        "id.pub holds no private key: leave out `.pub`",
    ),
    "a public key that is no key": (settings('ssh=Ssh(keys=("my key",))'), "Ssh.keys: 'my key' is no public key"),
    "a public key that was cut off": (settings(f'ssh=Ssh(keys=("{KEY[:40]}",))'), "is cut off or mistyped"),
    "a kind of key that sshd has dropped": (
        settings('ssh=Ssh(keys=("ssh-dss AAAAB3Nz",))'),
        "is no public key that sshd",
    ),
    "a file of keys that is not there": (
        settings('ssh=Ssh(keys=("/nowhere.pub",))'),
        "Ssh.keys: /nowhere.pub can't be read",
    ),
    "nobody's key": (settings("ssh=Ssh(keys=())"), "Ssh.keys: needs at least one public key: nobody could log in"),
    "root as the admin": (
        settings(f'ssh=Ssh(admin="root", keys=("{KEY}",))'),
        "Ssh.admin: 'root' can't be the admin's",
    ),
    "known hosts that are not there": (
        settings('login=Login(known_hosts="/nowhere/hosts")'),
        "Login.known_hosts: /nowhere/hosts can't be read",
    ),
    "a variable that can't be one": (with_app('env={"A B": "1"}'), "AiNoteTaker.env: 'A B' can't be the name of"),
    "a variable that is a number": (with_app('env={"WORKERS": 4}'), "AiNoteTaker.env.WORKERS: must be a valid string"),
    "a NUL byte in a variable": (with_app('env={"A": "\\0"}'), "AiNoteTaker.env: A holds a NUL byte"),
    "half a character in a variable": (with_app('env={"A": "\\ud800"}'), "AiNoteTaker.env: A holds half a character"),
    "a variable that Linux can't hand on": (with_app('env={"A": "x" * 131073}'), "A is 131073 bytes long; Linux hands"),
    "a secret in the inventory": (
        with_app(f'env={{"GEMINI_API_KEY": "{CANARY}"}}'),
        "AiNoteTaker.env: GEMINI_API_KEY is a secret: `boxkeeper secrets set ENV APP/GEMINI_API_KEY` keeps it",
    ),
    "a secret in place of a name": (with_app(f'env={{1: "{CANARY}"}}'), "AiNoteTaker.env.1"),
    "a control character": (
        with_app('redis_memory="64mb\\nuser default on"'),
        "holds the invisible character '\\n' at",
    ),
    "a NUL byte": (settings('name="box\\0"'), "Server.name: holds the invisible character '\\x00' at position 4"),
    "a megabyte of text": (settings('name="x" * 1_000_000'), "Server.name: is 1000000 characters long; at most 4096"),
    "a size that is none": (with_app('redis_memory="64 MB"'), "AiNoteTaker.redis_memory: '64 MB' is no size"),
    "a secret that only you can supply": (with_app('name="second"'), "second needs secret DEEPGRAM_API_KEY: run `boxk"),
    "a class of an app that is wrong": (settings("apps=(_wrong,)"), "_Wrong.needs: 'postgress' is none; did you mean"),
    "the same box twice": (
        'Server(host="192.0.2.99"), Server(host="192.0.2.99")',
        "Server 192.0.2.99: is there 2 times; a box has one `Server`",
    ),
}

HEAD = """
from pathlib import Path
from typing import ClassVar
from roles.apps import Folder, Process
from roles.apps.ai_note_taker import AiNoteTaker
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Login, Server, group
from roles.ssh import Ssh
from roles.tls import Tls

_empty = Path(__file__).parent / "empty"
_source = Path(__file__).parent / "source"

_ports = {"second": 6500, "ops": 6500}
_code = Folder(path=str(_source))

class _Other(AiNoteTaker):
    processes = (Process("web-web", "uvicorn main:app"), Process("web", "uvicorn main:app"))

class _Wrong(AiNoteTaker):
    needs = {"postgress"}

_other, _wrong = (_kind(name="aa", domain="d.example.com", source=_code) for _kind in (_Other, _Wrong))
"""


@dataclass(frozen=True)
class Refusal:
    code: int
    output: str
    seconds: float
    touched: bool


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the inventory is, with a source, a folder that is no source, and a store that opens."""
    folder = tmp_path_factory.mktemp("inventories")
    (folder / "source" / "backend").mkdir(parents=True)
    (folder / "source" / "backend" / "requirements.txt").touch()
    (folder / "source" / "package.json").touch()
    (folder / "empty").mkdir()
    (folder / "empty" / "id.pub").write_text("ssh-ed25519 AAAA")
    return folder


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    """The environment of somebody whose key opens the store, and who has no other."""
    key = str(pyrage.x25519.Identity.generate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOXKEEPER_AGE_KEY", key)
        Store(folder / "bad.secrets").set("ai-note-taker/DEEPGRAM_API_KEY", CANARY)
    return {**os.environ, "BOXKEEPER_AGE_KEY": key, "HOME": str(folder)}


@pytest.fixture(scope="module")
def refusal(folder: Path, environment: dict[str, str]) -> Refusal:
    """What the real pyinfra says to an inventory in which everything is wrong."""
    boxes = [line.replace("{host}", f"192.0.2.{number}") for number, (line, _) in enumerate(CASES.values(), 1)]
    with socket.create_server(("127.0.0.1", 0)) as door:
        boxes.append(f'Server(host="127.0.0.1", login=Login(port={door.getsockname()[1]}))')
        code, output, seconds = run(folder, environment, f"bad = group({', '.join(boxes)})")
        door.settimeout(0.05)
        try:
            door.accept()[0].close()
            touched = True
        except TimeoutError:
            touched = False
    return Refusal(code, output, seconds, touched)


def run(folder: Path, environment: dict[str, str], body: str) -> tuple[int, str, float]:
    path = folder / "bad.py"
    path.write_text(HEAD + body)
    started = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("pyinfra")), str(path), "deploys/full.py", "-y"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, time.monotonic() - started


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said(refusal: Refusal, case: str) -> None:
    lines = [line for line in refusal.output.splitlines() if CASES[case][1] in line]
    assert lines, refusal.output
    assert lines[0].startswith("--> ")


def test_all_of_it_ends_with_exit_code_2_and_no_traceback(refusal: Refusal) -> None:
    assert refusal.code == 2
    assert max(map(len, refusal.output.splitlines())) < 400
    assert "Traceback" not in refusal.output
    assert "Error" not in refusal.output


def test_how_many_there_are_is_said_last(refusal: Refusal) -> None:
    faults = [line for line in refusal.output.splitlines() if line.startswith("--> ") and "Loading" not in line]
    assert refusal.output.splitlines()[-1] == f"{len(faults)} to mend in bad.py; nothing was connected."


def test_nobody_comes_to_a_box(refusal: Refusal) -> None:
    assert not refusal.touched
    assert refusal.seconds < 10  # which one attempt to reach 192.0.2.1 takes


def test_no_secret_is_shown(refusal: Refusal) -> None:
    assert CANARY not in refusal.output


def test_no_password_is_made_when_something_else_is_wrong(folder: Path, environment: dict[str, str]) -> None:
    """Also where all keys are there that only you have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOXKEEPER_AGE_KEY", environment["BOXKEEPER_AGE_KEY"])
        store = Store(folder / "bad.secrets")
        store.set("ai-note-taker/GEMINI_API_KEY", CANARY)
        code, output, _ = run(
            folder, environment, f"bad = group({with_app('redis_memory=1').replace('{host}', 'box')})"
        )
        assert (code, output.splitlines()[-1]) == (2, "1 to mend in bad.py; nothing was connected.")
        assert sorted(store.entries()) == ["ai-note-taker/DEEPGRAM_API_KEY", "ai-note-taker/GEMINI_API_KEY"]


def test_a_mistake_in_python_shows_no_secret_to_users_of_plain_pyinfra(
    folder: Path, environment: dict[str, str]
) -> None:
    known = "from roles.secrets import Store\n_kept = Store(Path(__file__).with_suffix('.secrets')).values()"
    code, output, _ = run(folder, environment, f"{known}\nbad = group(Server(host='192.0.2.1', redis=Rediss()))")
    assert code != 0
    assert "Rediss" in output
    assert CANARY not in output
