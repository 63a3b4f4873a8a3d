"""Language models, and what they take of a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LIBRARY = "registry.ollama.ai/library"


@dataclass(frozen=True)
class Model:
    """`ram_mb` is what it takes while it is loaded, `disk_mb` what is pulled."""

    ram_mb: int
    disk_mb: int
    writes: bool = True
    """False for one that turns text into vectors."""


# Disk: as ollama.com/library shows these tags, quantised to four bits. Memory: that, the context of 4096 tokens at two
# bytes a number (layers x heads of keys and values x their size), and 300 MB to work in. With what else runs there that
# makes the documented boxes: 8 GB for Mistral 7B, 16 GB for Llama 2 13B. Ollama's README says 8 for 7B and 16 for 13B.
MODELS: Mapping[str, Model] = {
    "qwen2.5:0.5b": Model(730, 380),
    "tinyllama": Model(1000, 608),
    "llama3.2:1b": Model(1670, 1240),
    "gemma2:2b": Model(2240, 1526),
    "llama3.2:3b": Model(2655, 1907),
    "mistral:7b": Model(5010, 4196),
    "llama2:7b": Model(5970, 3624),
    "llama2:13b": Model(10560, 7057),
    "llama2:70b": Model(38775, 37193),
    "all-minilm": Model(150, 44, writes=False),
    "nomic-embed-text": Model(400, 261, writes=False),
}


def full(name: str) -> str:
    """A model's name with its tag, as Ollama lists it."""
    return name if ":" in name else f"{name}:latest"


def manifest(name: str) -> str:
    """The file below Ollama's folder of models that is there once a model is."""
    path, _, tag = full(name).rpartition(":")
    host = {0: f"{LIBRARY}/", 1: "registry.ollama.ai/"}.get(path.count("/"), "")
    return f"manifests/{host}{path}/{tag}"


def smaller(ram_mb: int) -> str | None:
    """The most able model of those that take no more than this."""
    able = [name for name, model in MODELS.items() if model.writes and model.ram_mb <= ram_mb]
    return max(able, key=lambda name: MODELS[name].ram_mb, default=None)
