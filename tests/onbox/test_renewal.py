"""What still runs replaced files: which of it is renewed, how, and in which order."""

from __future__ import annotations

import pytest

from onbox import nginx, outdated, releases, renewal, slots, units
from onbox.slots import Slot


def shown(**more: str) -> dict[str, str]:
    return {"ActiveState": "active", "Transient": "no", "Type": "simple", **more}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a box with old services of every kind is asked for."""
    there = {
        "a-web@2.service": shown(),
        "a-worker@2.service": shown(),
        "a-web@1.service": shown(),
        "dbus.service": shown(),
        "nginx.service": shown(Type="forking"),
        "redis-a.service": shown(),
        "stopped.service": shown(ActiveState="inactive"),
        "boxkeeper-patch@now.service": shown(ActiveState="activating", Type="oneshot"),
        "boxkeeper-release-a.service": shown(Transient="yes"),
    }
    slotted = {name: Slot("a", int(name.partition("@")[2][0])) for name in there if name.startswith("a-")}
    asked: list[str] = []
    monkeypatch.setattr(outdated, "services", lambda: sorted(there))
    monkeypatch.setattr(outdated, "runs_old", lambda process: process == "7")
    monkeypatch.setattr(units, "show", lambda names, properties: there)
    monkeypatch.setattr(units, "do", lambda verb, unit: asked.append(f"{verb} {unit}"))
    monkeypatch.setattr(slots, "services", lambda: slotted)
    monkeypatch.setattr(slots, "live", lambda app: Slot(app, 2))
    monkeypatch.setattr(releases, "renew", lambda app: asked.append(f"hand over {app}"))
    monkeypatch.setattr(nginx, "renew", lambda: asked.append("hand over nginx"))
    monkeypatch.setattr(nginx, "let_first_end", lambda: asked.append("let the first nginx end"))
    monkeypatch.setattr(nginx, "master", lambda: 7)
    return asked


def test_nginx_and_apps_hand_over_and_the_rest_is_restarted_apps_last(asked: list[str]) -> None:
    assert renewal.renew() == ["nginx.service", "redis-a.service", "a-web@2.service", "a-worker@2.service"]
    assert asked == ["let the first nginx end", "hand over nginx", "restart redis-a.service", "hand over a"]


def test_an_nginx_that_has_handed_over_is_left_to_its_end(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "master", lambda: 8)
    assert "nginx.service" not in renewal.renew()
    assert "hand over nginx" not in asked
