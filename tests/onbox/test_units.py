"""Units: a restart follows from the state of files and stamps, so that one that was lost is made up for."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from onbox import journal, units
from onbox.shell import Failed
from roles.resources import Unit, Units


class Systemd:
    """As much of systemctl as is asked of it."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.dies: set[str] = set()

    def add(self, name: str, active: str = "inactive", enabled: str = "disabled") -> None:
        self.states[name] = {"ActiveState": active, "UnitFileState": enabled, "NeedDaemonReload": "no"}

    def run(self, argv: Sequence[str], **_: object) -> str:
        verb, name = argv[1], argv[-1]
        self.asked.append(" ".join(argv[1:]))
        if verb == "daemon-reload":
            for state in self.states.values():
                state["NeedDaemonReload"] = "no"
        elif name not in self.states:
            raise Failed(f"Unit {name} does not exist")
        elif verb in ("start", "restart", "reload"):
            self.states[name]["ActiveState"] = "failed" if name in self.dies else "active"
        elif verb == "stop":
            self.states[name]["ActiveState"] = "inactive"
        elif verb in ("enable", "disable"):
            self.states[name]["UnitFileState"] = f"{verb}d"
        return ""

    def said(self, argv: Sequence[str]) -> str:
        if argv[0] == "journalctl":
            return '{"_SYSTEMD_INVOCATION_ID": "1", "MESSAGE": "ValueError: no database"}\n'
        if argv[0] == "echo":
            return " ".join(argv[1:])
        unknown = {"ActiveState": "inactive", "UnitFileState": "", "NeedDaemonReload": "no"}
        shown = [{"Id": name, **self.states.get(name, unknown)} for name in argv[argv.index("--") + 1 :]]
        return "\n\n".join("\n".join(f"{key}={value}" for key, value in block.items()) for block in shown)


@pytest.fixture(autouse=True)
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    made = Systemd()
    monkeypatch.setattr(units, "STAMPS", str(tmp_path / "stamps"))
    monkeypatch.setattr(units, "run", made.run)
    monkeypatch.setattr(units, "said", made.said)
    monkeypatch.setattr(journal, "said", made.said)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return made


def converge(wanted: Units) -> Sequence[str]:
    """One run: what differs is sent. Returns what differed."""
    (found,) = units.observe([wanted.query()])
    differences = wanted.differences(found)
    if differences:
        units.apply(wanted.payload(found))
    return differences


def service(tmp_path: Path, **more: Any) -> Units:
    return Units([Unit("app.service", watch=(str(tmp_path / "app.conf"),), **more)])


def test_a_unit_is_enabled_started_and_then_left_alone(tmp_path: Path, systemd: Systemd) -> None:
    systemd.add("app.service")
    (tmp_path / "app.conf").write_text("1")
    assert converge(service(tmp_path)) == [
        "app.service: is disabled, not enabled; is inactive; runs with an older configuration"
    ]
    assert "start app.service" in systemd.asked
    assert "restart app.service" not in systemd.asked
    assert converge(service(tmp_path)) == []


@pytest.mark.parametrize("verb", ["restart", "reload"])
def test_another_configuration_restarts_or_reloads_it_once(tmp_path: Path, systemd: Systemd, verb: Any) -> None:
    systemd.add("app.service")
    (tmp_path / "app.conf").write_text("1")
    converge(service(tmp_path, verb=verb))
    (tmp_path / "app.conf").write_text("2")
    systemd.asked.clear()
    assert converge(service(tmp_path, verb=verb)) == ["app.service: runs with an older configuration"]
    assert f"{verb} app.service" in systemd.asked
    assert converge(service(tmp_path, verb=verb)) == []


def test_one_that_fails_again_and_again_is_started_anew_with_the_mended_file(tmp_path: Path, systemd: Systemd) -> None:
    """`start` would join the start that is under way, with the file of before."""
    systemd.add("app.service")
    (tmp_path / "app.conf").write_text("1")
    converge(service(tmp_path))
    (tmp_path / "app.conf").write_text("2")
    systemd.states["app.service"]["ActiveState"] = "activating"
    systemd.asked.clear()
    converge(service(tmp_path))
    assert "restart app.service" in systemd.asked
    assert "start app.service" not in systemd.asked


def test_a_restart_that_was_lost_is_made_up_for(tmp_path: Path, systemd: Systemd) -> None:
    """The run before wrote the file and was killed: this one changes no file, and restarts all the same."""
    systemd.add("app.service")
    (tmp_path / "app.conf").write_text("1")
    converge(service(tmp_path))
    (tmp_path / "app.conf").write_text("2")
    assert converge(service(tmp_path)) == ["app.service: runs with an older configuration"]


def test_a_unit_that_somebody_else_started_is_restarted_once_to_be_sure(tmp_path: Path, systemd: Systemd) -> None:
    """A package starts its service at once, with the package's own configuration."""
    systemd.add("app.service", active="active", enabled="enabled")
    assert converge(service(tmp_path)) == ["app.service: runs with an older configuration"]
    assert converge(service(tmp_path)) == []


def test_a_unit_that_has_died_is_started(tmp_path: Path, systemd: Systemd) -> None:
    systemd.add("app.service")
    converge(service(tmp_path))
    systemd.states["app.service"]["ActiveState"] = "failed"
    assert converge(service(tmp_path)) == ["app.service: is failed"]
    assert "reset-failed app.service" in systemd.asked


