"""A release as a resource: what differs, what is sent, and what stays until somebody asks."""

from __future__ import annotations

import getpass
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from roles.apps import Folder, Git, release, role
from roles.apps.release import Live, Release, Rollback, processes, under_way, who
from tests.roles.apps.test_role import notes, plain

URL = "https://example.com/a.git"
COMMIT = "a" * 40


@pytest.fixture
def mine(tmp_path: Path) -> Release:
    """The release of a folder."""
    (tmp_path / "main.py").write_text("1")
    return role.release(notes(tmp_path))


@pytest.fixture
def git() -> Release:
    return role.release(plain(source=Git(url=URL, ref="main")))


def found(wanted: Release, live: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """What a box says that has this release, with something else."""
    source = wanted.app.source
    same = release._identity(Path(source.path).resolve()) if isinstance(source, Folder) else COMMIT
    record = {"name": "one", "source": same, "recipe": wanted.recipe, "pinned": False, "like": None}
    return {
        "live": {**record, "environment": "e", "units": "u", **(live or {})},
        **{"intact": True, "running": None, "commit": COMMIT, "builds": [[same, wanted.recipe]]},
        **{"environment": "e", "units": "u", "states": {"x@1.service": "active"}},
        **more,
    }


def test_a_release_that_is_live_is_as_wanted(mine: Release) -> None:
    assert list(mine.differences(found(mine))) == []


UNDER_WAY = {"name": "two", "who": "you@there", "time": "noon", "step": "build"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"live": {"source": "f" * 64}}, "ffffffffffff is live; wanted "),
        ({"live": {"recipe": "other"}}, "it was built in another way"),
        ({"live": {"units": "v"}}, "it runs with other units"),
        ({"live": {"environment": "f"}}, "it runs with another environment"),
        ({"intact": False}, "its environment or units were changed by hand"),
        ({"states": {"x@1.service": "failed"}}, "x@1.service is failed"),
        ({"states": {"x@1.service": "stale"}}, "x@1.service is stale"),
        ({"running": UNDER_WAY}, "a release is under way: two by you@there since noon (build)"),
    ],
)
def test_a_release_differs_by_what_it_is_made_of_and_runs_with(mine: Release, more: dict[str, Any], said: str) -> None:
    (difference,) = mine.differences(found(mine, **more))
    assert difference.startswith(said)


def test_without_a_live_one_a_release_is_wanted(mine: Release) -> None:
    (difference,) = mine.differences({**found(mine), "live": None})
    assert difference.startswith("no release is live; wanted ")


def test_a_branch_is_followed(git: Release) -> None:
    now = found(git, commit="b" * 40)
    assert git.query()["git"] == {"url": URL, "ref": "main"}
    assert list(git.differences(found(git))) == []
    assert list(git.differences(now)) == ["aaaaaaaaaaaa is live; wanted bbbbbbbbbbbb"]
    sent = git.payload(now)
    assert (sent["source"], sent["archive"], sent["ref"], sent["like"]) == ("b" * 40, None, "main", None)


def test_a_branch_that_is_not_found_is_said_and_not_taken_for_a_release(git: Release) -> None:
    now = found(git, commit=None)
    assert list(git.differences(now)) == [f"what to release is not found: main at {URL}"]
    assert git.payload(now)["source"] is None


def test_a_source_that_is_built_there_already_is_not_sent(mine: Release) -> None:
    assert mine.payload(found(mine))["archive"] is None
    assert mine.payload(found(mine, builds=[]))["archive"]


def test_what_is_pinned_stays_whatever_is_wanted(git: Release) -> None:
    old = {"source": "c" * 40, "recipe": "old", "units": "old", "pinned": True}
    assert list(git.differences(found(git, old))) == []
    assert git.wanted(found(git, old)) == "c" * 40


def test_what_is_pinned_is_given_another_environment_with_its_own_build_and_units(git: Release) -> None:
    now = found(git, {"source": "c" * 40, "pinned": True}, environment="f", builds=[])
    assert list(git.differences(now)) == ["it runs with another environment"]
    sent = git.payload(now)
    assert (sent["like"], sent["pinned"], sent["source"], sent["archive"]) == ("one", True, "c" * 40, None)


def test_who_asks_by_name_ends_a_pin_and_a_ref_makes_one(git: Release) -> None:
    pinned = found(git, {"pinned": True})
    asked = replace(git, asked=True)
    assert list(asked.differences(pinned)) == ["one is pinned"]
    assert (asked.payload(pinned)["like"], asked.payload(pinned)["pinned"]) == (None, False)
    by_ref = replace(asked, pin=True)
    assert list(by_ref.differences(found(git))) == ["it is not pinned"]
    assert list(by_ref.differences(pinned)) == []
    assert by_ref.payload(found(git))["pinned"]


def test_a_processs_kind_says_how_it_is_handed_over() -> None:
    from roles.apps.rodeo_ai import RodeoAi

    rodeo = RodeoAi(domain="a.example.com", source=Folder(path="."))
    kinds = {process["socket"]: process["kind"] for process in processes(rodeo)}
    assert kinds == {"web": "web", "worker": "worker", "beat": "alone"}
    assert all(process["memory_mb"] > 0 for process in processes(rodeo))


def test_a_rollback_is_done_when_that_release_or_one_like_it_is_live(git: Release) -> None:
    back = Rollback(git.app, "one")
    assert list(back.differences(found(git))) == []
    assert list(back.differences(found(git, {"name": "two", "like": "one"}))) == []
    assert list(back.differences(found(git, {"name": "two"}))) == ["two is live"]
    assert list(back.differences({**found(git), "live": None})) == ["nothing is live"]
    (under,) = back.differences(found(git, running=UNDER_WAY))
    assert under.startswith("a release is under way")


def test_a_rollback_is_pinned_and_runs_nothing_before_it(git: Release) -> None:
    sent = Rollback(git.app, "one").payload(found(git))
    assert (sent["kind"], sent["like"], sent["pinned"], sent["before"]) == ("rollback", "one", True, [])


def test_the_outcome_is_what_differs_and_whether_it_is_healthy(mine: Release) -> None:
    end = Live(mine)
    assert end.query() == mine.query()
    assert list(end.differences({**found(mine), "refusal": ""})) == []
    assert list(end.differences({**found(mine), "refusal": "503"})) == [f"GET {mine.app.health}: 503"]
    sent = end.payload(found(mine, {"recipe": "other"}))
    assert sent == {
        "app": mine.app.name,
        "source": mine.wanted(found(mine)),
        "differs": ["it was built in another way"],
    }


def test_who_releases_is_known_also_where_users_have_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    assert who().startswith(f"{getpass.getuser()}@")
    monkeypatch.setattr(getpass, "getuser", nameless)
    assert "@" not in who()


def test_what_is_under_way_is_said_with_who_since_when_and_how_far() -> None:
    assert under_way(UNDER_WAY) == "two by you@there since noon (build)"


def test_what_is_live_is_kept_with_another_environment_alone(mine: Release) -> None:
    kept = replace(mine, kept=True)
    assert list(kept.differences(found(kept, {"source": "f" * 64, "recipe": "other", "units": "v"}))) == []
    other = found(kept, {"source": "f" * 64, "environment": "f"})
    assert list(kept.differences(other)) == ["it runs with another environment"]
    sent = kept.payload(other)
    assert (sent["like"], sent["source"], sent["archive"], sent["pinned"]) == ("one", "f" * 64, None, False)
    assert kept.payload(found(kept, {"pinned": True}))["pinned"] is True
