"""`boxkeeper rebuild`, as far as no box is needed: which box is meant, and what is said."""

from __future__ import annotations

import runpy
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from commands import rebuild
from commands.converge import Outcome
from onbox.rebuild import newest
from roles import Fault
from roles.backups import Backups
from roles.offsite import S3
from roles.rebuilding import Rebuilding, Rebuilt
from roles.server import ONTO, Server

AWAY = S3(endpoint="s3.example.com", bucket="b", region="r")
BOXES = [Server(host=f"192.0.2.{number}", backups=Backups(offsite=AWAY)) for number in (1, 2)]
INVENTORY = """
from roles.server import Server, group
prod = group(Server(host="192.0.2.1", name="one"), Server(host="192.0.2.2"))
"""


def test_the_variable_moves_one_box_of_the_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prod.py").write_text(INVENTORY)
    monkeypatch.setenv(ONTO, "192.0.2.2=192.0.2.9")
    hosts, _ = runpy.run_path(str(tmp_path / "prod.py"))["prod"]
    assert [(name, data["server"].name) for name, data in hosts] == [
        ("@box/192.0.2.1", "one"),
        ("@box/192.0.2.9", "192.0.2.2"),
    ], "it is called as it was"


def run(monkeypatch: pytest.MonkeyPatch, boxes: list[Server], *options: str, answers: bool = False) -> Any:
    ran: list[tuple[str, ...]] = []

    def logged_in(server: Server) -> Any:
        if not answers:
            raise Fault("does not answer")
        return nullcontext()

    def converge(*line: str) -> Outcome:
        ran.append(line)
        return Outcome(1, 0)

    monkeypatch.setattr(rebuild, "inventory_of", lambda env: f"inventories/{env}.py")
    monkeypatch.setattr(rebuild, "supplied", lambda env: boxes)
    monkeypatch.setattr(rebuild, "logged_in", logged_in)
    monkeypatch.setattr(rebuild, "converge", converge)
    monkeypatch.setenv(ONTO, "")
    result = CliRunner().invoke(main, ["rebuild", "prod", "--onto", "192.0.2.9", *options])
    return result, ran


def test_with_several_boxes_the_lost_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    result, ran = run(monkeypatch, BOXES)
    assert (result.exit_code, ran) == (2, [])
    assert "say which one was lost: `--of 192.0.2.1`" in result.output


def test_while_the_lost_one_answers_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    result, ran = run(monkeypatch, BOXES[:1], answers=True)
    assert (result.exit_code, ran) == (2, [])
    assert "192.0.2.1 still answers: turn it off first" in result.output


def test_where_it_fails_the_line_that_goes_on_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    result, ran = run(monkeypatch, BOXES, "--of", "192.0.2.2")
    assert ran == [("inventories/prod.py", "deploys/rebuild.py", "--limit", "@box/192.0.2.9")]
    assert result.exit_code == 1
    assert "`boxkeeper rebuild prod --onto 192.0.2.9 --of 192.0.2.2`" in result.output


def test_the_report_says_of_when_everything_is() -> None:
    record = {"rows": 86, "changes": "2026-11-28 08:28:08", "files": "2026-11-28T08:27:05.0277Z"}
    assert rebuild.report(record, 170.0) == [
        "Rebuilt in 3 min.",
        "  databases: 86 rows, changes until 2026-11-28 08:28:08 UTC",
        "  files: as of 2026-11-28 08:27:05",
    ]


def test_the_newest_change_is_the_last_that_the_log_names() -> None:
    line = "LOG:  last completed transaction was at log time 2026-11-28 08:2{}:08.55+00\n"
    assert newest(line.format(1) + "LOG:  ready\n" + line.format(8)) == "2026-11-28 08:28:08"
    assert newest("LOG:  ready\n") == ""


def test_a_box_with_data_and_one_without_backups_away_are_refused() -> None:
    assert Rebuilt(["shop"]).refuse({"record": None, "data": ["shop"]}) == [
        "has data already (shop): a rebuild is for a new box"
    ]
    assert Rebuilt(["shop"]).refuse({"record": {"done": None}, "data": ["shop"]}) == [], "it was cut off"
    assert len(list(Rebuilding().objections([Server(host="192.0.2.1", backups=Backups())]))) == 1
    assert list(Rebuilding().objections(BOXES)) == []
