"""What every exec starts: reads a request, lets the module of that kind answer, prints one line of JSON.

A request is {"observe": [[kind, query], ...]} or {"apply": kind, "payload": ...}. A module answers by
`observe(queries) -> [found, ...]`, all of its kind at once, or `apply(payload)`; a request's "verb" names another
function than `apply`.
"""

from __future__ import annotations

import base64
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import zlib
from types import ModuleType
from typing import Any

Json = Any


class _Sent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the modules that came with the request, so that nothing needs to be on the box."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = {f"onbox.{name}": source for name, source in sources.items()} | {"onbox": ""}

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        if name not in self.sources:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == "onbox")

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.sources[module.__name__], module.__name__, "exec"), module.__dict__)


def observe(asked: list[tuple[str, Json]]) -> list[Json]:
    """Answer all queries in their order, each kind in one go."""
    found: dict[int, Json] = {}
    for kind in dict.fromkeys(kind for kind, _ in asked):
        places = [place for place, (other, _) in enumerate(asked) if other == kind]
        answers = importlib.import_module(f"onbox.{kind}").observe([asked[place][1] for place in places])
        found.update(zip(places, answers, strict=True))
    return [found[place] for place in range(len(asked))]


def main(request: Json) -> None:
    sys.meta_path.insert(0, _Sent(request["sources"]))
    from onbox.shell import Failed

    try:
        if "observe" in request:
            answer = json.dumps(observe(request["observe"])).encode()
            print(base64.b64encode(zlib.compress(answer, 6)).decode())
        else:
            module = importlib.import_module(f"onbox.{request['apply']}")
            getattr(module, request.get("verb", "apply"))(request["payload"])
    except Failed as failure:
        sys.exit(str(failure))
