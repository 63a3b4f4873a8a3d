"""Figures: what a bench has found, kept for who compares it."""

from __future__ import annotations

import json
from typing import Any

import click

from roles import ROOT


def keep(name: str, found: Any) -> None:
    """Write them as JSON, and say where."""
    path = ROOT / ".boxkeeper" / f"{name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(f"\nAlso in {path.relative_to(ROOT)}.")
