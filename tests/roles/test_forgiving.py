"""A forgiving resource's failure does not stop a run, and leaves nothing believed that it may have changed."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import ClassVar

import pytest

from roles import operations, order
from tests.roles.test_operations import Host, Watches, Word, snapshot


class Forgives(Word):
    forgiving: ClassVar[bool] = True


def test_the_programs_come_first_and_a_failure_of_what_is_forgiving_keeps_the_run_from_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Box(Host):
        __hash__ = object.__hash__
        data = SimpleNamespace(server=None)

        def loop(self, labels: list[str]) -> list[str]:
            return labels

    made: dict[str, bool] = {}

    def ensure(resources: Sequence[Word], name: str, _ignore_errors: bool = False) -> None:
        made[name] = _ignore_errors

    words = [Word("a", "1"), Forgives("b", "1"), Word("c", "1")]
    box = Box({"p": "2", "a": "2", "b": "2", "c": "2"})
    role = SimpleNamespace(__name__="roles.x", wanted=lambda _: iter(words))
    monkeypatch.setattr(operations, "inventory", SimpleNamespace(get_active_hosts=lambda: [box]))
    programs = SimpleNamespace(__name__="roles.program", wanted=lambda _: iter([Word("p", "1")]))
    monkeypatch.setattr(order, "program", programs)
    monkeypatch.setattr(operations, "Budget", lambda _: Watches("a"))
    monkeypatch.setattr(operations, "host", box)
    monkeypatch.setattr(operations, "_key", lambda proxy: proxy)
    monkeypatch.setattr(operations, "ensure", ensure)
    operations.converge(role)
    assert list(made.items()) == [("program: p", False), ("x: a", False), ("x: b", True), ("x: c", False)]


def test_after_a_step_that_failed_the_box_is_asked_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyinfra asks nothing more of it, so that what was found is forgotten before the step is taken."""
    host, words = Host({"a": "old", "b": "1"}), [Forgives("a", "1"), Word("b", "1")]
    made = snapshot(monkeypatch, host, *words)
    monkeypatch.setattr(operations, "_key", lambda _: "box")
    monkeypatch.setattr(operations, "_SNAPSHOTS", {"box": made})
    next(operations._ensure([words[0]]))
    host.answers["b"] = "changed by it"
    (_,) = operations._ensure([words[1]])
    assert len(host.asked) == 2
    assert host.log == ["a is old", "b is changed by it"]
