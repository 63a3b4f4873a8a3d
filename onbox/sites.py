"""nginx's configuration: its own files and one per site, each proven before it is used.

A site that nginx refuses is left out and its old version stays; all others are applied, and only then it is said.
"""

from __future__ import annotations

import base64
import glob
import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from onbox import files, nginx
from onbox.shell import Failed

Json = Any
SITES = "boxkeeper/sites/"
Tree = dict[str, bytes]
"""Content by the path below /etc/nginx."""


def observe(queries: list[Json]) -> list[Json]:
    found = {
        "features": nginx.features(),
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in _present().items()},
        "current": nginx.is_current(),
    }
    return [found for _ in queries]


def _present() -> Tree:
    paths = (path for pattern in ("nginx.conf", "boxkeeper/*.conf", f"{SITES}*.conf") for path in _matching(pattern))
    return {os.path.relpath(path, nginx.FOLDER): _content(path) for path in sorted(paths)}


def _matching(pattern: str) -> list[str]:
    return glob.glob(os.path.join(nginx.FOLDER, pattern))


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def apply(payload: Json) -> None:
    if not os.path.exists(nginx.BINARY):
        raise Failed("nginx is not installed")
    wanted = {path: base64.b64decode(content) for path, content in payload["tree"].items()}
    present = _present()
    tree, refused = choose(wanted, present, nginx.objection)
    _install(tree, present)
    nginx.reload()
    # Certificates can be asked for as soon as sites answer; nobody waits for them.
    begin = ["systemctl", "start", "--no-block", "boxkeeper-certificates.service"]
    subprocess.run(begin, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if refused:
        raise Failed("\n".join(f"site {_name(path)}: nginx refuses it: {words}" for path, words in refused.items()))


def _name(path: str) -> str:
    return os.path.basename(path).removesuffix(".conf")


def choose(wanted: Tree, present: Tree, objection: Callable[[Mapping[str, bytes]], str]) -> tuple[Tree, dict[str, str]]:
    """The configuration to use, and of each site that is left out what nginx said.

    Raises Failed when nginx refuses what all sites share: then nothing may change.
    """
    if not objection(wanted):
        return wanted, {}
    tree = {path: content for path, content in wanted.items() if not path.startswith(SITES)}
    if words := objection(tree):
        raise Failed(f"nginx refuses what all sites share, nothing was changed: {words}")
    refused = {}
    for path in sorted(wanted.keys() - tree.keys()):
        words = objection({**tree, path: wanted[path]})
        if not words:
            tree[path] = wanted[path]
            continue
        kept = path in present and not objection({**tree, path: present[path]})
        refused[path] = f"{words} ({'its old version stays' if kept else 'it is left out'}; the others are in place)"
        if kept:
            tree[path] = present[path]
    return tree, refused


def _install(tree: Tree, present: Tree) -> None:
    """What sites rely on first, so that a run cut off in between leaves sites that nginx still takes."""
    paths = sorted(tree, key=lambda path: (path.startswith(SITES), path))
    written = [_entry(path, tree[path]) for path in paths if present.get(path) != tree[path]]
    removed = [{"path": os.path.join(nginx.FOLDER, path), "wanted": None} for path in present if path not in tree]
    files.apply({"paths": [*written, *removed], "prove": []})


def _entry(path: str, content: bytes) -> Json:
    return {
        "path": os.path.join(nginx.FOLDER, path),
        "content": base64.b64encode(content).decode(),
        "wanted": {
            "type": "file",
            "mode": "0644",
            "owner": "root",
            "group": "root",
            "sha256": hashlib.sha256(content).hexdigest(),
        },
    }
