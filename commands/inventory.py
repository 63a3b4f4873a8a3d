"""Reading an inventory before pyinfra does, so that a mistake in its Python is one line and not a traceback."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from os import environ
from pathlib import Path
from typing import Any
from unittest.mock import patch

from roles import ROOT, Fault
from roles.server import Server, without_secrets

ENVIRONMENT = r"[a-z][a-z0-9_]{0,30}"
"""What an environment can be called: its inventory is a Python file of that name."""


def inventory_of(env: str) -> str:
    """The path of an environment's inventory; `env` may be the path of one that is elsewhere. Raises Fault."""
    if env.endswith(".py"):
        elsewhere = Path(environ.get("BOXKEEPER_FROM", ""), env).absolute()
        if not elsewhere.is_file():
            raise Fault(f"{elsewhere} is not there")
        return str(elsewhere)
    if not (ROOT / "inventories" / f"{env}.py").is_file():
        if not re.fullmatch(ENVIRONMENT, env):
            raise Fault(f"{env!r} is no environment (known: {_known()})")
        raise Fault(f"inventories/{env}.py is not there (known: {_known()}): run `boxkeeper init {env}`")
    return f"inventories/{env}.py"


def _known() -> str:
    return ", ".join(sorted(path.stem for path in (ROOT / "inventories").glob("[a-z]*.py"))) or "none"


def check(inventory: str) -> list[Server]:
    """Run an inventory without connecting, and return its boxes.

    Raises Fault for a mistake in it; `group` itself ends with exit code 2.
    """
    names = _run(inventory)
    groups = [value for name, value in names.items() if not name.startswith("_") and _is_group(value)]
    if not groups:
        raise Fault(_without_hosts(inventory))
    return [data["server"] for hosts, _ in groups for _, data in hosts]


def seen(inventory: str) -> list[Server]:
    """The same for who only looks at its boxes: secrets may be missing, and no key to them is needed."""
    boxes = list(without_secrets(described(inventory), ROOT / inventory))
    if not boxes:
        raise Fault(_without_hosts(inventory))
    return boxes


def refusal(inventory: str, operations: Sequence[str]) -> str | None:
    """Why a run of a deploy of ours can't begin with this inventory, in one line; None where it can."""
    if not inventory.endswith(".py") or not any(operation.startswith("deploys/") for operation in operations):
        return None
    if not Path(inventory).is_file():
        return f"{inventory} is not there (known: {_known()})"
    try:
        boxes = described(_shown(str(Path(inventory).absolute())))
    except Fault as fault:
        return str(fault)
    asks = "group(" in Path(inventory).read_text()  # then it says itself what it was not given
    return None if boxes or asks else _without_hosts(inventory)


def described(inventory: str) -> list[Server]:
    """The boxes that an inventory describes, unchecked: an address, domains and secrets may still be missing."""
    boxes: list[Server] = []

    def group(*servers: Server) -> tuple[list[str], dict[str, Any]]:
        boxes.extend(server for server in servers if isinstance(server, Server))
        return [], {}

    with patch("roles.server.group", group):
        _run(inventory)
    return boxes


def _run(inventory: str) -> dict[str, Any]:
    """The names that an inventory defines. Raises Fault for a mistake in its Python."""
    names: dict[str, Any] = {"__file__": str(ROOT / inventory), "__name__": "inventory"}
    try:
        exec(compile((ROOT / inventory).read_bytes(), inventory, "exec"), names)
    except Fault:
        raise
    except Exception as error:
        raise Fault(_sentence(inventory, error)) from None
    return names


def _without_hosts(inventory: str) -> str:
    return f"{inventory} has no hosts: end it with `{Path(inventory).stem} = group(Server(...))`"


def _is_group(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], list)


def _sentence(inventory: str, error: Exception) -> str:
    """The place, the fault, and what to write instead where that is known."""
    said = (str(error).splitlines() or [""])[0][:200]
    if isinstance(error, SyntaxError):
        source = (error.text or "").strip()
        return (
            f"{_shown(error.filename or inventory)} line {error.lineno or 1}: {error.msg}{source and f': `{source}`'}"
        )
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == inventory]
    hint = _hint(error.name or "") if isinstance(error, NameError) else ""
    return f"{inventory} line {lines[-1] if lines else 1}: {type(error).__name__}: {said}{hint}"


def _shown(path: str) -> str:
    return path.removeprefix(f"{ROOT}/")


def _hint(name: str) -> str:
    return next((f"; add `from {module} import {name}`" for module, known in _classes() if known == name), "")


def _classes() -> Iterator[tuple[str, str]]:
    """What an inventory imports, and from where."""
    for path in sorted((ROOT / "roles").rglob("*.py")):
        # what an app is made of is had from `roles.apps`
        module = re.sub(r"\.(__init__|app|git|parts)$", "", ".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name in re.findall(r"^(?:class|def) ([A-Za-z]\w*)", path.read_text(), re.MULTILINE):
            yield module, name
