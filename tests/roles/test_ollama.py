"""Ollama, as far as no box is needed: releases, models, and who is refused. The rest is in tests/ollama."""

from __future__ import annotations

import re

import pytest

from roles.apps import App, Folder
from roles.archive import Archive
from roles.clashes import within
from roles.models import MODELS, Model, biggest, plan, ram_mb
from roles.ollama import RELEASES, Models, Ollama, secrets, variables, wanted
from roles.resources import File, Files
from roles.server import Server


class Cook(App):
    title = "Cook"
    needs = frozenset({"ollama"})
    name: str = "flavor-cook"
    model: str = "mistral:7b"

    @property
    def models(self) -> tuple[str, ...]:
        return (self.model, "all-minilm")


def cook(model: str = "mistral:7b", name: str = "flavor-cook") -> App:
    return Cook(name=name, domain=f"{name}.example.com", source=Folder(path="."), model=model)


def server(*apps: App, **settings: object) -> Server:
    return Server(host="192.0.2.1", ollama=Ollama(**settings), apps=apps)


def models(*names: str) -> Models:
    return Models({name: MODELS[name.removesuffix(":latest")] for name in names}, ["cook"], "/opt/boxkeeper/ollama")


def found(ram: int, disk: int = 50_000, *there: str, installed: bool = False) -> dict[str, object]:
    return {"ram_mb": ram, "disk_free_mb": disk, "models": list(there), "installed": installed}


def archive(**settings: object) -> Archive:
    (made,) = (one for one in wanted(server(cook(), **settings)) if isinstance(one, Archive))
    return made


def file(end: str, *apps: App, **settings: object) -> str:
    files = (one for one in wanted(server(*apps, **settings)) if isinstance(one, Files))
    (text,) = (
        path.content.decode()
        for one in files
        for path in one.paths
        if isinstance(path, File) and path.path.endswith(end)
    )
    return text


def test_every_release_has_a_hash_for_both_kinds_of_processors() -> None:
    assert Ollama().version in RELEASES
    for hashes in RELEASES.values():
        assert set(hashes) == {"amd64", "arm64"}
        assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in hashes.values())
    every = [sha256 for hashes in RELEASES.values() for sha256 in hashes.values()]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", "amd64"), ("aarch64", "arm64")])
def test_a_box_is_sent_the_archive_for_its_processor(machine: str, arch: str) -> None:
    sent = archive().payload({"machine": machine, "made_of": None})
    assert sent["url"].endswith(f"/v0.34.4/ollama-linux-{arch}.tar.zst")
    assert sent["made_of"]["sha256"] == RELEASES["0.34.4"][arch]
    assert sent["folder"] == f"/opt/boxkeeper/ollama-0.34.4-{RELEASES['0.34.4'][arch][:8]}"


def test_a_box_with_another_processor_is_refused() -> None:
    (said,) = archive().refuse({"machine": "riscv64", "made_of": None})
    assert said == "ollama 0.34.4 is known for x86_64 and aarch64; this box is riscv64"
    assert archive().refuse({"machine": "aarch64", "made_of": None}) == []


