"""ChromaDB on a real box: it keeps what it is given, for the app that has the token and for nobody else."""

from __future__ import annotations

import re

import pytest

from tests.chroma.box import BASE, Box

pytestmark = pytest.mark.target

APPS = ("rodeo-ai", "flavor-monk")
BULL, HORSE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]


def unit(app: str) -> str:
    return f"boxkeeper-chroma@{app}.service"


def collection(box: Box, app: str, name: str = "animals") -> str:
    """The path of a collection, made if missing."""
    status, made = box.ask(app, "POST", BASE, {"name": name, "get_or_create": True})
    assert status == 200, made
    return f"{BASE}/{made['id']}"


def remember(box: Box, app: str, name: str = "animals") -> str:
    path = collection(box, app, name)
    added = {"ids": ["bull", "horse"], "embeddings": [BULL, HORSE], "documents": ["a bull", "a horse"]}
    assert box.ask(app, "POST", f"{path}/upsert", added)[0] == 200
    return path


def nearest(box: Box, app: str, path: str) -> list[list[str]]:
    asked = {"query_embeddings": [[0.9, 0.1, 0.0]], "n_results": 1}
    status, answer = box.ask(app, "POST", f"{path}/query", asked)
    assert status == 200, answer
    found: list[list[str]] = answer["ids"]
    return found


def test_a_second_run_changes_nothing(box: Box) -> None:
    assert box.changes() == []


@pytest.mark.parametrize("app", APPS)
def test_an_app_finds_what_is_nearest(box: Box, app: str) -> None:
    assert nearest(box, app, remember(box, app)) == [["bull"]]


def test_what_it_was_given_outlives_a_restart_a_kill_and_a_reboot(box: Box) -> None:
    path = remember(box, "rodeo-ai")
    box.target.succeed(f"systemctl restart {unit('rodeo-ai')}")
    assert nearest(box, "rodeo-ai", path) == [["bull"]]
    kept = remember(box, "rodeo-ai", "killed")
    box.target.succeed(f"systemctl kill -s KILL {unit('rodeo-ai')}")
    box.target.wait_until(f"systemctl is-active {unit('rodeo-ai')}", 30)
    assert nearest(box, "rodeo-ai", kept) == [["bull"]]
    box.target.reboot()
    box.target.wait_until(f"systemctl is-active {unit('rodeo-ai')}", 60)
    assert nearest(box, "rodeo-ai", path) == [["bull"]]


@pytest.mark.parametrize("token", ["", "x" * 40])
def test_without_the_token_nothing_is_read_or_written(box: Box, token: str) -> None:
    path = remember(box, "rodeo-ai")
    for method, place in (("GET", BASE), ("GET", "/api/v2/heartbeat"), ("POST", f"{path}/query"), ("DELETE", path)):
        status, said = box.ask("rodeo-ai", method, place, token=token)
        assert (status, said["error"]) == (401, "AuthError"), place
    assert nearest(box, "rodeo-ai", path) == [["bull"]]


def test_the_token_of_another_app_opens_nothing(box: Box) -> None:
    assert box.ask("rodeo-ai", "GET", BASE, token=box.token("flavor-monk"))[0] == 401


@pytest.mark.parametrize("user", ["root", "nobody", "chroma-flavor-monk"])
def test_nobody_reaches_chroma_past_its_door(box: Box, user: str) -> None:
    listening = box.target.succeed("ss -Htln | awk '{print $4}'").split()
    assert f"127.0.0.1:{box.port('rodeo-ai')}" in listening
    assert not [place for place in listening if place.endswith(":8000")]
    line = f"runuser -u {user} -- python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8000), 2)'"
    assert "refused" in box.target.fail(line)


def test_from_outside_there_is_nothing(box: Box) -> None:
    listening = box.target.succeed("ss -Htlnp | grep -E ':7[4-9][0-9][0-9]' | awk '{print $4}'").split()
    assert sorted(listening) == sorted(f"127.0.0.1:{box.port(app)}" for app in APPS)
    address = box.target.succeed("hostname -I").split()[0]
    assert box.ask("rodeo-ai", "GET", BASE, host=address)[0] == 0


