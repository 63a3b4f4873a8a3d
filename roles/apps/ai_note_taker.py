"""AI Note Taker: audio over a WebSocket becomes notes and summaries."""

from __future__ import annotations

from typing import ClassVar

from roles.apps.app import App, Need
from roles.apps.parts import Frontend, Job, Process, Python, Rate, Route


class AiNoteTaker(App):
    """FastAPI under uvicorn, a React frontend, Postgres and Redis."""

    title: ClassVar[str] = "AI Note Taker"
    runtime: ClassVar[Python] = Python(directory="backend")
    frontend: ClassVar[Frontend] = Frontend(build="npm run build", output="build")
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis"})
    secrets: ClassVar[tuple[str, ...]] = ("DEEPGRAM_API_KEY", "GEMINI_API_KEY")
    variables: ClassVar[dict[str, str]] = {"CORS_ORIGINS": "https://{domain}"}
    # An open WebSocket would hold a stop until systemd kills it (uvicorn #1140); and on a Unix socket uvicorn trusts
    # nobody's X-Forwarded-For, while only nginx can open this one.
    processes: ClassVar[tuple[Process, ...]] = (
        Process(
            "web",
            "uvicorn main:app --fd 3 --timeout-graceful-shutdown 10 --forwarded-allow-ips *",
            directory="backend",
        ),
    )
    routes: ClassVar[tuple[Route, ...]] = (
        Route("/", to="static"),
        Route("/api/"),
        Route("/api/summarize", rate=Rate(10, "minute", burst=10)),
        Route("/ws", websocket=True, rate=Rate(5, "minute", burst=5)),
    )
    jobs: ClassVar[tuple[Job, ...]] = (Job("cleanup", "python cleanup.py", "*-*-* 02:00:00", directory="backend"),)
    release_command: ClassVar[str] = "python migrate.py"
    release_directory: ClassVar[str] = "backend"
    health: ClassVar[str] = "/api/health"

    name: str = "ai-note-taker"
