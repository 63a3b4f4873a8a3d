"""Every command of the README, run in a clean clone with a bare environment, as a newcomer would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from roles import ROOT
from target import own
from target.box import Target

pytestmark = pytest.mark.target

NAME = own("boxkeeper-readme")
BARE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Newcomer:
    """Somebody with a clean clone, an empty home and nothing in the environment."""

    clone: Path
    home: Path

    def types(self, command: str, stdin: str = "", code: int = 0) -> str:
        environment = {"HOME": str(self.home), "PATH": BARE, "BOXKEEPER_TARGET": NAME}
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.clone,
            env=environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
            check=False,
        )
        assert done.returncode == code, f"$ {command}\n{done.stdout}"
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    clone, home = tmp_path_factory.mktemp("clone") / "boxkeeper", tmp_path_factory.mktemp("home")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, tracked)):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name, follow_symlinks=False)
    yield Newcomer(clone, home)
    box = Target.find(NAME)
    if box is not None:
        box.remove()


def commands() -> list[str]:
    """The command lines in the README's code blocks."""
    lines = [line.strip() for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("    ")]
    inline = re.findall(r"`(\./boxkeeper [^`]*)`", (ROOT / "README.md").read_text())
    return [line for line in [*lines, *inline] if re.match(r"(\./boxkeeper|(\.venv/bin/)?pyinfra) ", line)]


def test_the_demo_makes_a_box_and_ends_with_the_address_of_the_app(newcomer: Newcomer) -> None:
    said = newcomer.types("./boxkeeper demo")
    assert "$ pyinfra inventories/docker.py deploys/full.py" in said
    assert re.search(r"The app: +https://notes\.localhost:\d+/", said), said
    assert "BAD" not in said


def test_a_second_demo_reports_no_change(newcomer: Newcomer) -> None:
    assert "No change (" in newcomer.types("./boxkeeper demo")


def test_an_own_server_is_three_edited_lines_away(newcomer: Newcomer) -> None:
    newcomer.types("./boxkeeper init prod")
    assert "the cheapest: " in newcomer.types("./boxkeeper plans prod"), "before there is a box"
    _edit_for_the_target(newcomer)
    for name in ("DEEPGRAM_API_KEY", "GEMINI_API_KEY"):
        refused = newcomer.types(".venv/bin/pyinfra inventories/prod.py deploys/full.py", code=2)
        assert f"./boxkeeper secrets set prod ai-note-taker/{name}".removeprefix("./") in refused
        newcomer.types(f"./boxkeeper secrets set prod ai-note-taker/{name}", stdin="key-of-a-newcomer")
    newcomer.types("PYINFRA_YES=1 .venv/bin/pyinfra inventories/prod.py deploys/full.py")
    assert "Everything is as wanted." in newcomer.types("./boxkeeper up prod")


def _edit_for_the_target(newcomer: Newcomer) -> None:
    """The three lines that the example marks, and what a target differs in: port, key, who else uses its CPUs."""
    folder = newcomer.clone / ".boxkeeper" / "targets" / NAME
    port = (folder / "port").read_text().strip()
    path = newcomer.clone / "inventories" / "prod.py"
    text = path.read_text()
    for old, new in {
        'host=""': 'host="127.0.0.1"',
        '"~/.ssh/id_ed25519.pub"': f'"{folder / "id_ed25519.pub"}"',
        'domain=""': 'domain="notes.example.com"',
        "alerts=Alerts()": "alerts=Alerts(capacity=1)",  # the tests beside this one keep its CPUs busy
        "patches=Patches()": "patches=Patches(reboot=False)",  # nor may it go down under them by night
        'user="root"': f'port={port}, key="{folder / "id_ed25519"}", known_hosts="{folder / "known_hosts"}"',
    }.items():
        assert text.count(old) == 1, f"{old} is not once in the example"
        text = text.replace(old, new)
    path.write_text(text)


