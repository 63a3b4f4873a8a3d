"""Flavor Monk: recipes written by a language model on the box itself."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field, field_validator

from roles.apps.app import App, Need
from roles.apps.parts import Node, Process, Rate, Route

EMBEDDING = "all-minilm"
"""What turns recipes into vectors, so that they are found by their meaning: 46 MB."""

LEFTOVERS = ".next/cache node_modules/@next/swc-* node_modules/@img"
"""Of a build: its cache, its compiler, what resizes pictures. A third of a release, and nothing that runs needs it."""


class FlavorMonk(App):
    """Next.js, Ollama, Postgres, ChromaDB for recipe search and Redis as a cache."""

    title: ClassVar[str] = "Flavor Monk"
    runtime: ClassVar[Node] = Node(build=f"npm run build && rm -rf {LEFTOVERS}")
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis", "chroma", "ollama"})
    optional: ClassVar[tuple[str, ...]] = ("REPLICATE_API_TOKEN", "OPENAI_API_KEY")
    variables: ClassVar[dict[str, str]] = {"EMBEDDING_MODEL": EMBEDDING, "NEXT_TELEMETRY_DISABLED": "1"}
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "npm start", typical="180M"),)
    routes: ClassVar[tuple[Route, ...]] = (
        Route("/", body="1m"),
        # a model answers one question at a time: who asks more than that would only wait, and let others wait
        Route("/api/cook", rate=Rate(10, "minute", burst=5), body="64k"),
    )
    release_command: ClassVar[str] = "npm run migrate"
    health: ClassVar[str] = "/api/health"
    # measured: 677 MB by `next build`, 361 by `npm ci`
    build_memory: ClassVar[str] = "720M"

    name: str = "flavor-monk"
    # a release takes 250 MB, five are kept, and one being built 390
    disk: str = "2gb"
    model: str = Field(default="mistral:7b", description="Model that writes, by its name in Ollama's library")

    @field_validator("model")
    @classmethod
    def _model(cls, model: str) -> str:
        if not re.fullmatch(r"[a-zA-Z0-9][\w.-]*(/[\w.-]+)*(:[\w.-]+)?", model):
            raise ValueError(f"{model!r} is no model; write it like `mistral:7b`")
        return model

    @property
    def models(self) -> tuple[str, ...]:
        return (self.model, EMBEDDING)
