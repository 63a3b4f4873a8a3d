"""What every exec starts: reads a request, lets the module of that kind answer, prints one line of JSON.

A request is {"observe": [[kind, query], ...]} or {"apply": kind, "payload": ...}. A module answers by
`observe(queries) -> [found, ...]`, all of its kind at once, or `apply(payload)`; a request's "verb" names another
function than `apply`.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import importlib
import json
import sys
import time
import zlib
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from threading import Thread
from types import ModuleType
from typing import Any

Json = Any
LOCK = "/run/boxkeeper.lock"
PATIENCE = 900.0
"""Seconds to wait for somebody else's step: an app's build may take that long."""


class _Sent:
    """Imports the modules that came with the request, so that nothing needs to be on the box.

    A finder and loader by its methods; `importlib.abc`, which has classes for both, takes 14 ms to import.
    """

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = {f"onbox.{name}": source for name, source in sources.items()} | {"onbox": ""}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self.sources:
            return None
        return ModuleSpec(name, self, is_package=name == "onbox")  # type: ignore[arg-type]  # see the class

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.sources[module.__name__], module.__name__, "exec"), module.__dict__)


def observe(asked: list[tuple[str, Json]]) -> list[Json]:
    """Answer all queries in their order, each kind in one go and beside the others: most of the time is waiting."""
    found: dict[int, Json] = {}
    failures: list[BaseException] = []

    def answer(kind: str, module: ModuleType) -> None:
        places = [place for place, (other, _) in enumerate(asked) if other == kind]
        try:
            found.update(zip(places, module.observe([asked[place][1] for place in places]), strict=True))
        except BaseException as failure:
            failures.append(failure)

    kinds = dict.fromkeys(kind for kind, _ in asked)
    threads = [Thread(target=answer, args=(kind, importlib.import_module(f"onbox.{kind}"))) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [found[place] for place in range(len(asked))]


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two people may run at once: their steps follow each other. The kernel lets go of the lock of one that dies."""
    from onbox.shell import Failed

    with open(LOCK, "w") as lock:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Failed("another run is at work on this box; let it end, and run again") from None
                time.sleep(0.2)
        yield


def main(request: Json) -> None:
    if "sources" in request:
        sys.meta_path.insert(0, _Sent(request["sources"]))
    from onbox.shell import Failed

    try:
        if "observe" in request:
            answer = json.dumps(observe(request["observe"])).encode()
            print(base64.b64encode(zlib.compress(answer, 6)).decode())
        else:
            module = importlib.import_module(f"onbox.{request['apply']}")
            with one_at_a_time():
                getattr(module, request.get("verb", "apply"))(request["payload"])
    except Failed as failure:
        sys.exit(str(failure))
