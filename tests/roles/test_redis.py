"""Redis, as far as no box is needed: ports, rights, sizes. The rest is in tests/data."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import SecretStr

from roles.apps import App, Folder
from roles.budget import Size
from roles.redis import Instance, Instances, Redis, rights, variables
from roles.resources import File
from roles.rotation import supplied
from roles.server import Server


class Cache(App):
    title = "Cache"
    needs = frozenset({"redis"})


class Queue(Cache):
    redis_use = "queue"


def cache(name: str = "note-taker", memory: str = "64mb") -> App:
    return Cache(name=name, domain=f"{name}.example.com", source=Folder(path="."), redis_memory=memory)


def queue(name: str = "pair-cam", memory: str = "64mb") -> App:
    return Queue(name=name, domain=f"{name}.example.com", source=Folder(path="."), redis_memory=memory)


def instance(app: App, *passwords: str) -> Instance:
    words = [SecretStr(password) for password in passwords or ("x" * 40,)]
    return Instance(app, 6500, words, [SecretStr("k" * 40)])


def sent(app: App, version: list[int] | None = None) -> dict[str, str]:
    """The files of an instance as they are sent to a bare box, by the end of their names."""
    one = Instances([instance(app)])
    found = {"version": version, "files": {"paths": [None] * len(one.query()), "leftovers": []}}
    paths = one.payload(found)["paths"]
    contents = {path["path"]: base64.b64decode(path["content"]).decode() for path in paths if "content" in path}
    return {path.rpartition(".")[2] if "systemd" not in path else "unit": text for path, text in contents.items()}


def test_a_port_follows_from_the_name_alone() -> None:
    ports = {Redis().port(cache(name)) for name in ("note-taker", "pair-cam", "rodeo", "chatty", "flavor-monk")}
    assert len(ports) == 5
    assert all(6400 <= port < 7400 for port in ports)
    assert Redis().port(cache("note-taker")) == Redis().port(queue("note-taker"))


def clashing() -> tuple[App, App]:
    """Two apps whose names give the same port."""
    seen: dict[int, App] = {}
    for number in range(10_000):
        one = cache(f"app{number}")
        other = seen.setdefault(Redis().port(one), one)
        if other is not one:
            return other, one
    raise AssertionError("no two names with one port")


def test_two_apps_on_one_port_are_told_what_to_write() -> None:
    first, second = clashing()
    (said,) = Redis().clashes([first, second])
    assert said.startswith(f"the Redis of {first.name} and that of {second.name} would share port")
    free = Redis().port(first) + 1
    assert f'`redis=Redis(ports={{"{second.name}": {free}}})`' in said
    assert list(Redis(ports={second.name: free}).clashes([first, second])) == []


def test_a_port_for_nobody_is_a_clash() -> None:
    (said,) = Redis(ports={"note-takr": 6500}).clashes([cache()])
    assert "no app note-takr here needs redis (those that do: note-taker)" in said


@pytest.mark.parametrize("port", [80, 5432, 70000])
def test_a_port_that_is_taken_or_none_is_refused(port: int) -> None:
    (said,) = Redis(ports={"note-taker": port}).faults
    assert f"note-taker: {port} can't be the port" in said


def test_a_cap_that_holds_nothing_is_a_clash() -> None:
    (said,) = Redis().clashes([cache(memory="100kb")])
    assert 'redis_memory="64mb"' in said


def test_a_cap_counts_in_full_and_a_queue_is_on_the_disk_too() -> None:
    costs = list(Redis().costs([cache(memory="200mb"), queue(memory="1gb")], Size(4000, 40_000)))
    assert [cost.what for cost in costs] == ["Redis of note-taker", "Redis of pair-cam"]
    assert [cost.ram_mb for cost in costs] == [208, 1032]
    assert [cost.disk_mb for cost in costs] == [0, 3 * 1024]
    assert costs[1].less_ram == costs[1].less_disk == "a smaller `redis_memory` for pair-cam"


def test_a_cache_may_forget_and_a_queue_may_not() -> None:
    assert "maxmemory-policy allkeys-lru\nappendonly no\n" in sent(cache())["conf"]
    assert "maxmemory-policy noeviction\nappendonly yes\nappendfsync everysec\n" in sent(queue())["conf"]


def test_the_rights_are_in_the_words_of_each_version() -> None:
    assert rights("queue", [6, 0]) == ("~* +@all -@admin -@dangerous +info +client|setname +client|getname +client|id")
    assert rights("queue", [7, 0]) == "~* &* +@all -@admin -@dangerous +info"
    assert rights("cache", [8, 0]) == "~* &* +@all -@admin -@dangerous +info +flushdb"


def hashed(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def test_of_the_password_only_its_hash_is_on_the_box() -> None:
    default, own, _ = sent(cache(), [7, 0])["acl"].splitlines()
    assert default == "user default off ~* &* +@all"
    assert own == f"user note-taker on #{hashed('x' * 40)} {rights('cache', [7, 0])}"


def test_root_changes_accounts_by_one_that_can_do_nothing_else_and_whose_key_no_app_has() -> None:
    assert sent(cache())["acl"].splitlines()[2] == f"user boxkeeper.acl on #{hashed('k' * 40)} -@all +acl|setuser"
    keys = next(path for path in instance(cache()).paths([7, 0]) if path.path.endswith(".keys"))
    assert (keys.wanted()["mode"], keys.wanted()["owner"], keys.wanted()["group"]) == ("0600", "root", "root")


def test_while_it_is_rotated_both_passwords_open_it() -> None:
    paths = instance(cache(), "old", "new").paths([7, 0])
    acl = next(path.content.decode() for path in paths if isinstance(path, File) and path.path.endswith(".acl"))
    assert f"user note-taker on #{hashed('old')} #{hashed('new')} ~*" in acl


def test_each_instance_has_an_account_of_its_own_that_linux_takes() -> None:
    names = ["a" * 31, "a" * 30 + "b", "note-taker", "n" * 26, "n" * 27]
    users = [instance(cache(name)).user for name in names]
    assert len(set(users)) == len(names)
    assert all(len(user) <= 32 for user in users)


@pytest.mark.parametrize("password", ["x" * 40, "p@ss:w/rd?#[]%&= +'\"\\"])
def test_any_password_comes_back_out_of_the_url(password: str) -> None:
    server = Server(host="192.0.2.1", redis=Redis(ports={"note-taker": 6500}), apps=(cache(),))
    server._kept["note-taker/redis"] = supplied(password)
    parts = urlsplit(variables(server, server.apps[0])["REDIS_URL"])
    assert unquote(parts.password or "") == password
    assert (parts.username, parts.hostname, parts.port, parts.path) == ("note-taker", "127.0.0.1", 6500, "/0")
