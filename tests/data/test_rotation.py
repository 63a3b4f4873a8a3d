"""A password of a database or of Redis becomes another one on a real box, and nobody is cut off meanwhile."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.data.box import Data

pytestmark = pytest.mark.target
SECRETS = ("note-taker/postgres", "note-taker/redis", "note-taker/redis-accounts")


@contextmanager
def subscribed(data: Data) -> Iterator[str]:
    """A client of Redis that stays connected; the service that it is."""
    data.target.succeed(
        "systemd-run -q --collect --unit=subscribed"
        f" --setenv=REDISCLI_AUTH={shlex.quote(data.password('note-taker', 'redis'))}"
        f" sh -c 'sleep 600 | redis-cli -p {data.port('note-taker')} --user note-taker SUBSCRIBE channel'"
    )
    try:
        yield "subscribed"
    finally:
        data.target.execute("systemctl stop subscribed")


def test_both_passwords_work_while_it_is_rotated_and_only_the_new_one_after_it(data: Data) -> None:
    old = {name: data.store.reveal(name) for name in SECRETS}
    unit = "boxkeeper-redis@note-taker.service"
    runs = data.target.succeed(f"systemctl show -P MainPID {unit}")
    with subscribed(data):
        client = f"ss -Htn state established dport = :{data.port('note-taker')} | grep ."
        data.target.wait_until(client, 10)
        connection = data.target.succeed(client)
        data.store.begin(dict.fromkeys(SECRETS, ""))
        data.converge()
        new = {name: data.store.kept()[name].accepted[1] for name in SECRETS}
        for word in (old["note-taker/redis"], new["note-taker/redis"]):
            assert data.redis("note-taker", "PING", password=word) == "PONG"
        for login, words in {"note_taker_a": old, "note_taker_b": new}.items():
            answer = data.psql("note-taker", "SELECT user", password=words["note-taker/postgres"], login=login)
            assert answer == (0, "note_taker")
        data.store.switch(SECRETS)
        assert data.changes() == []
        data.store.close(SECRETS)
        data.converge()
        assert data.target.succeed(client) == connection
        assert data.target.succeed(f"systemctl show -P MainPID {unit}") == runs
    assert "WRONGPASS" in data.redis("note-taker", "PING", password=old["note-taker/redis"])
    assert data.redis("note-taker", "PING", password=new["note-taker/redis"]) == "PONG"
    code, said = data.psql("note-taker", "SELECT 1", password=old["note-taker/postgres"], login="note_taker_a")
    assert (code, "authentication failed" in said) == (2, True)
    data.store.finish(SECRETS)
    assert data.changes() == []


def test_what_somebody_still_has_open_with_the_old_login_ends_when_that_is_closed(data: Data) -> None:
    before = data.psql("note-taker", "SELECT session_user")
    data.store.begin({"note-taker/postgres": ""})
    data.store.switch(["note-taker/postgres"])
    data.converge()
    assert data.psql("note-taker", "SELECT session_user")[1] != before[1]
    data.store.close(["note-taker/postgres"])
    data.store.finish(["note-taker/postgres"])
    data.converge()
    assert data.superuser(f"SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = '{before[1]}'") == "f|"
