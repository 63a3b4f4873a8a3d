"""Flavor Monk on a box: every part really used, tokens as they come, neighbours kept out."""

from __future__ import annotations

import json
import re
import socket
import time

import pytest

from commands.demo import FIVE
from roles.secrets import Store
from target.box import Target
from target.run import Run, changes, environment, run, unit
from tests.apps.monk import NAME, PARTS, Monk

pytestmark = pytest.mark.target


@pytest.fixture(scope="module")
def monk(target: Target) -> Monk:
    return Monk(target, "monk.localhost")


def converge(target: Target, *options: str, **settings: str) -> Run:
    """A run with other settings of Flavor Monk."""
    variables = {**environment(target), "BOXKEEPER_FIVE": json.dumps(settings)}
    return run(FIVE, "deploys/full.py", *options, environment=variables)


def test_health_says_that_every_part_answers(monk: Monk) -> None:
    said = monk.health()
    assert {part: said[part] for part in PARTS} == dict.fromkeys(PARTS, "healthy")
    assert said["model"] == "mistral:7b"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_away_is_named_and_comes_back(monk: Monk, part: str) -> None:
    units = " ".join(f"'{unit}'" for unit in PARTS[part])
    monk.target.succeed(f"systemctl stop {units}")
    try:
        said = monk.health()
        assert {word for word in PARTS if said[word] != "healthy"} == {part}
    finally:
        monk.target.succeed(f"systemctl start {PARTS[part][0]}; systemctl start --all {units}")
    monk.target.wait_until(f"systemctl is-active {PARTS[part][-1].replace('*', '[0-9]*')}", 30)
    assert _well(monk)


def _well(monk: Monk) -> bool:
    deadline = time.monotonic() + 30
    while not monk.ask("/api/health").is_success:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return True


def test_tokens_arrive_one_by_one_through_nginx_over_tls(monk: Monk) -> None:
    heard = monk.cook("red lentils with lemon and thyme, half an hour")
    assert "lentils" in heard.text
    assert not heard.cached
    assert heard.pieces > 20
    assert heard.first < heard.last / 5, heard
    print(f"first token {heard.first * 1000:.0f} ms, last {heard.last * 1000:.0f} ms, {heard.pieces} pieces")


def test_the_same_wish_is_answered_from_the_cache(monk: Monk) -> None:
    first = monk.cook("carrots and ginger")
    again = monk.cook("carrots and ginger")
    assert again.cached
    assert again.text == first.text
    assert again.last < first.last / 5


def test_recipes_are_kept_and_found_by_their_meaning(monk: Monk) -> None:
    before = monk.count()
    monk.cook("smoked trout with horseradish")
    monk.cook("plum crumble with almonds")
    assert monk.count() == before + 2
    found = monk.search("crumble of almonds")
    assert "plum" in found["recipes"][0]["body"]
    assert not found["cached"]
    assert monk.search("crumble of almonds")["cached"]


def test_a_client_that_leaves_leaves_no_half_recipe(monk: Monk) -> None:
    before = monk.count()
    assert monk.cook("a very long stew of turnips", words=3).pieces == 3
    monk.target.succeed("sleep 5")
    assert monk.count() == before
    assert monk.health()["status"] == "healthy"


def test_without_the_model_a_wish_is_an_error_and_not_half_a_recipe(monk: Monk) -> None:
    monk.target.succeed("systemctl stop boxkeeper-ollama")
    try:
        with monk.client() as client:
            request = monk.request(client, "POST", "/api/cook", json={"wish": "anything that is left"})
            _, answer = monk.patiently(client, request)
            assert (answer.status_code, answer.read()) == (503, b'{"error":"the model does not answer"}')
    finally:
        monk.target.succeed("systemctl start boxkeeper-ollama")
    assert _well(monk)


@pytest.mark.parametrize("wish", [b"", b"{}", b'{"wish": ""}', b"[1", b'{"wish": "' + b"x" * 600 + b'"}'])
def test_what_is_no_wish_is_refused(monk: Monk, wish: bytes) -> None:
    with monk.client() as client:
        _, answer = monk.patiently(client, monk.request(client, "POST", "/api/cook", content=wish))
        assert answer.status_code == 400


