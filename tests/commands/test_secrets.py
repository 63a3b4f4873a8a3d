"""`boxkeeper secrets`: values come in by prompt or standard input, and never out."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands.secrets import secrets
from roles.secrets import Store


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("BOXKEEPER_AGE_KEY", "BOXKEEPER_AGE_KEY_FILE", "BOXKEEPER_FROM"):
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


INVENTORY = """
from roles.apps import Folder
from roles.apps.ai_note_taker import AiNoteTaker
from roles.server import Server, group

prod = group(Server(host="192.0.2.1", apps=(AiNoteTaker(domain="notes.example.com", source=Folder(path=".")),)))
"""


def test_a_name_that_nothing_wants_is_refused_with_the_nearest_that_something_does() -> None:
    Path("inventories/prod.py").write_text(INVENTORY)
    done = run("set", "prod", "ai-note-taker/DEPGRAM_API_KEY", stdin=b"canary")
    assert (done.exit_code, done.output) == (
        2,
        "--> nothing in inventories/prod.py wants ai-note-taker/DEPGRAM_API_KEY; "
        "did you mean `ai-note-taker/DEEPGRAM_API_KEY`? `--new` keeps it all the same\n",
    )
    assert not Path("inventories/prod.secrets").exists()


def test_a_name_that_something_wants_or_that_is_there_or_new_is_kept() -> None:
    Path("inventories/prod.py").write_text(INVENTORY)
    assert run("set", "prod", "ai-note-taker/DEEPGRAM_API_KEY", stdin=b"1").exit_code == 0
    assert run("set", "--new", "prod", "later/KEY", stdin=b"1").exit_code == 0
    assert run("set", "prod", "later/KEY", stdin=b"2").exit_code == 0
    assert value("later/KEY") == "2"


def test_an_inventory_that_is_not_ready_yet_wants_whatever_it_is_given() -> None:
    Path("inventories/prod.py").write_text(INVENTORY.replace("import Server", "import Sever"))
    assert run("set", "prod", "notes/KEY", stdin=b"1").exit_code == 0


def test_what_is_removed_is_gone() -> None:
    run("set", "prod", "notes/KEY", stdin=b"1")
    run("set", "prod", "notes/OTHER", stdin=b"2")
    done = run("remove", "prod", "notes/KEY")
    assert (done.exit_code, done.output) == (
        0,
        "notes/KEY is gone from prod.secrets; prod.secrets.previous still has it.\n",
    )
    assert "notes/KEY" not in run("list", "prod").output
    assert value("notes/OTHER") == "2"


def test_what_is_not_there_is_not_removed_and_the_nearest_is_named() -> None:
    run("set", "prod", "notes/KEY", stdin=b"1")
    done = run("remove", "prod", "notes/KEYS")
    assert (done.exit_code, done.output) == (2, "--> notes/KEYS is not in prod.secrets; did you mean `notes/KEY`?\n")
