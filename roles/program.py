"""The programs of `onbox/`: how they get to a box, whole; those that units run are kept there, as a role of its own."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pyinfra.api import StringCommand
from pyinfra.api.command import QuoteString

from roles import ROOT
from roles.resources import Directory, File, Files, Json, Resource

if TYPE_CHECKING:
    from roles.server import Server

STALE = "stale"
"""What a box answers whose installed programs are not the ones that this run would send."""

_SENT = (
    "import sys,hashlib,zlib,base64,json;"
    "sys.version_info<(3,10) and sys.exit('this box has Python %d.%d, Boxkeeper takes 3.10: use Ubuntu 22.04 or later, "
    "or Debian 12 or later; nothing was changed'%sys.version_info[:2]);"
    "d=sys.stdin.buffer.read().strip();"
    "hashlib.sha256(d).hexdigest()==sys.argv[1] or sys.exit('the upload was cut off; nothing was changed');"
    "r=json.loads(zlib.decompress(base64.b64decode(d)));"
    "m={'__name__':'program'};exec(r['sources']['program'],m);m['main'](r)"
)
_INSTALLED = (
    "import os,sys,hashlib,zlib,base64,json;"
    "r=json.loads(zlib.decompress(base64.b64decode(sys.argv[1])));"
    "p='/usr/local/lib/boxkeeper';f=[p+'/onbox/%s.py'%n for n in r['modules']];"
    "h=all(map(os.path.isfile,f)) and hashlib.sha256(b''.join(open(x,'rb').read() for x in f)).hexdigest();"
    f"h==r['digest'] or sys.exit(print('{STALE}'));"
    "sys.path.insert(0,p);from onbox.program import main;main(r)"
)
_IMPORTS = re.compile(r"^from onbox(?:\.(\w+))? import (\([^)]*\)|.*)$", re.MULTILINE)
"""Of a module: `from onbox.shell import run`, or `from onbox import files, units`, on one line or several."""
_MOST = 100_000
"""Bytes in one argument; Linux takes 128 KiB (MAX_ARG_STRLEN)."""


def wanted(server: Server) -> Iterator[Resource]:
    """The programs on the box, where its units find them: those of this version, before anything relies on them."""
    home = "/usr/local/lib/boxkeeper"
    programs = [File(f"{home}/onbox/{path.name}", path.read_bytes()) for path in sorted((ROOT / "onbox").glob("*.py"))]
    main = File(f"{home}/__main__.py", b"from onbox.entry import main\n\nmain()\n")
    yield Files([Directory(home), Directory(f"{home}/onbox"), main, *programs], name="programs")


def program(kinds: Sequence[str], request: dict[str, Json]) -> StringCommand:
    """An exec that runs the programs of these kinds on the box, and brings them along.

    Programs and request arrive on standard input and run only if their hash is the one in the argument: a connection
    cut off in the middle of an upload reads as a complete, shorter input, and must change nothing.
    """
    sources = {name: _source(name) for name in _with_imports(tuple(kinds))}
    sent = _packed({"sources": sources, **request})
    checksum = hashlib.sha256(sent.encode()).hexdigest()
    return StringCommand("python3", "-I", "-c", QuoteString(_SENT), checksum, _stdin=[sent])


def question(asked: Sequence[tuple[str, Json]]) -> StringCommand:
    """An exec that asks the programs which the base role has installed; the box says STALE when those are others.

    Without an upload it takes two round trips instead of five. Questions hold no secrets, so they may be an argument.
    """
    kinds = tuple(sorted({kind for kind, _ in asked}))
    modules = _with_imports(kinds)
    digest = hashlib.sha256("".join(map(_source, modules)).encode()).hexdigest()
    packed = _packed({"modules": modules, "digest": digest, "observe": asked})
    if len(packed) > _MOST:
        return program(kinds, {"observe": asked})
    return StringCommand("python3", "-I", "-c", QuoteString(_INSTALLED), packed)


def full_question(asked: Sequence[tuple[str, Json]]) -> StringCommand:
    """The same for a box that has no programs of ours yet, or other ones."""
    return program(sorted({kind for kind, _ in asked}), {"observe": asked})


def answered(line: str) -> list[Json]:
    """What the programs answered to a question, from the last line that they printed."""
    found: list[Json] = json.loads(zlib.decompress(base64.b64decode(line)))
    return found


def _packed(request: dict[str, Json]) -> str:
    return base64.b64encode(zlib.compress(json.dumps(request).encode(), 6)).decode()


@functools.cache
def _with_imports(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The modules of `onbox/` that these kinds need, themselves included."""
    needed, waiting = ["program", "shell"], list(kinds)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.append(name)
            for module, imported in _IMPORTS.findall(_source(name)):
                waiting += [module] if module else re.findall(r"\w+", imported)
    return tuple(sorted(needed))


@functools.cache
def _source(name: str) -> str:
    return (ROOT / "onbox" / f"{name}.py").read_text()