def test_what_is_unpacked_is_known_by_its_hash_and_version() -> None:
    made_of = archive().payload({"machine": "x86_64", "made_of": None})["made_of"]
    assert archive().differences({"machine": "x86_64", "made_of": made_of}) == []
    assert archive(version="0.32.9").differences({"machine": "x86_64", "made_of": made_of}) != []
    again = archive(version="9.9.9", sha256=RELEASES["0.34.4"]["amd64"])
    assert again.differences({"machine": "x86_64", "made_of": made_of}) != []
    assert archive(sha256="0" * 64).differences({"machine": "x86_64", "made_of": made_of}) != []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"version": "0.99.0"}, "the archive of 0.99.0 is not known here (0.34.4, 0.32.9 are): add its line"),
        ({"version": "v0.34.4"}, "is no version; write it like `0.34.4`, without a v"),
        ({"sha256": "abc"}, "is no SHA-256"),
        ({"url": "ftp://example.com/x"}, "is no address of an archive"),
        ({"url": "https://user:word@example.com/x"}, "is no address of an archive"),
        ({"url": "https://example.com/{os}"}, "is no address of an archive"),
        ({"keep_alive": "forever"}, "is no time; write it like `5m`"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(settings: dict[str, str], said: str) -> None:
    assert said in "\n".join(Ollama(**settings).faults)


def test_a_version_with_its_hash_is_taken() -> None:
    assert Ollama(version="0.99.0", sha256="0" * 64).faults == ()


def test_an_app_that_needs_it_is_told_to_add_it() -> None:
    (said,) = within(Server(host="192.0.2.1", apps=(cook(),)))
    assert said == "flavor-cook needs ollama: add `ollama=Ollama()` to this server"


def test_a_model_that_nobody_knows_is_a_clash_until_its_size_is_given() -> None:
    (said,) = within(server(cook("phi4")))
    assert "flavor-cook: what the model phi4 takes is not known here" in said
    assert '`ollama=Ollama(sizes={"phi4": Model(ram_gb=8, disk_mb=5000)})`' in said
    assert list(within(server(cook("phi4"), sizes={"phi4": Model(16, 9100)}))) == []


def test_the_documented_sizes_are_refused_on_less_and_taken_on_as_much() -> None:
    # what machines with 4, 8 and 16 GB report
    assert models("mistral:7b", "all-minilm").refuse(found(7940)) == []
    assert models("llama2:13b", "all-minilm").refuse(found(15990)) == []
    assert models("mistral:7b").refuse(found(3910)) != []
    assert models("llama2:13b").refuse(found(7940)) != []


def test_a_refusal_says_the_numbers_the_model_that_fits_and_the_plan() -> None:
    (said,) = models("llama2:13b", "all-minilm").refuse(found(3910))
    assert said == (
        "this box has 3910 MB of memory, the models of cook need 16430: llama2:13b (16 GB), all-minilm (1 GB); "
        'take a smaller one, `model="gemma2:2b"`, or rent a box with 16 GB'
    )
    (said,) = models("mistral:7b").refuse(found(480))
    assert said.endswith("mistral:7b (8 GB); rent a box with 8 GB")


def test_a_disk_too_small_is_refused_with_what_is_still_to_come() -> None:
    (said,) = models("mistral:7b").refuse(found(8000, 6000))
    assert "has 6000 MB of disk free, Ollama with mistral:7b takes 6000, and 1024 should stay free" in said
    assert models("mistral:7b").refuse(found(8000, 6000, installed=True)) == []
    assert models("mistral:7b").refuse(found(8000, 1, "mistral:7b", installed=True)) == []


def test_models_kept_together_need_the_memory_of_both() -> None:
    assert ram_mb([MODELS["mistral:7b"], MODELS["llama3.2:1b"]]) == 8 * 1024 + 1300
    assert ram_mb([]) == 0


def test_what_turns_text_into_vectors_is_not_offered_as_what_writes() -> None:
    assert biggest(900) is None
    assert biggest(1950) == "tinyllama"
    assert plan(8192 + 46) == 8


def test_only_models_that_are_not_there_are_pulled() -> None:
    two = models("mistral:7b", "all-minilm:latest")
    assert two.payload(found(8000, 50_000, "all-minilm:latest")) == {"models": ["mistral:7b"]}
    assert two.differences(found(8000, 50_000, "all-minilm:latest", "mistral:7b")) == []
    assert two.differences({**found(8000), "models": None}) != []


def test_where_no_app_needs_it_nothing_is_fetched() -> None:
    assert list(wanted(server())) == []


def test_only_apps_that_need_it_are_let_through_its_fence() -> None:
    class Other(App):
        title = "Other"

    other = Other(name="note-taker", domain="notes.example.com", source=Folder(path="."))
    fence = file("ollama.nft", cook(), cook(name="second-cook"), other)
    assert 'meta skuid != { "root", "ollama", "flavor-cook", "second-cook" } reject' in fence


def test_it_is_never_told_to_listen_to_others() -> None:
    unit = file(".service", cook(), keep_alive="30m")
    assert "OLLAMA_HOST=127.0.0.1:11434 " in unit
    assert "OLLAMA_KEEP_ALIVE=30m" in unit
    assert "OLLAMA_MAX_LOADED_MODELS=2 " in unit
    assert "ExecStartPre=+/usr/sbin/nft -f" in unit
    assert "OLLAMA_NOPRUNE=1" in unit


def test_an_app_is_told_where_it_is_and_which_model_it_chose() -> None:
    assert variables(server(cook()), cook()) == {"OLLAMA_HOST": "http://127.0.0.1:11434", "OLLAMA_MODEL": "mistral:7b"}
    assert list(secrets(cook())) == []