def test_it_reaches_nothing_either(box: Box) -> None:
    pid = box.target.succeed(f"systemctl show -P MainPID {unit('rodeo-ai')}").strip()
    shown = box.target.succeed(f"nsenter -t {pid} -n ip -brief address").split()
    assert shown[0] == "lo"
    assert "eth0" not in " ".join(shown)
    assert box.target.succeed(f"nsenter -t {pid} -n ip route") == ""


def test_each_instance_is_a_user_of_its_own_that_can_not_read_the_others(box: Box) -> None:
    users = {box.target.succeed(f"ps -o user:40= -p $(systemctl show -P MainPID {unit(app)})").strip() for app in APPS}
    assert users == {"chroma-rodeo-ai", "chroma-flavor-monk"}
    for place in ("/var/lib/boxkeeper-chroma/rodeo-ai", "/etc/boxkeeper/chroma/rodeo-ai.json"):
        box.target.succeed(f"runuser -u chroma-rodeo-ai -- ls {place} && runuser -u chroma-rodeo-ai -- test -r {place}")
        box.target.fail(f"runuser -u chroma-flavor-monk -- test -r {place}")
        box.target.fail(f"runuser -u nobody -- test -r {place}")


def test_the_unit_is_fenced_in_and_capped(box: Box) -> None:
    shown = box.target.succeed(f"systemd-analyze security --no-pager {unit('rodeo-ai')} | tail -1")
    assert float(re.findall(r"[\d.]+(?= \w+ )", shown)[-1]) <= 1.1, shown
    assert box.target.succeed(f"systemctl show -P MemoryMax {unit('rodeo-ai')}").strip() == str(384 << 20)


def test_its_environment_is_small(box: Box) -> None:
    kilobytes = int(box.target.succeed("du -sk /opt/boxkeeper/chroma | cut -f1"))
    assert kilobytes < 110_000, "more than the wheel and pip: its dependencies came along"
    assert box.target.execute("/opt/boxkeeper/chroma/bin/python -c 'import onnxruntime'")[0] != 0


def test_a_chroma_that_died_inside_comes_back_with_its_door(box: Box) -> None:
    path = remember(box, "rodeo-ai")
    door = box.target.succeed(f"systemctl show -P MainPID {unit('rodeo-ai')}").strip()
    box.target.succeed(f"kill -9 $(pgrep -P {door})")
    box.target.wait_until(
        f"test $(systemctl show -P MainPID {unit('rodeo-ai')}) -ne {door} && systemctl is-active {unit('rodeo-ai')}", 30
    )
    assert nearest(box, "rodeo-ai", path) == [["bull"]]


def test_a_new_token_replaces_the_old_one(box: Box) -> None:
    old = box.token("rodeo-ai")
    path = remember(box, "rodeo-ai")
    box.store.generate("rodeo-ai/chroma", replace=True)
    box.converge()
    assert nearest(box, "rodeo-ai", path) == [["bull"]]
    assert box.ask("rodeo-ai", "GET", BASE, token=old)[0] == 401
    assert box.changes() == []


def test_a_new_cap_restarts_only_the_one_that_it_is_for(box: Box) -> None:
    before = {app: box.target.succeed(f"systemctl show -P MainPID {unit(app)}") for app in APPS}
    box.converge(chroma_memory="256mb")
    after = {app: box.target.succeed(f"systemctl show -P MainPID {unit(app)}") for app in APPS}
    assert after["rodeo-ai"] != before["rodeo-ai"]
    assert after["flavor-monk"] == before["flavor-monk"]
    box.converge()


def test_no_token_is_in_a_log_of_the_box_or_of_a_run(box: Box) -> None:
    box.store.generate("rodeo-ai/chroma", replace=True)
    said = box.run("-y", "-vvv", "--diff", "--debug").output
    logs = box.target.succeed("journalctl --no-pager --quiet; ps axww")
    assert [value for value in (box.token(app) for app in APPS) if value in said or value in logs] == []
