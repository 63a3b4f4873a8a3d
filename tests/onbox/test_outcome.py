"""How a release ended, in one line: its own reason where it has one."""

from __future__ import annotations

from typing import Any

import pytest

from onbox import health, outcome, records
from onbox.shell import Failed
from tests.onbox.box import Box

WANTED = ["a is live; wanted b"]


def ask(made_of: str, *differs: str) -> None:
    outcome.apply({"app": "app", "source": made_of * 40, "differs": list(differs)})


def test_what_is_live_and_healthy_is_no_failure(box: Box) -> None:
    box.release("a")
    ask("a")


def test_one_that_failed_says_its_reason_in_a_line(box: Box) -> None:
    box.release("a")
    box.sick.add("b" * 40)
    with pytest.raises(Failed):
        box.release("b")
    with pytest.raises(Failed, match=r"^app: \S+ did not get healthy; the one before it goes on$"):
        ask("b", *WANTED)


def test_the_failure_of_another_source_is_not_the_reason(box: Box) -> None:
    box.fails.add("app-build.service")
    with pytest.raises(Failed):
        box.release("b")
    with pytest.raises(Failed, match=r"^app: what to release is not found$"):
        outcome.apply({"app": "app", "source": None, "differs": ["what to release is not found"]})


def test_without_any_release_it_says_what_differs(box: Box) -> None:
    with pytest.raises(Failed, match=r"^app: no release is live$"):
        ask("a", "no release is live")


def test_what_is_live_and_not_healthy_is_a_failure(box: Box) -> None:
    box.release("a")
    box.sick.add("a" * 40)
    with pytest.raises(Failed, match=r"^GET /: 500; its last lines:"):
        ask("a")


def test_what_a_release_is_asked_is_answered_with_whether_it_is_healthy(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    record: Any = box.release("a")
    monkeypatch.setattr(health, "observe", lambda queries: [f"{query['app']} is ill" for query in queries])
    (found,) = outcome.observe([{"app": "app", "git": None, "environment": "", "units": []}])
    assert (found["live"], found["refusal"]) == (records.read("app", record["name"]), "app is ill")
