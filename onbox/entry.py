"""How a unit runs a program: `python3 -I /usr/local/lib/boxkeeper KIND VERB [ARGUMENT ...]`."""

from __future__ import annotations

import sys
from importlib import import_module

from onbox.shell import Failed


def main() -> None:
    kind, verb, *arguments = sys.argv[1:]
    try:
        getattr(import_module(f"onbox.{kind}"), verb)(*arguments)
    except Failed as failure:
        sys.exit(str(failure))
