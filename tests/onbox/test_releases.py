"""Releases: what is built, what runs, what is live, and what is left of one that failed or was killed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from onbox import handover, records, releases, slots, source
from onbox.shell import Failed
from tests.onbox.box import Box

ALL = ["app-beat", "app-web", "app-worker"]


def running(box: Box, slot: int) -> list[str]:
    """The services that run in a slot."""
    return sorted(name.partition("@")[0] for name in box.runs if name.endswith(f"@{slot}.service"))


def test_a_first_release_is_built_started_and_live(box: Box) -> None:
    record = box.release("a")
    assert box.live == "a"
    assert running(box, 1) == ALL
    assert (record["result"], record["reason"], record["who"], record["ref"]) == ("live", "", "me@here", "main")
    assert box.builds() == [record["name"]]
    assert not os.path.lexists(box.home / "next")
    assert sorted(os.listdir(records.path("app", record["name"]))) == ["build", "environment", "release.json", "units"]


def test_the_next_one_runs_beside_it_and_then_everybody_is_sent_there(box: Box) -> None:
    first, second = box.release("a"), box.release("b")
    assert box.live == "b"
    assert running(box, 2) == ALL
    assert "app-web" in running(box, 1)  # for what is open there
    assert {box.runs["app-web@1.service"], box.runs["app-web@2.service"]} == {first["name"], second["name"]}


def test_only_one_runs_of_what_may_run_only_once(box: Box) -> None:
    box.release("a")
    box.asked.clear()
    box.release("b")
    assert box.asked.index("stop app-beat@1.service") < box.asked.index("start app-beat@2.service")
    assert "app-beat" not in running(box, 1)


@pytest.mark.parametrize(
    ("refusal", "more", "said"),
    [
        ("", {}, "app: mian is not found at /nowhere: no branch, tag or full commit is called so"),
        ("no such host", {}, "app: the box can't read /nowhere: no such host"),
        (
            "Permission denied",
            {"ssh": "ssh -i key", "public": "key.pub"},
            "app: the box can't read /nowhere: Permission denied; let it by adding this deploy key there, for reading: "
            "ssh-ed25519 A",
        ),
    ],
)
def test_a_release_of_nothing_says_why_and_what_to_do(
    box: Box, refusal: str, more: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "refusal", lambda *_: refusal)
    (box.root / "key.pub").write_text("ssh-ed25519 A\n")
    if "public" in more:
        more = {**more, "public": str(box.root / more["public"])}
    with pytest.raises(Failed) as failed:
        releases.apply(box.spec("a", source=None, git={"url": "/nowhere", "ref": "mian", **more}))
    assert str(failed.value) == said
    assert records.every("app") == []


def test_releases_that_differ_only_in_their_environment_share_a_build(box: Box) -> None:
    first = box.release("a")
    (box.root / "env").write_text("A=2")
    second = box.release("a", archive=None)
    assert (second["name"], second["build"]) == (box.live and second["name"], first["build"])
    assert box.builds() == [first["name"]]
    assert Path(records.path("app", second["name"]), "environment").read_text() == "A=2"
    assert Path(records.path("app", first["name"]), "environment").read_text() == "A=1"
    assert box.asked.count("start app-build.service") == 1


def test_another_way_of_building_makes_another_build(box: Box) -> None:
    box.release("a")
    box.release("a", recipe="other")
    assert len(box.builds()) == 2


def test_the_release_command_is_for_a_new_build_alone_and_never_for_a_rollback(box: Box) -> None:
    first = box.release("a")
    box.release("a")
    assert box.asked.count("start app-release.service") == 1
    box.release("b")
    assert box.asked.count("start app-release.service") == 2
    box.rollback(first["name"])
    assert box.live == "a"
    assert box.asked.count("start app-release.service") == 2


def test_an_environment_is_for_root_alone(box: Box) -> None:
    folder = Path(records.path("app", box.release("a")["name"]))
    assert {(folder / name).stat().st_mode & 0o777 for name in ("environment", "release.json")} == {0o600}


@pytest.mark.parametrize("step", ["app-build.service", "app-release.service"])
def test_one_that_fails_leaves_its_record_with_the_reason_and_frees_its_build(box: Box, step: str) -> None:
    first = box.release("a")
    box.fails.add(step)
    with pytest.raises(Failed, match=f"app: {step} failed; its last lines:"):
        box.release("b")
    failed = records.every("app")[-1]
    assert (failed["result"], failed["reason"].partition(";")[0]) == ("failed", f"{step} failed")
    assert os.listdir(records.path("app", failed["name"])) == ["release.json"]
    assert box.builds() == [first["name"]]
    assert (box.live, running(box, 1)) == ("a", ALL)


def test_a_full_disk_is_said_and_leaves_what_is_live(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.release("a")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(source, "unpack", full)
    with pytest.raises(Failed, match="No space left on device"):
        box.release("b")
    assert "No space left" in records.every("app")[-1]["reason"]
    assert box.live == "a"


def test_a_source_that_was_once_unhealthy_is_built_anew(box: Box) -> None:
    box.sick.add("b" * 40)
    box.release("a")
    with pytest.raises(Failed):
        box.release("b")
    box.sick.clear()
    box.release("b")
    assert box.asked.count("start app-build.service") == 3


def test_a_rollback_has_the_build_and_units_of_before_with_the_environment_of_now(box: Box) -> None:
    first = box.release("a")
    box.wants({"web": "web"})
    (box.root / "env").write_text("A=2")
    box.release("b")
    again = box.rollback(first["name"])
    assert (again["build"], again["like"], again["pinned"]) == (first["build"], first["name"], True)
    assert again["installed"] == first["installed"]
    assert Path(records.path("app", again["name"]), "environment").read_text() == "A=2"
    assert running(box, 3) == ALL


def test_a_pinned_one_with_another_environment_keeps_its_build_and_units(box: Box) -> None:
    first = box.rollback(box.release("a")["name"])
    box.wants({"web": "web"})
    (box.root / "env").write_text("A=2")
    second = box.release("b", like=first["name"], pinned=True, archive=None)
    assert (second["build"], second["installed"], second["source"]) == tuple(
        first[word] for word in ("build", "installed", "source")
    )
    assert second["pinned"]
    assert box.asked.count("start app-build.service") == 1
    assert running(box, 3) == ALL


def test_one_that_is_like_another_has_the_very_same_units(box: Box) -> None:
    first = box.release("a")
    assert box.release("a", like=first["name"])["units"] == first["units"]


def test_a_rollback_to_what_is_gone_says_where_to_look(box: Box) -> None:
    with pytest.raises(Failed, match=r"app has no release x any more; `boxkeeper releases ENV app` shows which it has"):
        box.rollback("x")


def test_what_a_box_says_of_a_live_release(box: Box) -> None:
    record = box.release("a")
    spec = box.spec("a")
    query = {"app": "app", "git": None, "environment": spec["environment"], "units": [*spec["own"], *spec["shared"]]}
    (found,) = releases.observe([query])
    assert found["live"]["name"] == record["name"]
    assert (found["intact"], found["running"], found["commit"]) == (True, None, None)
    assert found["builds"] == [["a" * 40, "r"]]
    assert (found["environment"], found["units"]) == (record["environment"], record["units"])
    assert set(found["states"].values()) == {"active"}
    assert len(found["states"]) == 4


@pytest.mark.parametrize("path", ["srv/app/live/release/environment", "units/app-web@1.service"])
def test_what_was_changed_by_hand_is_seen(box: Box, path: str) -> None:
    box.release("a")
    (box.root / path).write_text("changed")
    (found,) = releases.observe([{"app": "app", "git": None, "environment": "", "units": []}])
    assert not found["intact"]


def test_a_box_without_the_app_is_found_so(box: Box) -> None:
    (found,) = releases.observe([{"app": "other", "git": None, "environment": "", "units": []}])
    assert (found["live"], found["intact"], found["running"], found["builds"]) == (None, False, None, [])


def test_a_version_that_does_not_come_up_keeps_nobody_from_the_release_that_mends_it(box: Box) -> None:
    box.release("a")
    box.states["app-web@1.service"] = "failed"
    box.fails.add("app-web@1.service")
    box.release("b")
    assert box.live == "b"


def test_what_is_live_hands_over_to_a_copy_that_is_no_release_of_its_own(box: Box) -> None:
    record = box.release("a")
    (box.root / "env").write_text("A=2")
    releases.renew("app")
    assert slots.live("app") == slots.Slot("app", 2)
    assert running(box, 2) == ALL
    assert "app-web" in running(box, 1)  # for what is open there
    assert records.every("app") == [record]


def test_what_a_copy_says_is_told_without_its_secrets(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def go_live(_: object) -> None:
        raise Failed("correct-horse is refused")

    (box.root / "env").write_text('# hidden: TOKEN\nTOKEN="correct-horse"\n')
    box.release("a")
    monkeypatch.setattr(handover, "go_live", go_live)
    with pytest.raises(Failed, match=r"^\[TOKEN\] is refused$"):
        releases.renewed("app")


def test_a_copy_that_does_not_get_healthy_takes_no_traffic(box: Box) -> None:
    record = box.release("a")
    box.sick.add("a" * 40)
    with pytest.raises(Failed, match="app: "):
        releases.renew("app")
    assert slots.every("app") == [slots.Slot("app", 1)]
    assert running(box, 1) == ALL
    assert records.every("app") == [record]


def test_a_release_that_a_power_cut_ended_is_not_under_way_for_ever(box: Box) -> None:
    """Nobody tidied up after it: the next one does."""
    box.release("a")
    begun = records.every("app")[-1]
    records.write({**begun, "result": None, "name": begun["name"]})
    (box.home / "releases" / "20260101T000000Z-cut").mkdir()
    records.write({**begun, "result": None, "name": "20260101T000000Z-cut"})
    box.release("b")
    assert [record["result"] for record in records.every("app")] == ["cut off", "live", "live"]


def test_what_is_to_be_done_is_for_root_alone(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(app: str, name: str) -> None:
        path = Path(records.path(app, name), "spec.json")
        seen.append((path.stat().st_mode & 0o777, json.loads(path.read_text())["source"]))

    monkeypatch.setattr(releases, "run", run)
    with pytest.raises(Failed, match="it was cut off; run again"):
        box.release("a")
    assert seen == [(0o600, "a" * 40)]
