"""The model of RodeoAI, on a box and in an inventory group of its own.

    inference = group(
        Server(host="203.0.113.20", ..., apps=(
            RodeoInference(domain="inference.example.com", allow=("10.0.0.2",), source=...),
        ))
    )

Three things keep strangers out: nginx answers the addresses in `allow` and nobody else, TLS keeps the token from
whoever shares a provider's private network, and the app itself asks for the token.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from roles.apps.app import App
from roles.apps.parts import Process, Python, Route


class RodeoInference(App):
    """FastAPI under uvicorn and a model; `examples/rodeo_inference` is a small one that needs no GPU."""

    title: ClassVar[str] = "RodeoAI inference"
    runtime: ClassVar[Python] = Python()
    secrets: ClassVar[tuple[str, ...]] = ("INFERENCE_TOKEN",)
    # a day in which RodeoAI, on another box, is told of it too
    overlapping: ClassVar[dict[str, int]] = {"INFERENCE_TOKEN": 1}
    processes: ClassVar[tuple[Process, ...]] = (
        Process(
            "web",
            "uvicorn main:app --fd 3 --timeout-graceful-shutdown 30 --forwarded-allow-ips *",
            memory="4G",
            stop=40,
        ),
    )
    routes: ClassVar[tuple[Route, ...]] = (Route("/embed", body="9m"), Route("/health"))
    health: ClassVar[str] = "/health"

    name: str = "rodeo-inference"
    disk: str = "4gb"
    allow: tuple[str, ...] = Field(
        min_length=1, description='Addresses of the boxes whose apps ask it, e.g. ("10.0.0.2",)'
    )
