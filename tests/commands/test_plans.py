"""`boxkeeper plans`: the table, and which of it an inventory fits on, before there is a box."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import main
from commands import init, inventory
from roles.plans import table


@pytest.fixture(autouse=True)
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of inventories, and nobody to connect to."""
    (tmp_path / "inventories").mkdir()
    monkeypatch.setattr(inventory, "ROOT", tmp_path)
    monkeypatch.setattr(init, "ROOT", tmp_path)
    monkeypatch.setattr(socket, "socket", None)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plans", *arguments])


def new(house: Path, **other: str) -> Path:
    """The inventory that `boxkeeper init` writes, with some of its words replaced."""
    CliRunner().invoke(main, ["init", "prod"])
    path = house / "inventories" / "prod.py"
    text = path.read_text()
    for word, better in other.items():
        assert word in text
        text = text.replace(f"{word}=", better)
    path.write_text(text)
    return path


def data(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_it_prints_every_plan_with_its_price_and_the_date_of_that() -> None:
    result = run()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert len([line for line in lines if "EUR" in line or "USD" in line]) == len(table())
    for plan in table():
        (line,) = [line for line in lines if line.startswith(f"{plan.title}  ")]
        assert plan.cost in line
        assert line.endswith(plan.date)


def test_an_inventory_without_address_domain_and_secrets_is_weighed(house: Path) -> None:
    new(house)
    result = run("prod")
    assert result.exit_code == 0, result.output
    for what in ("the system", "Postgres", "Redis of ai-note-taker", "nginx", "ai-note-taker", "together"):
        assert f"  {what}  " in result.output, what
    assert "the cheapest: Hetzner CX11 (EUR 3.29 a month), Linode Nanode (USD 5.00 a month)." in result.output
    assert not list((house / "inventories").glob("*.secrets")), "nothing was made"


def test_a_plan_too_small_is_not_marked(house: Path) -> None:
    new(house)
    lines = run("prod").output.splitlines()
    assert [line.endswith("fits") for line in lines if line.startswith("Vultr")] == [False, True]


def test_where_nothing_fits_it_says_why(house: Path) -> None:
    new(house, domain='disk="200gb", domain=')
    output = run("prod").output
    assert "Fits on none: DigitalOcean CPU-Optimized 16GB has 45.0 GB of disk, and 6" in output
    assert "(Backups 400.0 GB, ai-note-taker 200.0 GB, " in output


def test_programs_get_the_same(house: Path) -> None:
    new(house)
    said = data("prod")
    assert [plan["plan"] for plan in said["plans"]] == [plan.plan for plan in table()]
    (box,) = said["boxes"]
    assert box["ram_mb"] == sum(cost["ram_mb"] for cost in box["costs"])
    assert box["disk_mb"] == sum(cost["disk_mb"] for cost in box["costs"])
    assert box["cheapest"] == ["Hetzner CX11", "Linode Nanode"]
    assert set(box["cheapest"]) <= set(box["fits"])
    assert data()["boxes"] == []


def test_a_setting_that_sizes_follow_from_must_be_right(house: Path) -> None:
    new(house, domain='disk="much", domain=', postgres="postgres=Postgres(share=3) or ")
    result = run("prod")
    assert result.exit_code == 2
    assert "--> Postgres.share: must be greater than or equal to 10\n" in result.output
    assert "--> AiNoteTaker.disk: 'much' is no size; write it like `64mb`\n" in result.output


@pytest.mark.parametrize("text", ["x = 1", "from roles.server import group\nprod = group()"])
def test_an_inventory_without_a_box_is_one_line(house: Path, text: str) -> None:
    (house / "inventories" / "prod.py").write_text(text)
    result = run("prod")
    assert result.exit_code == 2
    assert result.output == ("--> inventories/prod.py describes no box: end it with `prod = group(Server(...))`\n")


def test_an_inventory_that_is_not_there_is_one_line() -> None:
    result = run("nope")
    assert result.exit_code == 2
    assert result.output.startswith("--> inventories/nope.py is not there")
