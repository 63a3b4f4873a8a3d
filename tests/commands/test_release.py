"""What `boxkeeper release`, `rollback` and `releases` make of an app's history."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import main
from commands import release
from commands.converge import Outcome
from commands.release import migrated, previous, screen
from roles import Fault
from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.postgres import Postgres
from roles.server import Server


def record(name: str, build: str = "", **more: Any) -> dict[str, Any]:
    return {
        **{"name": name, "time": f"{name} o'clock", "kind": "release", "like": None, "ref": "main"},
        **{"source": "f" * 40, "build": build or name, "installed": "u", "environment": "e" * 64, "schema": "s"},
        **{"who": "me@here", "result": "live", "reason": "", "seconds": 3.2, "how": ""},
        **more,
    }


def history(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    kept = [each["name"] for each in records if each["result"] == "live"]
    live = kept[-1] if kept else None
    told: dict[str, Any] = {"releases": list(records), "kept": kept, "live": live, "pinned": False}
    return {**told, "under_way": None, "schema": "s", **more}


@pytest.mark.parametrize(
    ("records", "before"),
    [
        ([], None),
        ([record("1")], None),
        ([record("1"), record("2")], "1"),
        ([record("1"), record("2", result="failed"), record("3")], "1"),
        # another environment is no other version
        ([record("1"), record("2"), record("3", build="2")], "1"),
        ([record("1"), record("2", build="1")], None),
        # other units are
        ([record("1"), record("2", build="1", installed="v")], "1"),
        # going back twice goes back two versions
        ([record("1"), record("2"), record("3"), record("4", build="2", kind="rollback", like="2")], "1"),
        # also where the one gone back to was given another environment since
        (
            [
                *(record("1"), record("2"), record("3"), record("4", build="2", kind="rollback", like="2")),
                record("5", build="2", like="4"),
            ],
            "1",
        ),
        # and where its own record is forgotten
        ([record("2"), record("3", build="0", kind="rollback", like="0")], "2"),
    ],
)
def test_the_one_before_is_another_version_that_was_live(records: list[dict[str, Any]], before: str | None) -> None:
    assert previous(history(*records)) == before


def test_what_is_not_kept_is_no_way_back() -> None:
    assert previous(history(record("1"), record("2"), record("3"), kept=["1", "3"])) == "1"
    assert previous(history(record("1"), record("2"), live=None)) is None


@pytest.mark.parametrize(
    ("made_for", "now", "said"), [("s", "s", False), (None, "s", False), ("s", "t", True), (None, None, False)]
)
def test_migrations_that_lie_between_are_said(made_for: str | None, now: str | None, said: bool) -> None:
    objection = migrated(history(record("1", schema=made_for), record("2"), schema=now), "1")
    assert bool(objection) == said
    assert "since 1" in objection or not said


@pytest.mark.parametrize("ref", ["main", "v1.2", "0123456", "1e5", "true", "null", "release/2026", "a" * 40, "1" * 40])
def test_a_ref_reaches_pyinfra_as_a_text(ref: str) -> None:
    """It reads data as JSON where that is some."""
    sent = release._data(ref)
    try:
        assert json.loads(sent) == ref
    except ValueError:
        assert sent == ref


def test_releases_are_listed_the_newest_first_with_what_could_be_live_again() -> None:
    found = history(
        record("1"),
        record("2", result="failed", reason="app-build.service failed; its last lines:\n  npm ERR!"),
        record("3", ref=None),
        record("4", result=None, seconds=None, environment=None),
        record("5", kind="rollback", like="1"),
        under_way={"name": "4", "who": "you@there", "time": "noon", "step": "build"},
        kept=["3", "5"],
    )
    assert list(screen(found)) == [
        "under way: 4 by you@there since noon (build)",
        f"* 5  live         3 s  {'back to 1':34} environment eeeeeeee  me@here",
        f"  4  under way         {'main':34} environment -         me@here",
        f"- 3  live         3 s  {'ffffffff':34} environment eeeeeeee  me@here",
        f"  2  failed       3 s  {'main':34} environment eeeeeeee  me@here",
        "    app-build.service failed; its last lines:",
        "    npm ERR!",
        f"  1  live         3 s  {'main':34} environment eeeeeeee  me@here",
        "* is live, - could be live again: `boxkeeper rollback ENV APP RELEASE`.",
    ]


def test_an_app_that_was_never_released_says_so() -> None:
    assert list(screen(history())) == ["No release yet."]


class Runs:
    """Runs of pyinfra, and what the box says after each of them."""

    def __init__(self) -> None:
        self.histories = [history(record("1"), record("2"))]
        self.lines: list[tuple[str, ...]] = []
        self.outcome = Outcome(0, 1)
        self.is_interrupted = False

    def converge(self, *line: str, stopped: str) -> Outcome:
        self.lines.append(line)
        if self.is_interrupted:
            raise Fault(stopped)
        return self.outcome

    def history(self, *_: object) -> Any:
        return self.histories.pop(0) if len(self.histories) > 1 else self.histories[0]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    made = Runs()
    app = AiNoteTaker(name="notes", domain="a.example.com", source=Folder(path="."))
    server = Server(host="192.0.2.1", postgres=Postgres(), apps=(app,))
    monkeypatch.setattr(release, "with_app", lambda *_: (server, app))
    monkeypatch.setattr(release, "inventory_of", lambda env: f"inventories/{env}.py")
    monkeypatch.setattr(release, "converge", made.converge)
    monkeypatch.setattr(release, "_history", made.history)
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def fault(result: Result) -> str:
    """What a Fault said; `cli.py` prints it as a line."""
    return str(result.exception) if isinstance(result.exception, Fault) else result.output


def test_a_release_says_what_is_live_how_long_it_took_and_how_to_undo_it(runs: Runs) -> None:
    runs.histories = [history(record("1")), history(record("1"), record("2", seconds=4.21, how="in place"))]
    result = run("release", "prod", "notes", "--ref", "1234567")
    line = ("inventories/prod.py", "deploys/release.py", "--data", "app=notes", "--data", 'ref="1234567"')
    assert runs.lines == [line]
    assert result.output.splitlines() == [
        "2 is live, after 4.2 s (in place: no memory for two copies).",
        "Back: `boxkeeper rollback prod notes` (1)",
    ]


def test_a_release_of_what_is_live_says_that_there_is_nothing_to_do(runs: Runs) -> None:
    runs.outcome = Outcome(0, 0)
    assert run("release", "prod", "notes").output == "2 is live already: nothing to release.\n"


@pytest.mark.parametrize("line", [("release", "prod", "notes"), ("rollback", "prod", "notes")])
def test_one_that_fails_says_what_goes_on_and_where_to_read_and_ends_with_1(runs: Runs, line: tuple[str, ...]) -> None:
    runs.outcome = Outcome(1, 0)
    result = run(*line)
    assert result.exit_code == 1
    assert result.output == "--> notes: 2 goes on; all that was said: `boxkeeper logs prod notes`\n"


@pytest.mark.parametrize("line", [("release", "prod", "notes"), ("rollback", "prod", "notes")])
def test_what_was_refused_before_it_began_has_been_said(runs: Runs, line: tuple[str, ...]) -> None:
    runs.outcome = Outcome(2, 0)
    result = run(*line)
    assert (result.exit_code, result.output) == (2, "")


@pytest.mark.parametrize("line", [("release", "prod", "notes"), ("rollback", "prod", "notes")])
def test_whoever_interrupts_it_is_told_that_it_goes_on_and_how_to_undo_it(runs: Runs, line: tuple[str, ...]) -> None:
    runs.is_interrupted = True
    said = fault(run(*line))
    assert "goes on, on the server: `boxkeeper releases prod notes` says how it ends" in said
    assert "undo it: `echo systemctl stop boxkeeper-release-notes | boxkeeper shell prod`" in said


def test_a_release_that_waits_for_another_apps_says_whose(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    app, other = (
        AiNoteTaker(name=name, domain=f"{name}.example.com", source=Folder(path=".")) for name in ("notes", "shop")
    )
    server = Server(host="192.0.2.1", postgres=Postgres(), apps=(app, other))
    monkeypatch.setattr(release, "with_app", lambda *_: (server, app))
    busy = history(record("7"), under_way={"name": "8", "who": "you@there", "time": "noon", "step": "start"})
    runs.histories = [history(record("1")), busy, history(record("1"), record("2"))]
    output = run("release", "prod", "notes").output
    assert output.startswith(
        "shop is being released: 8 by you@there since noon (start). notes waits for that.\n2 is live"
    )


@pytest.mark.parametrize("verb", ["release", "rollback"])
def test_while_somebody_else_releases_nothing_is_begun(runs: Runs, verb: str) -> None:
    runs.histories[0]["under_way"] = {"name": "3", "who": "you@there", "time": "noon", "step": "build"}
    said = fault(run(verb, "prod", "notes"))
    assert "notes is being released: 3 by you@there since noon (build); to end and undo that: " in said
    assert "`echo systemctl stop boxkeeper-release-notes | boxkeeper shell prod`" in said
    assert runs.lines == []


def test_a_rollback_goes_to_the_one_before_and_stays(runs: Runs) -> None:
    after = history(record("1"), record("2"), record("3", build="1", kind="rollback", like="1"), pinned=True)
    runs.histories.append(after)
    result = run("rollback", "prod", "notes")
    assert runs.lines == [("inventories/prod.py", "deploys/rollback.py", "--data", "app=notes", "--data", "to=1")]
    assert result.output.splitlines() == [
        "3 is live, after 3.2 s.",
        "It stays until `boxkeeper release prod notes`, whatever the inventory says.",
        "Forward again: `boxkeeper rollback prod notes 2`",
    ]


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("7", "notes has no release 7 to go back to; there is 1"),
        ("2", "2 of notes is live already"),
    ],
)
def test_a_rollback_to_what_is_not_there_or_live_says_so(runs: Runs, to: str, said: str) -> None:
    assert said in fault(run("rollback", "prod", "notes", to))
    assert runs.lines == []


def test_a_rollback_without_a_version_before_says_so(runs: Runs) -> None:
    runs.histories = [history(record("1"))]
    assert fault(run("rollback", "prod", "notes")).strip().endswith("notes has nothing older than what is live")
    runs.histories = [history(record("1"), record("2"), live="1")]
    assert (
        fault(run("rollback", "prod", "notes"))
        .strip()
        .endswith("older than what is live; to go to another one: `boxkeeper rollback prod notes 2`")
    )


def test_a_rollback_over_migrations_is_for_who_says_yes(runs: Runs) -> None:
    runs.histories[0]["schema"] = "t"
    result = run("rollback", "prod", "notes")
    assert "The database has been migrated since 1" in result.output
    assert "`boxkeeper rollback prod notes 1 -y` goes back all the same" in fault(result)
    assert runs.lines == []
    assert run("rollback", "prod", "notes", "-y").exit_code == 0
    assert len(runs.lines) == 1


def test_a_script_gets_the_whole_history(runs: Runs) -> None:
    assert json.loads(run("releases", "prod", "notes", "--json").output) == runs.histories[0]
