"""Alerts, as far as no box is needed: what is looked at, and who is told."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from roles.alerts import CONFIG, Alerts, secrets, services, wanted
from roles.apps import Folder
from roles.apps.pair_cam import PairCam
from roles.apps.rodeo_ai import RodeoAi
from roles.budget import Size
from roles.chroma import Chroma
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.resources import Files
from roles.rotation import supplied
from roles.server import Server
from roles.tls import Tls
from roles.turn import Turn

CAM = PairCam(domain="cam.example.com", aliases=("www.cam.example.com",), source=Folder(path="."))


def server(**settings: Any) -> Server:
    return Server(host="203.0.113.10", apps=(CAM,), redis=Redis(), **settings)


def described(box: Server) -> Any:
    """What the box is told to look at, and how its file is kept."""
    [files] = [each for each in wanted(box) if isinstance(each, Files)]
    sent = {entry["path"]: entry for entry in files.payload({"paths": [None] * 3, "leftovers": []})["paths"]}
    return json.loads(base64.b64decode(sent[CONFIG]["content"])), sent[CONFIG]["wanted"]["mode"]


def test_a_box_without_alerts_has_nothing_of_them() -> None:
    assert list(wanted(server())) == []
    assert list(secrets(server())) == []


def test_an_app_is_looked_at_with_the_limits_of_its_class_in_seconds_parts_and_mb() -> None:
    found, mode = described(server(alerts=Alerts()))
    [cam] = found["apps"]
    assert cam["sites"] == ["cam.example.com", "www.cam.example.com", "api.cam.example.com"]
    assert cam["redis"] == "boxkeeper-redis@pair-cam.service"
    assert (cam["critical"]["down"], cam["critical"]["p95"], cam["warning"]["memory"]) == (30, 2, 300)
    assert cam["critical"]["memory"] is None
    assert (found["webhook"], found["ping"], mode) == (None, None, "0600")
    assert [app["name"] for app in found["status"]["apps"]] == ["pair-cam"]


def test_what_apps_need_is_looked_at_too_each_once() -> None:
    rodeo = RodeoAi(domain="rodeo.example.com", source=Folder(path="."))
    own = {"postgres": Postgres(), "chroma": Chroma(), "turn": Turn(), "nginx": Nginx(), "tls": Tls()}
    box = Server(host="203.0.113.10", apps=(CAM, rodeo), redis=Redis(), **own)
    assert sorted(services(box)) == [
        "boxkeeper-certificates.timer",
        "boxkeeper-chroma@rodeo-ai.service",
        "boxkeeper-redis@pair-cam.service",
        "boxkeeper-redis@rodeo-ai.service",
        "coturn.service",
        "nginx.service",
        "postgresql.service",
    ]


def test_who_is_told_is_a_secret_of_the_store_that_may_be_missing() -> None:
    box = server(alerts=Alerts())
    assert [(secret.name, secret.optional) for secret in secrets(box)] == [
        ("alerts/webhook", True),
        ("alerts/ping", True),
    ]
    box._kept["alerts/webhook"] = supplied("https://hooks.example.com/T0\n")
    assert described(box)[0]["webhook"] == "https://hooks.example.com/T0"


@pytest.mark.parametrize("capacity", [0, 1.5, -1])
def test_a_capacity_is_a_part(capacity: float) -> None:
    assert Alerts(capacity=capacity).faults


def test_alerts_cost_memory() -> None:
    assert [cost.ram_mb for cost in Alerts().costs([CAM], Size(1000, 20_000))] == [30]
