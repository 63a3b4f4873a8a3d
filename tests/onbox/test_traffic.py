"""What nginx has answered, counted from its access log."""

from __future__ import annotations

from pathlib import Path

import pytest

from onbox import traffic
from onbox.traffic import Sample, Traffic, counted


def line(site: str = "a.example.com", status: int = 200, seconds: float = 0.1, path: str = "/") -> str:
    """A line of the access log, as nginx writes it."""
    asked = f'203.0.113.9 [2026-11-27T09:30:00+00:00] {site} "GET {path} HTTP/2.0" {status}'
    return f'{asked} 12 {seconds:.3f} {seconds:.3f} "curl/8.1"\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(line() * 3)
    return path


def follow(log: Path, looks: int = 20) -> Traffic:
    return Traffic(looks, str(log))


def add(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_what_was_there_before_the_first_look_does_not_count(log: Path) -> None:
    seen = follow(log)
    seen.look()
    assert seen.of(["a.example.com"]) == Sample(0, 0, 0.0)


def test_an_app_has_all_its_sites_and_no_other_ones(log: Path) -> None:
    seen = follow(log)
    add(log, line() + line("www.a.example.com", 502) + line("b.example.com", 500))
    seen.look()
    sample = seen.of(["a.example.com", "www.a.example.com"])
    assert (sample.requests, sample.failed) == (2, 1)


def test_95_of_100_answers_are_within_the_time_that_is_said(log: Path) -> None:
    seen = follow(log)
    add(log, "".join(line(seconds=number / 10) for number in range(1, 101)))
    seen.look()
    assert seen.of(["a.example.com"]).p95 == pytest.approx(9.5)


def test_a_refused_request_is_no_failed_one_and_a_websocket_is_none() -> None:
    found = counted([line(status=429), line(status=404), line(status=101, seconds=3600), "half a li"])
    assert (len(found["a.example.com"].seconds), found["a.example.com"].failed) == (2, 0)


def test_a_path_of_quotes_and_brackets_is_still_one_request(log: Path) -> None:
    [answers] = counted([line(path="/x] \\x22 a.example.com \\x22")]).values()
    assert len(answers.seconds) == 1


def test_a_line_that_is_still_being_written_counts_once_it_is_whole(log: Path) -> None:
    seen = follow(log)
    whole = line()
    add(log, whole[:30])
    seen.look()
    assert seen.of(["a.example.com"]).requests == 0
    add(log, whole[30:])
    seen.look()
    assert seen.of(["a.example.com"]).requests == 1


def test_a_log_that_was_rotated_is_read_from_its_beginning(log: Path) -> None:
    seen = follow(log)
    log.rename(log.with_suffix(".1"))
    log.write_text(line() * 2)
    seen.look()
    assert seen.of(["a.example.com"]).requests == 2


def test_a_log_that_is_away_for_a_while_is_no_fault(log: Path) -> None:
    seen = follow(log)
    log.unlink()
    seen.look()
    log.write_text(line())
    seen.look()
    assert seen.of(["a.example.com"]).requests == 1


def test_what_is_older_than_the_looks_that_are_remembered_is_forgotten(log: Path) -> None:
    seen = follow(log, looks=2)
    add(log, line())
    for requests in (1, 1, 0):
        seen.look()
        assert seen.of(["a.example.com"]).requests == requests


def test_of_very_much_only_the_end_is_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "MOST", len(line()) * 2)
    seen = follow(log)
    add(log, line() * 50)
    seen.look()
    assert seen.of(["a.example.com"]).requests == 2