def test_secrets_are_listed_and_made_without_showing_them(newcomer: Newcomer) -> None:
    (newcomer.clone / "key.json").write_text('{"a": "quote\\n"}\n')
    newcomer.types("./boxkeeper secrets set --new prod app/KEY < key.json")
    newcomer.types("./boxkeeper secrets generate prod ai-note-taker/SESSION_KEY")
    said = newcomer.types("./boxkeeper secrets list prod")
    assert "ai-note-taker/SESSION_KEY" in said
    assert "key-of-a-newcomer" not in said
    value = newcomer.types("./boxkeeper secrets show prod ai-note-taker/SESSION_KEY")
    assert len(value) == 40
    edit = 'EDITOR="sed -i s/{}/{}/" ./boxkeeper secrets edit prod'
    newcomer.types(edit.format(value, "z" * 40))
    assert newcomer.types("./boxkeeper secrets show prod ai-note-taker/SESSION_KEY") == "z" * 40
    newcomer.types("./boxkeeper secrets remove prod ai-note-taker/SESSION_KEY")
    assert "SESSION_KEY" not in newcomer.types("./boxkeeper secrets list prod")


def test_a_colleague_can_read_the_secrets_until_that_is_revoked(newcomer: Newcomer) -> None:
    # the private one stays with its owner: the tests of a clone refuse it there
    newcomer.types("ssh-keygen -q -t ed25519 -N '' -C colleague -f ~/colleague && cp ~/colleague.pub .")
    newcomer.types("./boxkeeper secrets share prod colleague.pub")
    read = "BOXKEEPER_AGE_KEY_FILE=~/colleague ./boxkeeper secrets show prod ai-note-taker/DEEPGRAM_API_KEY"
    assert newcomer.types(read) == "key-of-a-newcomer"
    assert "secrets rotate prod ai-note-taker DEEPGRAM_API_KEY" in newcomer.types(
        "./boxkeeper secrets revoke prod colleague.pub"
    )
    newcomer.types(read, code=2)


def test_secrets_get_other_values_while_the_app_serves(newcomer: Newcomer) -> None:
    read = "./boxkeeper secrets show prod ai-note-taker/postgres"
    before = newcomer.types(read)
    for line in ("./boxkeeper secrets rotate prod", "./boxkeeper secrets rotate prod ai-note-taker"):
        said = newcomer.types(line)
        assert "The old values are refused, and nobody has them." in said
        assert newcomer.types(read) not in (before, "")
    said = newcomer.types("./boxkeeper secrets rotate prod ai-note-taker DEEPGRAM_API_KEY", stdin="another-key")
    assert "Now revoke the old ai-note-taker/DEEPGRAM_API_KEY" in said


def test_a_look_into_the_box(newcomer: Newcomer) -> None:
    assert "BAD" not in newcomer.types("./boxkeeper check prod")
    assert "All well." in newcomer.types("./boxkeeper status prod")
    assert "as the inventory describes it" in newcomer.types("./boxkeeper drift prod", code=1), "the target's own rules"
    assert "GET /api/health" in newcomer.types("timeout 10 ./boxkeeper logs prod ai-note-taker --follow", code=124)
    assert "ai_note_taker" in newcomer.types("./boxkeeper psql prod ai-note-taker", stdin="SELECT current_user")
    assert "ai-note-taker" in newcomer.types("./boxkeeper shell prod ai-note-taker", stdin="whoami")


def test_a_release_and_the_way_back(newcomer: Newcomer) -> None:
    page = newcomer.clone / "examples" / "ai_note_taker" / "index.html"
    page.write_text(page.read_text() + "<!-- another version -->\n")
    assert re.search(r"is live, after \d+\.\d s", newcomer.types("./boxkeeper release prod ai-note-taker"))
    assert "It stays until `boxkeeper release" in newcomer.types("./boxkeeper rollback prod ai-note-taker")
    releases = newcomer.types("./boxkeeper releases prod ai-note-taker")
    assert re.search(r"^\* \S+ +live .* back to ", releases, re.MULTILINE), releases
    newcomer.types("./boxkeeper init github ai-note-taker")
    assert "./boxkeeper release prod ai-note-taker" in newcomer.types("cat .github/workflows/release-ai-note-taker.yml")


