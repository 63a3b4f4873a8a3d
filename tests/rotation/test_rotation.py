"""All that is made for five apps becomes another value under load: nobody notices, and nobody gets to read any."""

from __future__ import annotations

import base64
import hmac
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commands.demo import FIVE
from roles import ROOT
from roles.databases import login_name
from roles.redis import KEY, TELLER
from roles.rotation import Kept
from roles.secrets import Store
from roles.server import Server
from target.box import Target
from target.run import boxkeeper, environment, pyinfra
from tests.rotation.clients import Clients

pytestmark = pytest.mark.target

KILLED = {
    "begun": "grep -l 'on #.* #' /etc/boxkeeper/redis/*.acl",
    "switched": "ls -d /sys/fs/cgroup/system.slice/boxkeeper-release-*",
    "closed": "! grep -l 'on #.* #' /etc/boxkeeper/redis/the-chatty-ai.acl",
}
"""In each phase, what the box is in the middle of when the rotation is killed."""
SPY = (Path(__file__).parent / "spy.py").read_text()
WATCHED = "/tmp /var/tmp /run /etc/boxkeeper /var/log /var/lib/boxkeeper /srv/pair-cam/releases /srv/pair-cam/slots"
LONG_AGO = "2026-01-01T00:00:00+00:00"


@dataclass
class Rotated:
    """A rotation of everything, and what was seen of it."""

    before: Mapping[str, Kept]
    after: Mapping[str, Kept]
    clients: Clients
    ended: list[subprocess.CompletedProcess[bytes]]
    """The runs of the command that were not killed."""
    said: list[bytes]
    """All that was printed, by whatever was run here or looked on there."""
    missed: list[str]
    """The phases in which it could not be killed."""


@pytest.fixture(scope="module")
def rotated(target: Target) -> Rotated:
    """Killed in each of its phases and run again; once more when the last WebSocket has ended and days have passed."""
    before, said, ended, missed = store().entries(), list[bytes](), [], []
    with spy(target, said):
        with Clients(target) as clients:
            for phase, met in KILLED.items():
                missed += [] if killed(target, phase, met) else [phase]
                if phase == "begun":
                    said.append(verbose(target))
            ended.append(boxkeeper("secrets", "rotate", "five", environment=environment(target)))
        days_pass()
        ended.append(boxkeeper("secrets", "rotate", "five", environment=environment(target)))
    return Rotated(before, store().entries(), clients, ended, said, missed)


def store() -> Store:
    return Store.beside(ROOT / FIVE)


def killed(target: Target, phase: str, met: str) -> bool:
    """Whether the command was killed, with all that it has started here, in the middle of what it does in a phase.

    It is run again where it has ended before that phase: on a slow machine it has to wait for who is about to end.
    """
    until = time.monotonic() + 600
    while time.monotonic() < until:
        if killed_once(target, phase, met, until):
            return True
    return False


def killed_once(target: Target, phase: str, met: str, until: float) -> bool:
    line = [str(Path(sys.executable).with_name("boxkeeper")), "secrets", "rotate", "five"]
    variables = {**os.environ, **environment(target)}
    begun = subprocess.Popen(line, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, start_new_session=True)
    there = False
    while not there and begun.poll() is None and time.monotonic() < until:
        phases = {kept.phase for kept in store().entries().values()}
        there = phase in phases and target.execute(met)[0] == 0
    with suppress(ProcessLookupError):
        os.killpg(begun.pid, signal.SIGKILL)
    return begun.wait() == -signal.SIGKILL and there


def verbose(target: Target) -> bytes:
    """What plain pyinfra says at its loudest while the box is told of values that it does not have."""
    done = pyinfra(target, "-y", "-vvv", "--diff", "--debug", deploy="deploys/full.py")
    assert done.code == 0, done.output
    return done.output.encode()


def days_pass() -> None:
    """What was signed by a value of before has ended."""
    with store()._changing() as there:
        for name, kept in there.items():
            if kept.other:
                there[name] = replace(kept, other=replace(kept.other, since=LONG_AGO))


@contextmanager
def spy(target: Target, said: list[bytes]) -> Iterator[None]:
    """An account that owns nothing watches the box; what it could read is added to `said`."""
    write(target, "/usr/local/share/spy.py", SPY)
    target.succeed("touch /run/began && (umask 077; touch /root/spied)")
    out = "--property=StandardOutput=truncate:/root/spied --property=StandardError=truncate:/root/spied"
    target.succeed(
        f"systemd-run -q --collect --unit=spy --uid=nobody {out} python3 -I /usr/local/share/spy.py {WATCHED}"
    )
    try:
        yield
    finally:
        target.succeed("systemctl stop spy")
    said.append(target.succeed("cat /root/spied").encode())


def write(target: Target, path: str, text: str) -> None:
    target.succeed(f"umask 022; echo {base64.b64encode(text.encode()).decode()} | base64 -d >{path}")


def test_no_request_fails_and_no_socket_is_cut(rotated: Rotated) -> None:
    clients = rotated.clients
    print(clients.answers, "answers,", clients.words, "words;", [done.stdout.decode() for done in rotated.ended])
    assert clients.failed == []
    assert clients.cut == []
    assert min(clients.answers, clients.words) > 100


