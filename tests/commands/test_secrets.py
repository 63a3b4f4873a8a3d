"""`boxkeeper secrets`: values come in by prompt or standard input, and never out."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands.secrets import secrets
from roles.secrets import Store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BOXKEEPER_AGE_KEY", "BOXKEEPER_AGE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "inventories").mkdir()
    (tmp_path / "inventories" / "prod.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(secrets, arguments, input=stdin)


def value(name: str) -> str:
    return Store(Path("inventories/prod.secrets")).values()[name].get_secret_value()


def test_standard_input_is_kept_byte_for_byte() -> None:
    done = run("set", "prod", "note-taker/GOOGLE", stdin=b'{"key": "a\\nb"}\n\n')
    assert done.exit_code == 0, done.output
    assert value("note-taker/GOOGLE") == '{"key": "a\\nb"}\n\n'


def test_a_newline_at_the_end_is_kept_and_said() -> None:
    assert "`--line` drops it" in run("set", "prod", "note-taker/KEY", stdin=b"dg\n").output
    assert value("note-taker/KEY") == "dg\n"


def test_line_drops_one_newline_at_the_end() -> None:
    run("set", "--line", "prod", "note-taker/KEY", stdin=b"dg\n\n")
    assert value("note-taker/KEY") == "dg\n"


def test_what_is_not_text_is_refused() -> None:
    done = run("set", "prod", "note-taker/KEY", stdin=b"a\xff")
    assert (done.exit_code, done.output) == (2, "--> note-taker/KEY: the value is not UTF-8 text (byte 1)\n")


def test_there_is_no_way_to_pass_a_value_as_an_argument() -> None:
    assert run("set", "prod", "note-taker/KEY", "value").exit_code == 2
    assert not Path("inventories/prod.secrets").exists()


def test_an_unknown_environment_is_one_line() -> None:
    done = run("list", "prd")
    assert done.exit_code == 2
    assert done.output == "--> inventories/prd.py is not there (known: prod): run `boxkeeper init prd`\n"


def test_list_shows_names_kinds_and_ages_and_no_values() -> None:
    run("set", "prod", "note-taker/KEY", stdin=b"canary")
    run("generate", "prod", "note-taker/postgres")
    shown = run("list", "prod").output
    assert [line.split()[:2] for line in shown.splitlines()] == [
        ["note-taker/KEY", "supplied"],
        ["note-taker/postgres", "password"],
    ]
    assert "0 days" in shown
    assert "canary" not in shown
    assert value("note-taker/postgres") not in shown


def test_generate_replaces_only_when_asked() -> None:
    run("generate", "prod", "note-taker/postgres")
    before = value("note-taker/postgres")
    assert run("generate", "prod", "note-taker/postgres").exit_code == 2
    assert run("generate", "--replace", "prod", "note-taker/postgres").exit_code == 0
    assert value("note-taker/postgres") != before


def test_an_inventory_that_is_elsewhere_has_its_secrets_beside_it(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "prod.py").touch()
    assert run("set", "mine/prod.py", "shop/KEY", stdin=b"value").exit_code == 0
    assert Store(folder / "mine" / "prod.secrets").values()["shop/KEY"].get_secret_value() == "value"