def test_a_backup_and_what_comes_back_from_it(newcomer: Newcomer) -> None:
    assert "and read back: here" in newcomer.types("./boxkeeper backup now prod")
    assert "PostgreSQL, whole" in newcomer.types("./boxkeeper backup list prod")
    assert "here: PostgreSQL is whole" in newcomer.types("./boxkeeper backup verify prod")
    assert "restored from here and compared: " in newcomer.types("./boxkeeper backup drill prod")
    restored = newcomer.types("./boxkeeper restore prod ai-note-taker")
    assert re.search(r"database ai_note_taker_restored: \d+ tables, \d+ rows, each compared", restored), restored
    newcomer.types("./boxkeeper secrets set prod backups/ping", stdin="http://127.0.0.1:1/")
    assert "backups" in newcomer.types("./boxkeeper status prod")


def test_a_database_goes_out_as_a_dump_and_comes_back(newcomer: Newcomer) -> None:
    newcomer.types("./boxkeeper export prod ai-note-taker > notes.sql")
    came = newcomer.types("./boxkeeper import prod ai-note-taker < notes.sql")
    assert re.search(r"database ai_note_taker_imported: \d+ tables, \d+ rows, each compared", came), came
    assert "kept" not in came
    said = newcomer.types("./boxkeeper import prod ai-note-taker --replace", stdin="ai-note-taker\n")
    assert "ai_note_taker is the restored one now" in said
    refused = newcomer.types("./boxkeeper import prod ai-note-taker --url", stdin="mysql://a@b/c", code=1)
    assert "it looks like postgresql://" in refused


def test_a_server_that_still_answers_is_not_rebuilt(newcomer: Newcomer) -> None:
    assert "still answers" in newcomer.types("./boxkeeper rebuild prod --onto 203.0.113.11", code=2)


def test_who_is_told_of_alerts_is_in_the_store(newcomer: Newcomer) -> None:
    newcomer.types("./boxkeeper secrets set prod alerts/webhook", stdin="http://127.0.0.1:1/services/T0")
    said = newcomer.types("./boxkeeper up prod")
    assert "alerts: files" in said
    assert "services/T0" not in said


def test_updates_are_installed_and_the_app_answers_as_before(newcomer: Newcomer) -> None:
    assert re.search(r"^ +\d+ packages upgraded in \d+ s$", newcomer.types("./boxkeeper patch prod"), re.MULTILINE)
    assert "127.0.0.1: nothing to update" in newcomer.types("./boxkeeper patch prod")
    assert "the newest of its distribution" in newcomer.types("./boxkeeper postgres upgrade prod")


def test_tests_that_need_no_box_run_in_a_clean_clone(newcomer: Newcomer) -> None:
    """A file of them: all are run beside this test."""
    assert " passed" in newcomer.types("./boxkeeper test --fast tests/test_house.py")


def test_the_bench_prints_its_table(newcomer: Newcomer) -> None:
    said = newcomer.types("./boxkeeper bench --rounds 1")
    assert re.search(r"^nothing to change, at 50 ms +\d+\.\d\d +\d\.\d\d +1 ", said, re.MULTILINE), said
    assert (newcomer.clone / ".boxkeeper" / "bench.json").is_file()


def test_the_demo_cleans_up(newcomer: Newcomer) -> None:
    newcomer.types("./boxkeeper demo --remove")
    assert Target.find(NAME) is None


def test_every_command_of_the_readme_is_run_by_a_test() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    run_by_ci = {"./boxkeeper test"}
    assert run_by_ci == {(ROOT / ".ci/run").read_text().strip().splitlines()[-1].removeprefix("exec ")}
    unknown = [line for line in commands() if line not in run_by_ci and _core(line) not in tests]
    assert commands()
    assert not unknown


def _core(line: str) -> str:
    """A command as the tests word it: without what differs from reader to reader."""
    return re.sub(r"(ai-note-taker/)(DEEPGRAM|GEMINI)_API_KEY$", r"\1{name}", line)
