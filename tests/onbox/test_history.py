"""What is told of an app's releases, and which of them could be live again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from onbox import history, releases, schema
from onbox.shell import Failed
from tests.onbox.box import Box


def told() -> Any:
    (found,) = history.observe([{"app": "app", "database": None}])
    return json.loads(json.dumps(found))


def test_an_app_that_was_never_released_has_no_history(box: Box) -> None:
    nothing: Any = {"releases": [], "kept": [], "live": None, "pinned": False, "under_way": None, "schema": None}
    assert told() == nothing


def test_each_release_is_told_the_oldest_first_with_how_it_ended(box: Box) -> None:
    first = box.release("a")
    box.fails.add("app-build.service")
    with pytest.raises(Failed):
        box.release("b", who="you@there")
    found = told()
    assert [(each["source"][0], each["who"], each["result"]) for each in found["releases"]] == [
        ("a", "me@here", "live"),
        ("b", "you@there", "failed"),
    ]
    assert found["releases"][1]["reason"].startswith("app-build.service failed")
    assert (found["kept"], found["live"], found["pinned"]) == ([first["name"]], first["name"], False)


def test_one_that_was_pinned_is_told_so_and_what_it_is_like(box: Box) -> None:
    first = box.release("a")
    box.release("b")
    again = box.rollback(first["name"])
    found = told()
    assert (found["live"], found["pinned"]) == (again["name"], True)
    assert found["releases"][-1]["like"] == first["name"]


def test_one_whose_build_or_units_are_gone_could_not_be_live_again(box: Box) -> None:
    first, second = box.release("a"), box.release("b")
    (box.home / "builds" / first["name"] / "main.py").unlink()
    (box.home / "builds" / first["name"]).rmdir()
    assert told()["kept"] == [second["name"]]


def test_a_shape_of_the_database_is_told_beside_the_one_of_each_release(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "digest", lambda _: "one")
    box.release("a")
    monkeypatch.setattr(schema, "digest", lambda _: "two")
    assert (told()["releases"][0]["schema"], told()["schema"]) == ("one", "two")


def test_one_under_way_is_told(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "under_way", lambda app: {"name": app})
    assert told()["under_way"] == {"name": "app"}
