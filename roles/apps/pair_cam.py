"""PairCam: video calls between two people who have never met. Add `aliases=("www.DOMAIN",)` for the name with www."""

from __future__ import annotations

from typing import ClassVar

from roles.apps.app import App, Need
from roles.apps.parts import Frontend, Limits, Node, Process, Rate, Route

EACH = Rate(5, "second", burst=20)
"""A page asks for several things at once, and long polling for one after the other."""


class PairCam(App):
    """NestJS with Socket.io and a Vite frontend in one npm workspace; Postgres, Redis and TURN."""

    title: ClassVar[str] = "PairCam"
    runtime: ClassVar[Node] = Node(build="npm run build")
    frontend: ClassVar[Frontend] = Frontend(build=None, output="packages/frontend/dist")
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis", "turn"})
    generated: ClassVar[tuple[str, ...]] = ("JWT_SECRET",)
    overlapping: ClassVar[dict[str, int]] = {"JWT_SECRET": 7}
    optional: ClassVar[tuple[str, ...]] = (
        *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_PRICE_ID_WEEKLY", "STRIPE_PRICE_ID_MONTHLY"),
        *("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "SENTRY_DSN"),
        # somebody else's TURN, for when ours is out of reach
        *("TURN_BACKUP_URLS", "TURN_BACKUP_USERNAME", "TURN_BACKUP_PASSWORD"),
    )
    variables: ClassVar[dict[str, str]] = {
        "FRONTEND_URL": "https://{domain}",
        "CORS_ORIGINS": "https://{domain}",
        "JWT_EXPIRATION": "7d",
        "LOG_LEVEL": "info",
        "METRICS_PORT": "9090",
    }
    processes: ClassVar[tuple[Process, ...]] = (
        Process("web", "node dist/main.js", directory="packages/backend", port=3333),
    )
    routes: ClassVar[tuple[Route, ...]] = (
        Route("/", to="static"),
        Route("/api/", rate=EACH),
        Route("/socket.io/", websocket=True, rate=EACH),
        Route("/health", rate=EACH),
    )
    subdomains: ClassVar[dict[str, str | Route]] = {"api": Route("/", websocket=True, rate=EACH)}
    release_command: ClassVar[str] = "npm run migrate"
    release_directory: ClassVar[str] = "packages/backend"
    health: ClassVar[str] = "/api/health"
    critical: ClassVar[Limits] = Limits(down=30, errors=0.05, p95=2)
    warning: ClassVar[Limits] = Limits(
        errors=0.01, p95=1, memory="300M", cpu=0.5, restarts=0, connections=10, redis="100M"
    )

    name: str = "pair-cam"
