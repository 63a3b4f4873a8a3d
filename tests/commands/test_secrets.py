"""`boxkeeper secrets`: values come in by prompt, standard input or editor, and out only by `show`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner, Result

from commands import editor
from commands.secrets import secrets
from roles import ROOT
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


@pytest.mark.parametrize("line", [("generate", "--replace", "prod"), ("remove", "prod")])
def test_the_key_to_what_was_backed_up_never_goes_away(line: tuple[str, ...]) -> None:
    assert run("generate", "prod", "backups/key").exit_code == 0
    before = value("backups/key")
    refused = run(*line, "backups/key")
    assert "opens every backup that there is" in refused.output
    assert value("backups/key") == before


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


def test_show_prints_a_value_byte_for_byte() -> None:
    run("set", "prod", "app/KEY", stdin=b' {"a": "b\\n"}\r\n\n')
    assert run("show", "prod", "app/KEY").stdout_bytes == b' {"a": "b\\n"}\r\n\n'
    assert run("show", "prod", "app/KEYS").exit_code == 2


@pytest.fixture
def memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where edits are kept, for this test."""
    (folder / "memory").mkdir()
    monkeypatch.setattr(editor, "MEMORY", str(folder / "memory"))
    return folder / "memory"


def edit_by(monkeypatch: pytest.MonkeyPatch, program: str) -> Result:
    """Edit with a Python program for an editor: `path` is the file, `text` what is in it."""
    lines = f"import sys\nfrom pathlib import Path\npath = Path(sys.argv[1])\ntext = path.read_text()\n{program}\n"
    Path("editor.py").write_text(lines)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {Path('editor.py').absolute()}")
    return run("edit", "prod")


def test_edit_writes_what_changed_and_leaves_nothing_behind(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("set", "prod", "app/KEY", stdin=b"1")
    run("set", "prod", "app/GOOGLE", stdin=b'{\n "key": 1\n}\n')
    look = (
        "print(oct(path.stat().st_mode), oct(path.parent.stat().st_mode), path.parent.parent, file=open('seen', 'w'))"
    )
    done = edit_by(monkeypatch, f"{look}\npath.write_text(text.replace('KEY = 1', 'KEY = 2'))")
    assert (done.exit_code, done.output) == (0, "Changed in prod.secrets: app/KEY.\n")
    assert Path("seen").read_text().split() == ["0o100600", "0o40700", str(memory)]
    assert list(memory.iterdir()) == []
    assert (value("app/KEY"), value("app/GOOGLE")) == ("2", '{\n "key": 1\n}\n')


def test_an_edit_that_changes_nothing_writes_nothing(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("set", "prod", "app/KEY", stdin=b"1")
    before = Path("inventories/prod.secrets").read_bytes()
    assert edit_by(monkeypatch, "path.write_text(text)").output == "Nothing was changed.\n"
    assert Path("inventories/prod.secrets").read_bytes() == before


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("path.write_text(text + 'canary')", "line 4 is none of"),
        ("path.write_text(text + 'KEY = canary')", "'KEY' is no name of a secret"),
        ("path.write_bytes(b'a\\xff')", "it is no UTF-8 text any more (byte 1)"),
        ("path.unlink()", "what was written can't be read"),
        ("sys.exit(3)", "nothing was changed"),
    ],
)
def test_a_bad_edit_is_one_line_and_changes_nothing(
    memory: Path, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    run("set", "prod", "app/KEY", stdin=b"1")
    before = Path("inventories/prod.secrets").read_bytes()
    done = edit_by(monkeypatch, program)
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert said in done.output
    assert "canary" not in done.output
    assert Path("inventories/prod.secrets").read_bytes() == before
    assert list(memory.iterdir()) == []


def test_at_a_terminal_a_bad_edit_goes_on_where_it_was(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("set", "prod", "app/KEY", stdin=b"1")
    said: list[str] = []
    monkeypatch.setattr(editor, "again", lambda fault: said.append(str(fault)))
    fix = "path.write_text(text.replace('NEW 2', 'NEW = 2') if 'NEW' in text else text + 'app/NEW 2')"
    assert edit_by(monkeypatch, fix).output == "Changed in prod.secrets: app/NEW.\n"
    assert said == ["line 4 is none of `APP/NAME = value`, a comment (#) or empty"]
    assert value("app/NEW") == "2"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_an_edit_that_is_ended_leaves_nothing_behind(memory: Path, how: signal.Signals) -> None:
    Path("wait").write_text(f"touch {memory}/there; exec sleep 60")
    code = (
        "import os, sys; from commands import editor; editor.MEMORY = sys.argv[1];"
        " os.environ.update(EDITOR='sh wait', VISUAL='');"
        " context = editor.opened('x', 'canary'); edited = context.__enter__(); edited()"
    )
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen([sys.executable, "-c", code, str(memory)], env=env, start_new_session=True)
    while not (memory / "there").exists():
        time.sleep(0.02)
    process.send_signal(how)
    assert process.wait(10) == 128 + how
    os.killpg(process.pid, signal.SIGKILL)
    assert [path.name for path in memory.iterdir()] == ["there"]


def test_who_is_revoked_is_told_what_to_change_with_the_lines_to_type(folder: Path) -> None:
    friend = str(pyrage.x25519.Identity.generate().to_public())
    run("set", "prod", "app/KEY", stdin=b"1")
    run("generate", "prod", "app/postgres")
    (folder / "friend.pub").write_text(f"# a friend\n{friend}\n")
    shared = run("share", "prod", "friend.pub")
    assert shared.output == f"{friend[:24]}... can read prod.secrets from now on; commit it and prod.recipients.\n"
    assert run("revoke", "prod", friend).output.splitlines()[1:] == [
        "What they have read they know, and older commits they can still open. To be changed:",
        "    boxkeeper secrets rotate prod app KEY",
        "    boxkeeper secrets rotate prod app postgres",
    ]
    assert run("revoke", "prod", friend).exit_code == 2


def test_what_is_older_than_90_days_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roles.rotation.today", lambda: "2026-01-01")
    run("generate", "prod", "app/postgres")
    monkeypatch.setattr("roles.rotation.today", lambda: "2026-04-01")
    assert "older" not in run("list", "prod").output
    monkeypatch.setattr("roles.rotation.today", lambda: "2026-04-02")
    said = "--> app/postgres is older than 90 days: `boxkeeper secrets rotate prod app postgres`"
    assert run("list", "prod").output.splitlines() == ["app/postgres  password  2026-01-01  91 days", said]
    [listed] = json.loads(run("list", "--json", "prod").output)
    assert (listed["days"], listed["old"]) == (91, True)


def test_what_is_wanted_and_missing_is_listed_with_what_needs_it() -> None:
    Path("inventories/prod.py").write_text(INVENTORY)
    run("set", "prod", "ai-note-taker/DEEPGRAM_API_KEY", stdin=b"1")
    lines = dict(line.split(None, 1) for line in run("list", "prod").output.splitlines())
    assert lines["ai-note-taker/GEMINI_API_KEY"] == (
        "missing, for AI Note Taker: `boxkeeper secrets set prod ai-note-taker/GEMINI_API_KEY`"
    )
    assert lines["ai-note-taker/postgres"] == "made by the next run, for AI Note Taker"
    known = {one["name"]: one for one in json.loads(run("list", "--json", "prod").output)}
    assert known["ai-note-taker/GEMINI_API_KEY"]["kind"] == "missing"
    assert known["ai-note-taker/DEEPGRAM_API_KEY"]["needed_by"] == "AI Note Taker"
