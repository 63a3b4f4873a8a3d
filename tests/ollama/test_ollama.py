"""Ollama on a box: fetched by its hash, fenced by account, its models pulled. What runs is the stand-in."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import socket
from typing import Any

import pytest

from target import ollama as standin
from tests.ollama.box import APP, FOLDER, MIRROR, MODELS, Box

pytestmark = pytest.mark.target

LINK = "/opt/boxkeeper/ollama"
PULL = "boxkeeper-ollama-pull.service"
FETCH = "boxkeeper-archive-ollama.service"


def other(version: str, sha256: str = "") -> dict[str, Any]:
    """Settings for another version on the mirror."""
    url = f"{MIRROR}/ollama-{{version}}-{{arch}}.tar.gz"
    return {"ollama": {"version": version, "url": url, "sha256": sha256 or standin.sha256()}}


def folders(box: Box) -> str:
    return box.target.succeed("ls /opt/boxkeeper | grep ollama")


def test_a_second_run_changes_nothing(box: Box) -> None:
    assert {"all-minilm:latest", "tinyllama:latest"} <= set(box.models())
    assert box.changes() == []


def test_what_is_of_use_with_a_graphics_card_only_is_not_unpacked(box: Box) -> None:
    box.target.succeed(f"test -x {LINK}/bin/ollama && test -e {LINK}/lib/ollama/README")
    box.target.fail(f"test -e {LINK}/lib/ollama/cuda_v13")
    assert box.target.succeed("ls -A /var/cache/boxkeeper/archives") == ""


def test_it_listens_on_loopback_only_and_nobody_outside_gets_through(box: Box) -> None:
    assert box.target.succeed("ss -Htln 'sport = :11434' | awk '{print $4}'") == "127.0.0.1:11434"
    with pytest.raises(OSError, match=r"timed out|refused|unreachable"):
        socket.create_connection((box.target.address, 11434), timeout=3)


@pytest.mark.parametrize("stranger", ["nobody", "www-data", "daemon"])
def test_an_account_whose_app_does_not_need_it_is_refused(box: Box, stranger: str) -> None:
    assert box.ask("/api/version", APP)[0] == 0
    code, said = box.ask("/api/version", stranger)
    assert code == 7, said


def test_the_fence_is_put_back_where_somebody_took_it_away(box: Box) -> None:
    box.target.succeed("nft delete table inet boxkeeper_ollama")
    assert box.ask("/api/version", "nobody")[0] == 0
    assert box.changes() == ["ollama: units"]
    box.converge()
    assert box.ask("/api/version", "nobody")[0] == 7


def test_without_its_fence_it_does_not_start(box: Box) -> None:
    fence = "/etc/boxkeeper/ollama.nft"
    box.target.succeed(f"mv {fence} {fence}.away; systemctl stop boxkeeper-ollama")
    try:
        box.target.fail("systemctl start boxkeeper-ollama")
        assert box.ask("/api/version")[0] == 7
    finally:
        box.target.succeed(f"systemctl stop boxkeeper-ollama; mv {fence}.away {fence}")
    box.converge()
    assert box.ask("/api/version", APP)[0] == 0


def test_the_unit_is_fenced_in(box: Box) -> None:
    shown = box.target.succeed("systemd-analyze security --no-pager boxkeeper-ollama.service | tail -1")
    assert float(re.findall(r"[\d.]+(?= \w+ )", shown)[-1]) <= 1.2, shown
    assert box.target.succeed("ps -o user= -p $(systemctl show -P MainPID boxkeeper-ollama)").strip() == "ollama"
    box.target.fail(f"runuser -u {APP} -- ls /var/lib/boxkeeper-ollama")


def test_an_archive_with_another_hash_is_never_unpacked(box: Box) -> None:
    before = folders(box)
    box.mirror("0.34.5", standin.archive() + b"and more")
    done = box.run("-y", **other("0.34.5"))
    assert done.code != 0
    found = hashlib.sha256(standin.archive() + b"and more").hexdigest()
    assert f"has the SHA-256 {found}, wanted is {standin.sha256()}; nothing of it was unpacked" in done.output
    assert folders(box) == before
    assert box.target.succeed("ls -A /var/cache/boxkeeper/archives") == ""
    assert box.ask("/api/version", APP)[0] == 0
    assert box.changes() == []


def test_a_download_that_breaks_off_goes_on_where_it_was(box: Box) -> None:
    box.mirror("0.34.6", standin.archive())
    box.put(f"{FOLDER}/cut", b"1500")
    box.converge(**other("0.34.6"))
    assert [line.partition(" ")[2] for line in box.served() if "0.34.6" in line] == ["0", "1500"]
    assert "ollama-0.34.6-" in box.target.succeed(f"readlink {LINK}")
    assert box.changes(**other("0.34.6")) == []
    box.converge()


def test_a_box_that_goes_down_while_it_downloads_is_healed_by_the_next_run(box: Box) -> None:
    box.mirror("0.34.7", standin.archive())
    box.put(f"{FOLDER}/stall", b"1000")
    run = box.begin(**other("0.34.7"))
    try:
        box.target.wait_until("test $(cat /var/cache/boxkeeper/archives/* | wc -c) = 1000", 60)
        box.target.succeed(f"systemctl kill -s KILL {FETCH}")
    finally:
        run.kill()
        run.wait()
    box.target.fail("ls -d /opt/boxkeeper/ollama-0.34.7-*")
    box.converge(**other("0.34.7"))
    assert [line.partition(" ")[2] for line in box.served() if "0.34.7" in line] == ["0", "1000"]
    assert box.changes(**other("0.34.7")) == []
    box.converge()


def test_an_archive_as_ollama_packs_it_is_unpacked_and_older_versions_go(box: Box) -> None:
    box.put(f"{FOLDER}/plain.tar", gzip.decompress(standin.archive()))
    box.target.succeed(f"zstd -q -f {FOLDER}/plain.tar -o {FOLDER}/ollama-0.34.8.tar.zst")
    sha256 = box.target.succeed(f"sha256sum {FOLDER}/ollama-0.34.8.tar.zst").split()[0]
    settings = {"ollama": {"version": "0.34.8", "url": f"file://{FOLDER}/ollama-{{version}}.tar.zst", "sha256": sha256}}
    box.converge(**settings)
    assert box.target.succeed(f"readlink {LINK}") == f"{LINK}-0.34.8-{sha256[:8]}"
    assert len([name for name in folders(box).split() if name != "ollama"]) == 2
    assert box.changes(**settings) == []
    box.converge()


def test_a_pull_goes_on_without_the_connection_that_started_it(box: Box) -> None:
    box.forget("tinyllama:a-slow")
    models = {"models": ["tinyllama", "all-minilm", "tinyllama:a-slow"]}
    run = box.begin(**models)
    try:
        box.target.wait_until(f"test $(cat {MODELS}/blobs/*-partial | wc -c) -gt 50000", 60)
    finally:
        run.kill()
        run.wait()
    assert "tinyllama:a-slow" not in box.models()
    box.target.wait_until("curl -sS http://127.0.0.1:11434/api/tags | grep -q a-slow", 60)
    assert box.changes(**models) == []


def test_a_pull_that_is_cut_off_is_healed_and_fetches_nothing_twice(box: Box) -> None:
    box.forget("tinyllama:a-slow")
    box.converge()
    models = {"models": ["tinyllama", "all-minilm", "tinyllama:a-slow"]}
    run = box.begin(**models)
    try:
        box.target.wait_until(f"test $(cat {MODELS}/blobs/*-partial | wc -c) -gt 50000", 60)
        box.target.succeed(f"systemctl kill -s KILL {PULL} boxkeeper-ollama")
    finally:
        run.kill()
        run.wait()
    kept = int(box.target.succeed(f"cat {MODELS}/blobs/*-partial | wc -c"))
    assert 50_000 < kept < 300_000
    box.converge(**models)
    assert "tinyllama:a-slow" in box.models()
    said = box.target.succeed(f"journalctl -o cat -u {PULL} | grep 'a-slow: pulling' | tail -30")
    last = said.rpartition("pulling manifest")[2]
    assert int(re.findall(r"(\d+)%", last)[0]) >= 10, last
    assert box.changes(**models) == []


def test_a_model_that_does_not_exist_is_said_to(box: Box) -> None:
    done = box.run("-y", models=["none"])
    assert done.code != 0
    assert "none:latest: Ollama's library has no model of that name" in done.output
    box.converge()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("llama2:70b", r"has \S+ GB of memory.* and what runs takes \S+ GB \(llama2:70b 37.9 GB, .*or write `model="),
        ("tinyllama:big", r"has \S+ GB of disk, and 97\d+\.\d GB are needed \(tinyllama:big 97\d+\.\d GB, "),
    ],
)
def test_a_box_too_small_for_a_model_is_refused_before_anything_changes(box: Box, model: str, said: str) -> None:
    before = box.target.succeed("cat /etc/systemd/system/boxkeeper-ollama.service")
    settings = {"models": [model, "all-minilm"], "ollama": {**other("0.34.6")["ollama"], "keep_alive": "7m"}}
    done = box.run("-y", **settings)
    assert done.code == 2, done.output
    assert re.search(said, done.output), done.output
    assert "nothing was changed" in done.output
    assert box.target.succeed("cat /etc/systemd/system/boxkeeper-ollama.service") == before
    assert box.changes() == []


def test_tokens_come_one_by_one_and_texts_with_the_same_words_are_near(box: Box) -> None:
    _, said = box.ask("/api/generate", APP, {"model": "tinyllama", "prompt": "lentil soup"})
    pieces = [json.loads(line) for line in said.splitlines()]
    assert len(pieces) > 10
    assert "lentil" in "".join(piece["response"] for piece in pieces).lower()
    _, said = box.ask("/api/embed", APP, {"model": "all-minilm", "input": ["lentil soup", "soups", "cake"]})
    first, near, far = json.loads(said)["embeddings"]
    assert sum(a * b for a, b in zip(first, near, strict=True)) > sum(a * b for a, b in zip(first, far, strict=True))


def test_after_a_reboot_it_is_back_behind_its_fence(box: Box) -> None:
    box.target.reboot()
    box.target.wait_until("curl -sS -m 2 http://127.0.0.1:11434/api/version", 60)
    assert box.ask("/api/version", APP)[0] == 0
    assert box.ask("/api/version", "nobody")[0] == 7
    box.open()
    assert box.changes() == []
