"""Drift: what is said of a disk that fills up, and which listeners are strangers."""

from pathlib import Path

import pytest

from onbox.drift import DAY, full_in
from onbox.strangers import _is_in, _keys

GROWING = [[day * DAY, 0.5 + day / 100] for day in range(11)]


def test_a_disk_that_grows_by_a_percent_a_day_is_full_when_the_rest_is_used_up() -> None:
    assert full_in(GROWING) == pytest.approx(40)


@pytest.mark.parametrize(
    "samples",
    [[], GROWING[:2], [[0.0, 0.1], [60.0, 0.2], [120.0, 0.3]], [[day * DAY, 0.5] for day in range(9)], GROWING[::-1]],
    ids=["none", "too few", "within minutes", "as it was", "emptier"],
)
def test_no_day_is_named_without_a_trend(samples: list[list[float]]) -> None:
    ordered = [[at, part] for (at, _), (_, part) in zip(sorted(samples), samples, strict=True)]
    assert full_in(ordered) is None


@pytest.mark.parametrize(
    ("kind", "port", "known"),
    [("tcp", 22, True), ("udp", 22, False), ("udp", 49999, True), ("udp", 50101, False), ("tcp", 50000, False)],
)
def test_a_port_is_known_by_its_kind_and_span(kind: str, port: int, known: bool) -> None:
    assert _is_in(kind, port, ["tcp/22", "udp/49152-50100"]) is known


def test_a_key_is_named_as_ssh_keygen_names_it(tmp_path: Path) -> None:
    file = tmp_path / "authorized_keys"
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    file.write_text(f'# a comment\nno-pty,command="ls" ssh-ed25519 {blob} me\nnonsense\n')
    assert list(_keys(str(file))) == ["ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"]
