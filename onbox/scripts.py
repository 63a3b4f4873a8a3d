"""Scripts of a package.json, run without npm: it would stay in memory, and keep signals and sockets from the script."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping

from onbox.shell import Failed

SHELL = re.compile(r"[|&;<>()$`\\*?#~!{}\n]|\[")
"""What only a shell understands."""


def run(name: str) -> None:
    """Become the script `name` of the package.json in this folder; its `pre` script runs before it."""
    package = _package()
    scripts = package.get("scripts", {})
    if name not in scripts and not (name == "start" and os.path.exists("server.js")):
        there = ", ".join(sorted(scripts)) or "none"
        raise Failed(f"{os.getcwd()}/package.json has no script {name!r}; there is {there}")
    os.environ.update(_told(package, name))
    if f"pre{name}" in scripts:
        done = subprocess.run(["/bin/sh", "-c", scripts[f"pre{name}"]], check=False)
        if done.returncode != 0:
            raise Failed(f"script pre{name}: exit code {done.returncode}")
    words, variables = command(scripts.get(name, "node server.js"))
    os.environ.update(variables)
    try:
        os.execvp(words[0], words)
    except OSError as error:
        raise Failed(f"script {name}: {words[0]}: {error.strerror}") from None


def command(script: str) -> tuple[list[str], Mapping[str, str]]:
    """The words and variables of a script; those of a shell where it needs one.

    The last of several commands takes the shell's place: systemd's signals and its socket are for that one. cross-env
    only sets variables, and would stand in between like npm.
    """
    if SHELL.search(script):
        first, joint, last = script.rpartition("&&")
        replaced = f"{first}{joint} exec {last.strip()}" if not SHELL.search(last) and "=" not in last else script
        return ["/bin/sh", "-c", replaced], {}
    words = shlex.split(script)
    variables = {}
    while words and (words[0] == "cross-env" or re.match(r"[A-Za-z_][A-Za-z0-9_]*=", words[0])):
        name, is_variable, value = words.pop(0).partition("=")
        if is_variable:
            variables[name] = value
    return words or ["/bin/true"], variables


def _package() -> dict[str, dict[str, str]]:
    try:
        with open("package.json", encoding="utf-8") as file:
            package: dict[str, dict[str, str]] = json.load(file)
    except (OSError, ValueError) as error:
        raise Failed(f"{os.getcwd()}/package.json can't be read: {error}") from None
    return package


def _told(package: Mapping[str, object], name: str) -> dict[str, str]:
    """What npm tells a script about itself."""
    known = {f"npm_package_{key}": str(package[key]) for key in ("name", "version") if key in package}
    return {**known, "npm_lifecycle_event": name}
