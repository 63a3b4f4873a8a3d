"""A run asks once, compares, sends what differs, and asks again only after a change."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pyinfra.api import FunctionCommand, StringCommand

from roles import operations, order
from roles.order import plan
from roles.program import STALE, question
from roles.resources import Json


@dataclass(frozen=True)
class Word:
    """A resource that wants one word to be found."""

    name: str
    word: str
    kind: ClassVar[str] = "files"

    def query(self) -> Json:
        return self.name

    def differences(self, found: Json) -> Sequence[str]:
        return [] if found == self.word else [f"{self.name} is {found}"]

    def payload(self, found: Json) -> Json:
        return {"canary": self.word}


@dataclass(frozen=True)
class Watches:
    """A check that refuses one word and warns of another."""

    name: str
    kind: ClassVar[str] = "files"

    def query(self) -> Json:
        return self.name

    def refuse(self, found: Json) -> Sequence[str]:
        return ["is no box for it"] if found == "bad" else []

    def warn(self, found: Json) -> Sequence[str]:
        return ["just so"] if found == "tight" else []


class Refuses(Word):
    def refuse(self, found: Json) -> Sequence[str]:
        return [f"{self.name} refuses {found}"]


@dataclass
class Host:
    """As much of a host as an operation asks of it: answers by name, and how often it was asked."""

    answers: dict[str, Any]
    asked: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    name: str = "box"
    fails: bool = False
    stale: bool = False

    def get_fact(self, fact: Any, query: operations.Query, **_: object) -> Any:
        self.asked.append(getattr(query.by, "__name__", ""))
        if self.fails:
            return None
        if self.stale and query.by is question:
            return STALE
        return [self.answers[name] for _, name in query.asked]


def snapshot(monkeypatch: pytest.MonkeyPatch, host: Host, *resources: Any) -> operations.Snapshot:
    monkeypatch.setattr(
        operations, "host", SimpleNamespace(get_fact=host.get_fact, name=host.name, log=host.log.append)
    )
    monkeypatch.setattr(operations, "state", SimpleNamespace(is_executing=True, config=SimpleNamespace(DIFF=False)))
    return operations.Snapshot(list(resources))


def test_all_resources_are_asked_for_at_once_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    host, words = Host({"a": "1", "b": "2"}), [Word("a", "1"), Word("b", "3")]
    made = snapshot(monkeypatch, host, *words)
    assert made.take()
    assert made.take()
    assert [made.found(word) for word in words] == ["1", "2"]
    assert len(host.asked) == 1


def test_after_a_change_it_asks_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    host, word = Host({"a": "1"}), Word("a", "1")
    made = snapshot(monkeypatch, host, word)
    made.take()
    host.answers["a"] = "2"
    made.forget()
    made.take()
    assert made.found(word) == "2"
    assert len(host.asked) == 2


def test_each_boxs_plan_is_worked_out_once_however_many_boxes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    class Box(Host):
        """A host of its own, as pyinfra's are."""

        __hash__ = object.__hash__
        data = SimpleNamespace(server=None)

    class Asked(Exception):
        """As far as this test goes."""

    def ask(plan: Sequence[Any], checks: Sequence[Any]) -> None:
        raise Asked(*plan)

    def wanted(server: Any) -> Iterator[Word]:
        made.append(server)
        yield Word("w", str(len(made)))

    made: list[Any] = []
    boxes, role = [Box({}, name=name) for name in "abc"], SimpleNamespace(__name__="roles.x", wanted=wanted)
    monkeypatch.setattr(operations, "inventory", SimpleNamespace(get_active_hosts=lambda: boxes))
    monkeypatch.setattr(order, "program", SimpleNamespace(__name__="roles.program", wanted=lambda _: iter(())))
    monkeypatch.setattr(operations, "Budget", lambda server: server)
    monkeypatch.setattr(operations, "Snapshot", ask)
    mine = []
    for box in boxes:
        monkeypatch.setattr(operations, "host", box)
        monkeypatch.setattr(operations, "_key", lambda proxy: proxy)
        with pytest.raises(Asked) as asked:
            operations.converge(role)
        mine.append(asked.value.args[0].word)
    assert len(made) == 3
    assert mine == ["1", "2", "3"]


def test_a_box_with_other_programs_is_sent_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    host, word = Host({"a": "1"}, stale=True), Word("a", "1")
    made = snapshot(monkeypatch, host, word)
    assert made.take()
    assert made.found(word) == "1"
    assert host.asked == ["question", "full_question"]


def test_a_box_that_does_not_answer_is_no_box_that_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not snapshot(monkeypatch, Host({}, fails=True), Word("a", "1")).take()


def test_what_is_as_wanted_from_the_first_on_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host({"a": "1", "b": "2", "c": "x", "d": "4"})
    words = [Word("a", "1"), Word("b", "2"), Word("c", "3"), Word("d", "4")]
    made = snapshot(monkeypatch, host, *words)
    made.take()
    assert made.settled() == 2
    host.answers["c"] = "3"
    made.forget()
    made.take()
    assert made.settled() == 4


