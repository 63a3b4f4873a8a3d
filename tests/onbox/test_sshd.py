"""Files of sshd that would outdo our drop-in."""

from __future__ import annotations

import pytest

from onbox.sshd import INCLUDE, mended

FIRST = f"# main file\n\n{INCLUDE}\n\nUsePAM yes\n"


def directives(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_main_file_that_includes_the_drop_ins_first_stays_as_it_is() -> None:
    assert mended(FIRST, None, main=True) == FIRST


@pytest.mark.parametrize("text", ["", "# nothing\n", "UsePAM yes\n", f"PermitRootLogin yes\n{INCLUDE}\n"])
def test_the_drop_ins_come_before_everything_else_and_only_once(text: str) -> None:
    lines = directives(mended(text, None, main=True))
    assert lines[0] == INCLUDE
    assert lines.count(INCLUDE) == 1


def test_mending_twice_is_mending_once() -> None:
    once = mended("Port 22\nPermitRootLogin yes\n", 2222, main=True)
    assert mended(once, 2222, main=True) == once


def test_a_drop_in_needs_no_include() -> None:
    assert mended("PasswordAuthentication yes\n", None, main=False) == "PasswordAuthentication yes\n"


@pytest.mark.parametrize("line", ["Port 22", "port=22", "  Port\t22"])
def test_of_ports_only_ours_stays(line: str) -> None:
    assert directives(mended(f"{line}\nX11Forwarding no\n", 2222, main=False)) == ["X11Forwarding no"]


def test_ports_stay_when_none_is_wanted() -> None:
    assert mended("Port 22\n", None, main=False) == "Port 22\n"


@pytest.mark.parametrize(
    ("line", "then"),
    [
        ("ListenAddress 10.0.0.1:22", "ListenAddress 10.0.0.1"),
        ("ListenAddress [::1]:22", "ListenAddress [::1]"),
        ("ListenAddress ::1", "ListenAddress ::1"),
        ("ListenAddress 10.0.0.1", "ListenAddress 10.0.0.1"),
    ],
)
def test_an_address_to_listen_on_stays_without_its_port(line: str, then: str) -> None:
    assert mended(f"{line}\n", 2222, main=False) == f"{then}\n"