def test_a_unit_that_dies_is_an_error_with_its_last_lines_and_is_tried_again(tmp_path: Path, systemd: Systemd) -> None:
    systemd.add("app.service")
    systemd.dies.add("app.service")
    with pytest.raises(Failed, match=r"app.service is failed after start; its last lines:\n  ValueError: no database"):
        converge(service(tmp_path))
    (found,) = units.observe([service(tmp_path).query()])
    assert service(tmp_path).differences(found)


def test_a_unit_file_that_changed_is_read_again(tmp_path: Path, systemd: Systemd) -> None:
    systemd.add("app.service")
    converge(service(tmp_path))
    systemd.states["app.service"]["NeedDaemonReload"] = "yes"
    assert converge(service(tmp_path)) == ["app.service: its unit file has changed since systemd read it"]
    assert converge(service(tmp_path)) == []


def test_a_unit_that_is_not_wanted_is_stopped_and_disabled(systemd: Systemd) -> None:
    systemd.add("ufw.service", active="active", enabled="enabled")
    unwanted = Units([Unit("ufw.service", state="inactive", enabled=False)])
    assert converge(unwanted) == ["ufw.service: is enabled; is running"]
    assert converge(unwanted) == []


def test_a_unit_that_comes_and_goes_by_itself_is_only_enabled(systemd: Systemd) -> None:
    systemd.add("job.service")
    job = Units([Unit("job.service", state="any")])
    assert converge(job) == ["job.service: is disabled, not enabled"]
    assert "start job.service" not in systemd.asked
    assert converge(job) == []


def test_a_unit_that_cannot_be_enabled_is_not(systemd: Systemd) -> None:
    systemd.add("made.service", enabled="static")
    assert converge(Units([Unit("made.service")])) == ["made.service: is inactive"]
    assert not [line for line in systemd.asked if line.startswith("enable")]


def test_a_unit_that_is_not_there_is_said_so(systemd: Systemd) -> None:
    gone = Units([Unit("gone.service")])
    (found,) = units.observe([gone.query()])
    assert gone.differences(found) == ["gone.service: is not there, not enabled; is inactive"]


def test_a_file_that_changes_while_its_unit_starts_is_not_taken_for_the_one_it_started_with(
    tmp_path: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd.add("app.service")
    (tmp_path / "app.conf").write_text("1")
    monkeypatch.setattr(units, "do", lambda *_: (tmp_path / "app.conf").write_text("2"))
    converge(service(tmp_path))
    systemd.states["app.service"]["ActiveState"] = "active"
    (found,) = units.observe([service(tmp_path).query()])
    assert service(tmp_path).differences(found) == ["app.service: runs with an older configuration"]


def test_a_digest_follows_content_links_what_is_missing_and_what_is_live(tmp_path: Path) -> None:
    one, other, link = tmp_path / "one", tmp_path / "other", tmp_path / "link"
    one.write_text("1")
    link.symlink_to("a")
    seen = {units.digest([str(one)], []), units.digest([str(other)], []), units.digest([str(link)], [])}
    one.write_text("2")
    link.unlink()
    link.symlink_to("b")
    seen |= {units.digest([str(one)], []), units.digest([str(link)], []), units.digest([], [])}
    seen |= {units.digest([], ["echo", "1"]), units.digest([], ["echo", "2"])}
    assert len(seen) == 8


def test_all_units_are_asked_for_in_one_go(systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[str]] = []
    really = systemd.said

    def said(argv: Sequence[str]) -> str:
        asked.append(argv)
        return really(argv)

    monkeypatch.setattr(units, "said", said)
    for name in ("a.service", "b.service", "c.timer"):
        systemd.add(name, active=f"state of {name}")
    queries = [Units([Unit(name) for name in names]).query() for names in (["a.service", "b.service"], ["c.timer"], [])]
    found = units.observe([*queries, Units([Unit("a.service")]).query()])
    assert len(asked) == 1
    assert [[unit["active"] for unit in answer] for answer in found] == [
        ["state of a.service", "state of b.service"],
        ["state of c.timer"],
        [],
        ["state of a.service"],
    ]


def test_a_machine_without_systemd_gets_an_answer_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "said", lambda _: "")
    (found,) = units.observe([Units([Unit("a.service"), Unit("b.service")]).query()])
    assert [unit["active"] for unit in found] == ["unknown", "unknown"]


def test_a_file_edited_and_put_back_restarts_what_may_have_read_it(tmp_path: Path, systemd: Systemd) -> None:
    systemd.add("app.service")
    config = tmp_path / "app.conf"
    config.write_text("1")
    converge(service(tmp_path))
    assert converge(service(tmp_path)) == []
    config.write_text("somebody's")
    config.write_text("1")
    stamp = Path(units.STAMPS, "app.service")
    os.utime(stamp, ns=(0, config.stat().st_ctime_ns - 1))  # the edit came after the start
    assert converge(service(tmp_path)) == ["app.service: runs with an older configuration"]
    assert converge(service(tmp_path)) == []


def test_processes_are_those_of_each_unit_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {"a.service": {"ControlGroup": "/a.service"}, "b.service": {"ControlGroup": ""}}
    monkeypatch.setattr(units, "show", lambda names, properties: shown)
    monkeypatch.setattr(units, "_words", lambda path: [path])
    assert units.processes(["a.service", "b.service"]) == {"a.service": ["/sys/fs/cgroup/a.service/cgroup.procs"]}