def test_a_box_that_must_not_be_touched_ends_the_run_with_all_reasons(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = snapshot(monkeypatch, Host({"a": "1", "b": "2"}), Refuses("a", "1"), Refuses("b", "2"))
    made.take()
    with pytest.raises(SystemExit, match="2"):
        made.settled()
    assert capsys.readouterr().err == "--> box: a refuses 1\n--> box: b refuses 2\nnothing was changed\n"


def checked(monkeypatch: pytest.MonkeyPatch, answer: str) -> tuple[Host, operations.Snapshot]:
    """A snapshot of a word that is as wanted, and of a check with this answer."""
    host = Host({"a": "1", "room": answer})
    snapshot(monkeypatch, host)
    return host, operations.Snapshot([Word("a", "1")], [Watches("room")])


def test_a_check_is_asked_in_the_same_exec_and_is_no_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    host, made = checked(monkeypatch, "fine")
    assert made.take()
    assert made.settled() == 1
    assert len(host.asked) == 1


def test_a_check_can_end_the_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _, made = checked(monkeypatch, "bad")
    made.take()
    with pytest.raises(SystemExit, match="2"):
        made.settled()
    assert capsys.readouterr().err == "--> box: is no box for it\nnothing was changed\n"


def test_all_boxes_that_are_refused_are_said_before_the_run_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, made = checked(monkeypatch, "bad")
    made.take()
    asked, said = {"another"}, []
    monkeypatch.setattr(operations, "_ASKED", asked)

    def sleep(_: float) -> None:
        said.append(capsys.readouterr().err)
        asked.clear()

    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(SystemExit):
        made.settled()
    assert said == ["--> box: is no box for it\n"], "its own reason is said at once"
    assert capsys.readouterr().err == "nothing was changed\n"


@pytest.mark.parametrize("fails", [False, True])
def test_a_box_is_waited_for_until_it_answers_or_fails(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    _, made = checked(monkeypatch, "fine")
    asked: set[str] = set()
    monkeypatch.setattr(operations, "_key", lambda _: "box")
    monkeypatch.setattr(operations, "_ASKED", asked)

    def take() -> bool:
        assert asked == {"box"}
        if fails:
            raise ConnectionError
        return True

    monkeypatch.setattr(made, "take", take)
    with pytest.raises(ConnectionError) if fails else contextlib.nullcontext():
        assert operations._answers(made)
    assert asked == set()


def test_a_warning_is_said_once_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host, made = checked(monkeypatch, "tight")
    made.take()
    assert made.settled() == 1
    assert capsys.readouterr().err == "--> box: tight: just so\n"
    assert host.log == []


def commands(made: operations.Snapshot, word: Word) -> Iterator[Any]:
    return operations._make_so(word, made)


def test_what_is_as_wanted_runs_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    host, word = Host({"a": "1"}), Word("a", "1")
    made = snapshot(monkeypatch, host, word)
    made.take()
    assert list(commands(made, word)) == []
    assert host.log == []


def test_what_differs_is_said_and_sent_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    host, word = Host({"a": "old"}), Word("a", "canary")
    made = snapshot(monkeypatch, host, word)
    made.take()
    (command,) = commands(made, word)
    assert host.log == ["a is old"]
    assert isinstance(command, StringCommand)
    assert "canary" not in command.get_raw_value()
    assert command.connector_arguments["_stdin"]
    assert made._found is None, "what was found no longer holds"


def test_an_operation_on_a_box_that_does_not_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    word = Word("a", "1")
    made = snapshot(monkeypatch, Host({}, fails=True), word)
    monkeypatch.setattr(operations, "_key", lambda host: "box")
    monkeypatch.setattr(operations, "_SNAPSHOTS", {"box": made})
    (command,) = operations._ensure([word])
    assert isinstance(command, FunctionCommand)
    assert command.function(None, None) is False


def test_a_long_list_of_differences_is_cut_short() -> None:
    assert operations._short([str(number) for number in range(9)]) == ["0", "1", "2", "3", "4", "5", "and 3 more"]


def test_what_pyinfra_prints_of_a_question_is_short() -> None:
    query = operations.Query([("files", ["canary"] * 1000)], question)
    assert repr(query) == "1 resources"


def test_operations_are_labelled_by_role_and_resource() -> None:
    resources = [Word("packages", "1"), Word("files", "2")]
    role = SimpleNamespace(__name__="roles.redis", wanted=lambda server: iter(resources))
    labels = [label for label, _ in plan(SimpleNamespace(), [role])]  # type: ignore[arg-type]
    assert labels == ["program: programs", "redis: packages", "redis: files"]
    assert operations._all_of([*labels, "nginx: files"]) == "program, redis, nginx: 4 things"
