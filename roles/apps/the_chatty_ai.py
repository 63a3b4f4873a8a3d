"""TheChattyAI: answers telephone calls; Twilio and Vapi tell it of them by webhooks and stream their audio to it."""

from __future__ import annotations

from typing import ClassVar

from roles.apps.app import App, Need
from roles.apps.parts import Node, Process, Route


class TheChattyAi(App):
    """Express on Node, Postgres and Redis. Behind Cloudflare with `cdn="cloudflare"`."""

    title: ClassVar[str] = "TheChattyAI"
    runtime: ClassVar[Node] = Node()
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis"})
    # VAPI_SECRET is of your own making, and what Vapi is told to send: without one, anybody could report calls.
    secrets: ClassVar[tuple[str, ...]] = (
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "GOOGLE_CREDENTIALS",
        "GOOGLE_TOKEN",
        "VAPI_SECRET",
    )
    # Twilio signs the address that it called, and behind a proxy the app does not see it.
    variables: ClassVar[dict[str, str]] = {"NODE_ENV": "production", "PUBLIC_URL": "https://{domain}"}
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "npm start"),)
    # No limits: all calls of the world come from Twilio's few addresses.
    routes: ClassVar[tuple[Route, ...]] = (
        Route("/"),
        Route("/webhooks/", body="5m"),
        Route("/ws", websocket=True),
    )
    release_command: ClassVar[str] = "npm run migrate"
    health: ClassVar[str] = "/health"

    name: str = "the-chatty-ai"
