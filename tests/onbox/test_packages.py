"""Packages: what dpkg knows is read right, other people's locks are waited for, and a killed apt is healed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from onbox import packages
from onbox.shell import Failed

STATUS = """\
Package: bash
Essential: yes
Status: install ok installed
Priority: required

Package: nginx
Status: install ok installed
Description: a web server
 Package: none
Status-Like: hold ok half-installed

Package: held
Status: hold ok installed

Package: removed
Status: deinstall ok config-files

Package: torn
Status: install reinstreq half-installed

Package: unpacked
Status: install ok unpacked

Package: half
Status: install ok half-configured

Package: waiting
Status: install ok triggers-awaited
"""


@pytest.fixture(autouse=True)
def dpkg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dpkg and an apt of our own, in a folder."""
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "updates").mkdir()
    (tmp_path / "lists").mkdir()
    monkeypatch.setattr(packages, "STATUS", str(tmp_path / "status"))
    monkeypatch.setattr(packages, "UPDATES", str(tmp_path / "updates"))
    monkeypatch.setattr(packages, "LISTS", str(tmp_path / "lists"))
    monkeypatch.setattr(packages, "LOCKS", (str(tmp_path / "lock"),))
    monkeypatch.setattr(packages, "wait_for_first_boot", lambda: None)
    return tmp_path


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that were run, in short: nothing really is."""
    lines: list[str] = []

    def run(argv: Sequence[str], **_: object) -> str:
        lines.append(" ".join(word for word in argv if not word.startswith("--") or word == "--error-on=any"))
        return ""

    monkeypatch.setattr(packages, "run", run)
    return lines


def test_packages_are_installed_that_dpkg_says_are() -> None:
    names = ["bash", "nginx", "held", "removed", "torn", "unpacked", "half", "waiting", "unknown"]
    found, other = packages.observe([names, ["bash"]])
    assert found["installed"] == ["bash", "nginx", "held"]
    assert other["installed"] == ["bash"]


def test_what_is_neither_whole_nor_gone_is_broken() -> None:
    assert packages.observe([[]])[0]["broken"] == ["half", "torn", "unpacked", "waiting"]


def test_a_box_without_dpkg_has_no_packages(dpkg: Path) -> None:
    (dpkg / "status").unlink()
    assert packages.observe([["bash"]]) == [{"installed": [], "broken": []}]


def test_what_the_machine_itself_has_is_read_as_dpkg_query_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "STATUS", "/var/lib/dpkg/status")
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"]
    said = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    assert set(packages._states().items()) == {tuple(line.split()) for line in said.splitlines()}


@contextmanager
def held(path: Path) -> Iterator[int]:
    """The lock held by another process, as dpkg holds it. Yields that one's pid."""
    hold = (
        "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f,fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


def test_a_lock_of_another_process_is_waited_for(dpkg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: threading.Event().wait(0.01))
    with held(dpkg / "lock"):
        waiting = threading.Thread(target=packages.wait_for_locks, daemon=True)
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
    waiting.join(2)
    assert not waiting.is_alive()


def test_who_holds_a_lock_for_too_long_is_named(dpkg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PATIENCE", 0.0)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with (
        held(dpkg / "lock") as pid,
        pytest.raises(Failed, match=rf"lock is held by `.*lockf.*` \(pid {pid}\) for more"),
    ):
        packages.wait_for_locks()


def test_a_lock_that_nobody_holds_is_not_waited_for(dpkg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
    packages.wait_for_locks()
    assert (dpkg / "lock").exists()


def test_asking_for_a_lock_does_not_keep_it(dpkg: Path) -> None:
    assert packages._free(str(dpkg / "lock"))
    handle = os.open(dpkg / "lock", os.O_RDWR)
    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


def test_a_box_without_apts_folders_has_no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "LOCKS", ("/nowhere/lock",))
    packages.wait_for_locks()


def test_a_killed_apt_is_healed_before_anything_is_installed(ran: list[str]) -> None:
    packages.apply({"install": ["redis"], "remove": []})
    assert ran[0] == "dpkg -a"
    assert ran[1] == "apt-get install torn"
    assert ran[2] == "apt-get install"
    assert ran[-1] == "apt-get install redis"


def test_a_whole_dpkg_is_left_alone(dpkg: Path, ran: list[str]) -> None:
    (dpkg / "status").write_text("Package: bash\nStatus: install ok installed\n")
    packages.heal()
    assert ran == []


def test_a_journal_that_dpkg_did_not_finish_is_healed(dpkg: Path, ran: list[str]) -> None:
    (dpkg / "status").write_text("Package: bash\nStatus: install ok installed\n")
    (dpkg / "updates" / "0001").touch()
    packages.heal()
    assert ran[0] == "dpkg -a"


def test_lists_are_fetched_when_there_are_none(ran: list[str]) -> None:
    packages.apply({"install": ["redis"], "remove": []})
    assert ran[-2:] == ["apt-get update --error-on=any", "apt-get install redis"]


def test_an_install_that_fails_is_tried_once_more_with_new_lists(
    dpkg: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (dpkg / "status").write_text("")
    (dpkg / "lists" / "x_Packages").touch()
    answers: Iterator[str | Failed] = iter(["Candidate: 1", Failed("404"), "", ""])

    def run(argv: Sequence[str], **_: object) -> str:
        ran.append(argv[1] if argv[0] == "apt-cache" else next(word for word in argv[1:] if not word.startswith("--")))
        answer = next(answers)
        if isinstance(answer, Failed):
            raise answer
        return answer

    monkeypatch.setattr(packages, "run", run)
    packages.apply({"install": ["redis"], "remove": []})
    assert ran == ["policy", "install", "update", "install"]


def test_lists_that_cannot_be_fetched_are_tried_three_times(ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: Sequence[str], **_: object) -> str:
        ran.append("")
        raise Failed("503")

    monkeypatch.setattr(packages, "run", run)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(Failed, match="503"):
        packages.refresh()
    assert len(ran) == 3


def test_apt_never_asks_and_never_lets_needrestart_act() -> None:
    assert packages.ENVIRONMENT["DEBIAN_FRONTEND"] == "noninteractive"
    assert packages.ENVIRONMENT["NEEDRESTART_SUSPEND"]
    assert "--option=Dpkg::Options::=--force-confold" in packages.APT
