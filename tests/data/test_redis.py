"""Redis on a real box: an instance for each app, that only it can use, and only for what apps do."""

from __future__ import annotations

import re

import pytest

from tests.data.box import APPS, Data

pytestmark = pytest.mark.target


def unit(app: str) -> str:
    return f"boxkeeper-redis@{app}.service"


@pytest.mark.parametrize("app", APPS)
def test_an_app_does_its_work(data: Data, app: str) -> None:
    assert data.redis(app, "PING") == "PONG"
    assert data.redis(app, "SET", "key", "value") == "OK"
    assert data.redis(app, "GET", "key") == "value"
    assert data.redis(app, "PUBLISH", "channel", "word") == "0"
    assert data.redis(app, "EVAL", "return redis.call('GET', KEYS[1])", "1", "key") == "value"
    assert data.redis(app, "XADD", "stream", "*", "field", "1")
    assert data.redis(app, "CLIENT", "SETNAME", "web") == "OK"
    assert data.redis(app, "CLIENT", "ID").isdigit()
    assert "redis_version" in data.redis(app, "INFO", "server")
    assert data.redis(app, "SCAN", "0")


@pytest.mark.parametrize(
    "dangerous",
    [
        "CONFIG GET maxmemory",
        "CONFIG SET dir /tmp",
        "ACL LIST",
        "ACL SETUSER other on nopass",
        "DEBUG SLEEP 1",
        "SHUTDOWN",
        "FLUSHALL",
        "KEYS *",
        "MONITOR",
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "REPLICAOF 192.0.2.1 6379",
        "CLIENT LIST",
        "CLIENT KILL TYPE normal",
        "MODULE LIST",
        "MIGRATE 192.0.2.1 6379 key 0 1000",
        "SWAPDB 0 1",
        "SLOWLOG GET",
        "LATENCY LATEST",
    ],
)
@pytest.mark.parametrize("app", APPS)
def test_a_dangerous_command_is_refused(data: Data, app: str, dangerous: str) -> None:
    assert re.match("NOPERM|ERR DEBUG command not allowed", data.redis(app, *dangerous.split())), dangerous


def test_a_cache_can_be_emptied_and_a_queue_can_not(data: Data) -> None:
    assert data.redis("note-taker", "FLUSHDB") == "OK"
    assert data.redis("pair-cam", "FLUSHDB").startswith("NOPERM")


def test_without_a_password_there_is_no_answer(data: Data) -> None:
    for app in APPS:
        assert "NOAUTH" in data.target.execute(f"redis-cli -p {data.port(app)} PING")[1]


def test_a_wrong_password_or_user_is_refused(data: Data) -> None:
    assert "WRONGPASS" in data.redis("note-taker", "PING", password="x" * 40)
    assert "WRONGPASS" in data.redis("note-taker", "PING", user="default")


def test_the_password_of_another_app_is_refused(data: Data) -> None:
    other = data.password("pair-cam", "redis")
    assert "WRONGPASS" in data.redis("note-taker", "PING", user="pair-cam", password=other)
    assert "WRONGPASS" in data.redis("note-taker", "PING", password=other)


def test_it_listens_on_loopback_only_and_there_is_no_second_one(data: Data) -> None:
    listening = data.target.succeed("ss -Htlnp | grep redis-server | awk '{print $4}'").split()
    assert sorted(listening) == sorted(f"127.0.0.1:{data.port(app)}" for app in APPS)
    assert data.target.execute("systemctl is-enabled redis-server.service")[1] == "masked"


def test_each_instance_is_a_user_of_its_own_that_can_not_read_the_others(data: Data) -> None:
    users = {data.target.succeed(f"ps -o user:40= -p $(systemctl show -P MainPID {unit(app)})") for app in APPS}
    assert users == {"redis-note-taker", "redis-pair-cam"}
    data.target.succeed("runuser -u redis-pair-cam -- cat /etc/boxkeeper/redis/pair-cam.acl")
    data.target.fail("runuser -u redis-note-taker -- cat /etc/boxkeeper/redis/pair-cam.acl")
    data.target.fail("runuser -u redis-note-taker -- ls /var/lib/boxkeeper-redis/pair-cam")
    data.target.fail("runuser -u nobody -- cat /etc/boxkeeper/redis/pair-cam.acl")


def test_the_unit_is_fenced_in(data: Data) -> None:
    shown = data.target.succeed(f"systemd-analyze security --no-pager {unit('note-taker')} | tail -1")
    assert float(re.findall(r"[\d.]+(?= \w+ )", shown)[-1]) <= 1.1, shown


def fill(data: Data, app: str, keys: int, size: int, first: int = 0) -> str:
    """Set that many keys of that many bytes; what Redis says last."""
    script = (
        "local last for n = tonumber(ARGV[1]), tonumber(ARGV[1]) + tonumber(ARGV[2]) - 1 do"
        " last = redis.pcall('SET', 'fill:' .. n, string.rep('x', tonumber(ARGV[3])))"
        " if last.err then return last end end return last"
    )
    return data.redis(app, "EVAL", script, "0", str(first), str(keys), str(size))


def test_a_queue_keeps_a_thousand_keys_through_a_kill(data: Data) -> None:
    # by a script, as BullMQ does it: Redis keeps that as a transaction, and reads those back in the name of `default`
    assert fill(data, "pair-cam", 1000, 100) == "OK"
    data.target.succeed("sleep 1.1")
    data.target.succeed(f"kill -9 $(systemctl show -P MainPID {unit('pair-cam')})")
    data.target.wait_until(f"systemctl is-active {unit('pair-cam')}", 20)
    assert (
        data.redis("pair-cam", "EVAL", "return #redis.call('SCAN', 0, 'MATCH', 'fill:*', 'COUNT', 5000)[2]", "0")
        == "1000"
    )


def test_a_full_queue_refuses_and_a_full_cache_forgets(data: Data) -> None:
    for batch in range(8):
        queue = fill(data, "pair-cam", 40, 100_000, first=batch * 40)
        cache = fill(data, "note-taker", 40, 100_000, first=batch * 40)
        assert cache == "OK"
    assert "OOM" in queue
    emptied = "for _, key in ipairs(redis.call('SCAN', 0, 'COUNT', 5000)[2]) do redis.call('UNLINK', key) end"
    data.redis("pair-cam", "EVAL", emptied, "0")
    evicted = re.search(r"evicted_keys:(\d+)", data.redis("note-taker", "INFO", "stats"))
    assert evicted is not None
    assert int(evicted[1]) > 100


def test_a_cache_writes_nothing_to_the_disk(data: Data) -> None:
    data.target.succeed(f"systemctl restart {unit('note-taker')}")
    assert data.target.succeed("ls -A /var/lib/boxkeeper-redis/note-taker") == ""
    assert data.redis("note-taker", "DBSIZE") == "0"


def test_a_new_password_replaces_the_old_one(data: Data) -> None:
    old = data.password("note-taker", "redis")
    data.store.generate("note-taker/redis", replace=True)
    data.converge()
    assert data.redis("note-taker", "PING") == "PONG"
    assert "WRONGPASS" in data.redis("note-taker", "PING", password=old)
    assert data.changes() == []
