"""Ollama, as far as no box is needed: releases, models, and who is refused. The rest is in tests/ollama."""

from __future__ import annotations

import re

import pytest

from roles.apps import App, Folder
from roles.apps.flavor_monk import FlavorMonk
from roles.archive import Archive
from roles.budget import Budget, Size, bill, fitting, seen
from roles.chroma import Chroma
from roles.clashes import within
from roles.models import MODELS, Model, full, manifest, smaller
from roles.nginx import Nginx
from roles.ollama import RELEASES, Models, Ollama, secrets, variables, wanted
from roles.plans import table
from roles.postgres import Postgres
from roles.redis import Redis
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
    assert '`ollama=Ollama(sizes={"phi4": Model(ram_mb=6000, disk_mb=5000)})`' in said
    assert list(within(server(cook("phi4"), sizes={"phi4": Model(11000, 9100)}))) == []


def box(ram_gb: int, disk_gb: int = 100) -> Size:
    """What a machine of that plan shows of itself."""
    return Size(ram_gb * 1024 * 9 // 10, disk_gb * 1024)


def whole(model: str) -> Server:
    """A server with all that Flavor Monk stands on."""
    roles = {"postgres": Postgres(), "redis": Redis(), "chroma": Chroma(), "nginx": Nginx(), "ollama": Ollama()}
    app = FlavorMonk(domain="monk.example.com", source=Folder(path="."), model=model)
    return Server(host="192.0.2.1", apps=(app,), **roles)


@pytest.mark.parametrize(("model", "needs"), [("mistral:7b", 8), ("llama2:13b", 16), ("qwen2.5:0.5b", 2)])
def test_the_documented_sizes_are_taken_and_half_of_them_is_not(model: str, needs: int) -> None:
    assert list(bill(whole(model), box(needs)).lacks()) == []
    assert list(bill(whole(model), box(needs // 2)).lacks()) != []


def found(size: Size, *there: str, free_mb: int = 100_000) -> dict[str, object]:
    paths = {"ram_mb": size.ram_mb, "disk_mb": size.disk_mb, "free_mb": free_mb, "there": ["/", *there]}
    return {**paths, "swap_mb": 0, "container": True}


def test_a_refusal_says_the_numbers_the_plan_and_the_model_that_fits() -> None:
    (said,) = Budget(whole("llama2:13b")).refuse(found(box(4)))
    assert "has 3.6 GB of memory" in said
    assert "llama2:13b 10.3 GB" in said
    assert "the cheapest plan that fits is DigitalOcean CPU-Optimized 16GB" in said
    assert 'or write `model="llama3.2:1b"` for flavor-monk' in said


def test_what_is_proposed_instead_fits() -> None:
    for plan in table():
        size = seen(plan)
        costs = Ollama().costs([cook("llama2:70b")], size)
        for other in (cost.less_ram.split('"')[1] for cost in costs if cost.less_ram):
            assert MODELS[other].ram_mb < size.ram_mb
    assert smaller(500) is None
    assert smaller(99_999) == "llama2:70b"


def test_the_plans_for_each_model_are_those_with_the_memory() -> None:
    assert {plan.ram_mb for plan in fitting(whole("mistral:7b"))} == {8192, 16384}
    assert {plan.ram_mb for plan in fitting(whole("llama2:13b"))} == {16384}


def test_a_disk_too_small_is_refused_and_what_is_there_is_not_asked_for_again() -> None:
    check = Budget(server(cook()))
    there = [path for path in check.query() if "ollama" in path]
    assert f"/var/lib/boxkeeper-ollama/models/{manifest('mistral:7b')}" in there
    (said,) = check.refuse(found(box(16), free_mb=3000))
    assert "mistral:7b 4.1 GB" in said
    assert check.refuse(found(box(16), *check.query(), free_mb=100)) == []


def test_a_model_that_two_apps_ask_for_is_paid_for_once() -> None:
    costs = list(Ollama().costs([cook(), cook(name="second-cook")], box(16)))
    assert sorted(cost.what for cost in costs) == ["Ollama", "all-minilm:latest", "mistral:7b"]
    assert list(Ollama().costs([], box(16))) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("mistral:7b", "manifests/registry.ollama.ai/library/mistral/7b"),
        ("all-minilm", "manifests/registry.ollama.ai/library/all-minilm/latest"),
        ("someone/model:x", "manifests/registry.ollama.ai/someone/model/x"),
        ("hf.co/someone/model", "manifests/hf.co/someone/model/latest"),
    ],
)
def test_a_model_is_known_by_the_file_that_ollama_writes_last(name: str, path: str) -> None:
    assert manifest(name) == path
    assert full(full(name)) == full(name)


def test_only_models_that_are_not_there_are_pulled() -> None:
    two = Models({"mistral:7b": 4400, "all-minilm:latest": 46})
    assert two.payload(["all-minilm:latest"]) == {"models": ["mistral:7b"]}
    assert two.differences(["all-minilm:latest"]) == ["mistral:7b is not here yet (4400 MB)"]
    assert two.differences(["all-minilm:latest", "mistral:7b"]) == []
    assert len(two.differences(None)) == 2


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
