"""`boxkeeper up`: what it asks at a terminal, and what it says at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import pytest
from click.testing import CliRunner

from cli import main
from commands import up
from commands.converge import Outcome
from roles.apps import App, Folder, Route
from roles.server import Server


class Notes(App):
    """An app with a site."""

    title: ClassVar[str] = "Notes"
    routes: ClassVar[tuple[Route, ...]] = (Route("/"),)
    name: str = "notes"


class Mailer(Notes):
    """An app without one."""

    title: ClassVar[str] = "Mailer"
    routes: ClassVar[tuple[Route, ...]] = ()
    name: str = "mailer"


SERVER = Server(
    host="192.0.2.1",
    apps=(
        Notes(domain="notes.example.com", source=Folder(path=".")),
        Mailer(domain="mailer.example.com", source=Folder(path=".")),
    ),
)


def run(
    monkeypatch: pytest.MonkeyPatch,
    *plans: tuple[str, ...],
    code: int = 0,
    options: Sequence[str] = (),
    terminal: bool = False,
    stdin: str = "",
) -> tuple[int, str]:
    """`boxkeeper up prod`, where pyinfra's plans are these, one after the other."""
    left: Iterator[tuple[str, ...]] = iter(plans)
    monkeypatch.setattr(up, "inventory_of", lambda env: f"inventories/{env}.py")
    monkeypatch.setattr(up, "check", lambda inventory: [SERVER])
    monkeypatch.setattr(up, "plan", lambda inventory: up.Plan(9, next(left), ()))
    monkeypatch.setattr(up, "converge", lambda inventory, deploy: Outcome(code, 2))
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: terminal)  # what stands for stdin
    done = CliRunner().invoke(main, ["up", "prod", *options], input=stdin)
    return done.exit_code, done.output


@pytest.mark.parametrize("plans", [((),), (("nginx: sites",), ())])
def test_it_ends_with_the_addresses_of_the_apps(monkeypatch: pytest.MonkeyPatch, plans: tuple[tuple[str, ...]]) -> None:
    code, said = run(monkeypatch, *plans)
    assert code == 0
    assert said.endswith("\n  Notes  https://notes.example.com/\n")
    assert "mailer" not in said


@pytest.mark.parametrize(("plans", "code"), [((("a",), ("a",)), 0), ((("a",),), 1)])
def test_a_run_that_did_not_end_well_gives_no_address(
    monkeypatch: pytest.MonkeyPatch, plans: tuple[tuple[str, ...], ...], code: int
) -> None:
    ended, said = run(monkeypatch, *plans, code=code)
    assert ended == 1
    assert "https://" not in said


@pytest.mark.parametrize(
    ("terminal", "options", "answer", "goes_on"),
    [
        (True, [], "y\n", True),
        (True, [], "n\n", False),
        (True, ["-y"], "", True),
        (False, [], "", True),
    ],
)
def test_it_asks_at_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, options: list[str], answer: str, goes_on: bool
) -> None:
    code, said = run(monkeypatch, ("a",), (), options=options, terminal=terminal, stdin=answer)
    assert (code == 0, "https://" in said) == (goes_on, goes_on), said
    assert ("Go on?" in said) is bool(answer)
