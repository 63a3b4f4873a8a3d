"""Language models, and what they take of a box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """`ram_gb` is the memory of a box that runs it beside an app, `disk_mb` what is pulled."""

    ram_gb: int
    disk_mb: int
    writes: bool = True
    """False for one that turns text into vectors."""


# Mistral 7B on 8 GB and Llama 2 13B on 16 GB as in Ollama's own rule of thumb (its README: 8 GB for 7B, 16 for 13B, 32
# for 33B); sizes as ollama.com/library shows them for these tags, all quantised to four bits.
MODELS: Mapping[str, Model] = {
    "qwen2.5:0.5b": Model(2, 398),
    "tinyllama": Model(2, 638),
    "llama3.2:1b": Model(4, 1300),
    "gemma2:2b": Model(4, 1600),
    "llama3.2:3b": Model(8, 2000),
    "mistral:7b": Model(8, 4400),
    "llama2:7b": Model(8, 3800),
    "llama2:13b": Model(16, 7400),
    "llama2:70b": Model(64, 39000),
    "all-minilm": Model(1, 46, writes=False),
    "nomic-embed-text": Model(1, 274, writes=False),
}
PLANS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Gigabytes that providers rent out."""
MISSING = 1.15
"""A machine reports a few percent less memory than its plan says, and differs from kernel to kernel."""


def full(name: str) -> str:
    """A model's name with its tag, as Ollama lists it."""
    return name if ":" in name else f"{name}:latest"


def ram_mb(models: Iterable[Model]) -> int:
    """Memory of a box that keeps all of these loaded: what the greediest needs, and the others' size on top."""
    rest = sorted(models, key=lambda model: model.ram_gb)
    return rest[-1].ram_gb * 1024 + sum(model.disk_mb for model in rest[:-1]) if rest else 0


def fits(needed_mb: int, found_mb: int) -> bool:
    return needed_mb <= found_mb * MISSING


def biggest(found_mb: int) -> str | None:
    """The most able model for a box of that size."""
    able = [name for name, model in MODELS.items() if model.writes and fits(model.ram_gb * 1024, found_mb)]
    return max(able, key=lambda name: MODELS[name].disk_mb, default=None)


def plan(needed_mb: int) -> int:
    """The smallest plan, in GB, with that much memory."""
    return next((size for size in PLANS if fits(needed_mb, size * 1024)), PLANS[-1])