def test_the_page_arrives_and_its_files_are_kept_by_browsers(monk: Monk) -> None:
    page = monk.ask("/")
    assert (page.status_code, page.http_version) == (200, "HTTP/2")
    script = re.findall(r'src="(/_next/static/[^"]+\.js)"', page.text)[0]
    assert "immutable" in monk.ask(script).headers["cache-control"]
    assert "x-powered-by" not in page.headers


def test_what_it_stands_on_is_reached_from_nowhere_else(monk: Monk) -> None:
    listening = monk.target.succeed("ss -Htln | awk '{print $4}'").split()
    assert "127.0.0.1:11434" in listening
    chroma = int(monk.environment()["CHROMA_URL"].rpartition(":")[2])
    own = (11434, chroma, 3000)
    outside = {place.rpartition(":")[2] for place in listening if not place.startswith(("127.", "[::1]"))}
    assert outside & set(map(str, own)) == set()
    for port in own:
        with pytest.raises(OSError, match=r"timed out|refused|unreachable"):
            socket.create_connection((monk.target.address, port), timeout=3)


@pytest.mark.parametrize("stranger", ["nobody", "www-data", f"redis-{NAME}"])
def test_an_account_that_needs_neither_gets_nothing_of_either(monk: Monk, stranger: str) -> None:
    chroma = monk.environment()["CHROMA_URL"]
    ask = f"runuser -u {stranger} -- python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=5)'"
    assert "Connection refused" in monk.target.execute(f"{ask} http://127.0.0.1:11434/api/tags")[1]
    assert re.search(r"HTTP Error 40[13]", monk.target.execute(f"{ask} {chroma}/api/v2/heartbeat")[1])


def test_its_unit_is_fenced_in(monk: Monk) -> None:
    shown = monk.target.succeed(f"systemd-analyze security --no-pager {unit(monk.target, NAME)} | tail -1")
    assert float(re.findall(r"[\d.]+(?= \w+ )", shown)[-1]) <= 1.5, shown


def test_nothing_of_the_build_is_kept_that_does_not_run(monk: Monk) -> None:
    current = f"/srv/{NAME}/current"
    assert int(monk.target.succeed(f"du -sm {current}/ | cut -f1")) < 280
    monk.target.fail(f"ls -d {current}/node_modules/@next/swc-* {current}/.next/cache")
    assert "telemetry" not in monk.target.succeed(f"journalctl -o cat -u {NAME}-build").lower()


def test_a_box_too_small_for_the_model_is_refused_with_the_numbers(monk: Monk) -> None:
    done = converge(monk.target, "-y", model="llama2:70b")
    assert done.code == 2, done.output
    assert re.search(r"has \S+ GB of memory.* and what runs takes \S+ GB \(llama2:70b 37.9 GB, ", done.output)
    assert re.search(r'or write `model="llama2:13b"` for flavor-monk', done.output)
    assert "nothing was changed" in done.output
    assert changes(monk.target) == []


def test_another_model_is_pulled_and_used(monk: Monk) -> None:
    assert converge(monk.target, "-y", model="tinyllama").code == 0
    said = monk.health()
    assert (said["status"], said["model"]) == ("healthy", "tinyllama")
    assert converge(monk.target, "-y").code == 0
    assert monk.health()["model"] == "mistral:7b"


def test_keys_of_providers_arrive_once_they_are_in_the_store(monk: Monk, store: Store) -> None:
    assert monk.health()["providers"] == {"replicate": False, "openai": False}
    store.set(f"{NAME}/OPENAI_API_KEY", "sk-canary-91")
    done = converge(monk.target, "-y")
    assert done.code == 0, done.output
    assert monk.health()["providers"] == {"replicate": False, "openai": True}
    assert monk.environment()["OPENAI_API_KEY"] == "sk-canary-91"
