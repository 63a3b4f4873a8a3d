"""Kernel settings as a box has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from onbox import sysctl


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel with two interfaces."""
    monkeypatch.setattr(sysctl, "HOME", str(tmp_path))
    for name, value in {"conf/eth0/trust": "1", "conf/lo/trust": "0", "range": "32768\t60999", "one": "1"}.items():
        path = tmp_path / "net" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return tmp_path


def test_a_setting_is_its_value() -> None:
    assert sysctl.shown("net.one") == "1"
    assert sysctl.shown("net.range") == "32768 60999"


def test_one_interface_that_differs_is_seen(settings: Path) -> None:
    assert sysctl.shown("net.conf.*.trust") == "0 and 1"
    (settings / "net" / "conf" / "eth0" / "trust").write_text("0\n")
    assert sysctl.shown("net.conf.*.trust") == "0"


def test_what_this_kernel_does_not_have_is_none() -> None:
    assert sysctl.shown("net.other") is None
    assert sysctl.shown("net.other.*.trust") is None


def test_values_are_put_back_where_they_were(settings: Path) -> None:
    trust = settings / "net" / "conf" / "eth0" / "trust"
    before = sysctl.values(["net.conf.*.trust", "net.one"])
    trust.write_text("0\n")
    sysctl.write({**before, str(settings / "gone" / "trust"): "1\n"})
    assert trust.read_text() == "1\n"
    assert sysctl.values(["net.conf.*.trust", "net.one"]) == before