def test_killed_in_each_phase_it_waits_for_who_still_has_an_old_value_and_then_finishes(
    rotated: Rotated, server: Server
) -> None:
    waits, finishes = rotated.ended
    assert rotated.missed == [], "it was killed in none of these phases"
    assert (waits.returncode, finishes.returncode) == (1, 0), (waits, finishes)
    assert b"pair-cam/JWT_SECRET: what the old value has signed is good for 7 days more" in waits.stderr
    assert b"ai-note-taker/postgres: ai-note-taker-web@" in waits.stderr
    assert b"rodeo-ai/chroma" in waits.stdout, "what nobody has any more is done"
    assert {name for name, kept in rotated.after.items() if kept.phase} == set()
    changed = {name for name, kept in rotated.after.items() if kept.value != rotated.before[name].value}
    generated = {secret.name for secret in server.wanted_secrets() if secret.generated}
    assert generated - changed == {"backups/postgres_key"}, "pgBackRest has one for good"
    assert changed <= generated
    assert {rotated.after[name].turn - rotated.before[name].turn for name in changed} == {1}, "more than one was made"


def test_the_values_before_are_refused_where_those_of_now_open(
    target: Target, rotated: Rotated, server: Server
) -> None:
    for entries, opens in ((rotated.after, True), (rotated.before, False)):
        tried = {
            name: target.execute(line) for name, kept in entries.items() for line in lines(target, server, name, kept)
        }
        assert len(tried) == 2 * 5 + 5 + 2 + 1, "Postgres, Redis and its accounts, Chroma, TURN"
        assert {name: said for name, (code, said) in tried.items() if (code == 0) is not opens} == {}


def lines(target: Target, server: Server, name: str, kept: Kept) -> Iterator[str]:
    """Lines that end well on the box where a value opens what it is for."""
    owner, _, kind = name.partition("/")
    if owner == "backups":
        return
    app = next(app for app in server.apps if app.name == owner)
    assert server.redis
    assert server.chroma
    redis = f"REDISCLI_AUTH={kept.value} redis-cli --no-auth-warning -p {server.redis.port(app)} --user"
    if kind == "postgres":
        login = f"-U {login_name(app.database, kept.turn)} -d {app.database}"
        yield f"PGPASSWORD={kept.value} psql -wAtqXh 127.0.0.1 {login} -c 'SELECT 1'"
    elif kind == "redis":
        yield f"{redis} {owner} PING | grep '^PONG$'"
    elif kind == KEY:
        yield f"{redis} {TELLER} ACL SETUSER {TELLER} | grep '^OK$'"
    elif kind == "chroma":
        url = f"http://127.0.0.1:{server.chroma.port(app)}/api/v2/heartbeat"
        asks = f"u.urlopen(u.Request('{url}', headers={{'X-Chroma-Token': '{kept.value}'}}))"
        yield f'python3 -c "import urllib.request as u; {asks}"'
    elif kind == "turn":
        user = f"{int(time.time()) + 600}:tries"
        word = base64.b64encode(hmac.digest(kept.value.encode(), user.encode(), "sha1")).decode()
        relays = f"timeout 20 turnutils_uclient -y -c -n 2 -u {user} -w {word} {target.address}"
        yield f"{relays} | grep 'tot_recv_msgs=[1-9]'"


def test_a_session_that_was_signed_with_the_old_key_lasts_as_long_as_that_is_good(rotated: Rotated) -> None:
    cam, token = rotated.clients.cam, rotated.clients.token
    assert rotated.clients.failed == [], "while both were good, it was asked with the old one"
    assert cam.patient("/api/turn", token=token).status_code == 401
    assert cam.patient("/api/turn", token=cam.guest()).status_code == 200


def test_no_value_is_found_where_it_should_not_be(target: Target, rotated: Rotated) -> None:
    values = sorted({longest(kept.value) for entries in (rotated.before, rotated.after) for kept in entries.values()})
    for arguments in (("status",), ("secrets", "list"), ("check",)):
        done = boxkeeper(*arguments, "five", "--json", environment=environment(target))
        rotated.said.append(done.stdout + done.stderr)
    said = b"\n".join([*rotated.said, *(part for done in rotated.ended for part in (done.stdout, done.stderr))])
    assert [value for value in values if value.encode() in said] == []
    assert b"rounds" in said

    target.succeed("umask 077; touch /root/values")
    write(target, "/root/values", "\n".join(values))
    search = "grep -lFf /root/values"
    assert target.succeed(f"{search} /etc/boxkeeper/apps/*.env").count(".env") == 5, "else the rest would prove nothing"
    everybody = "runuser -u nobody -- find / -xdev -type f -newer /run/began -readable -print0 2>/dev/null"
    assert target.execute(f"{everybody} | xargs -0r {search}")[1] == ""
    assert target.execute(f"{search} -r /var/log /run/log")[1] == ""
    assert target.execute(f"journalctl -o export | {search}")[1] == ""
    assert target.execute(f"systemctl show --all '*' | {search}")[1] == ""


def longest(value: str) -> str:
    """Of a value of several lines, the one that says most: what prints lines prints that."""
    return max(value.splitlines(), key=len)
