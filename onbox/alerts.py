"""Alerts: what of the box and its apps is past a limit, said once when that begins and once when it is over."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from onbox import notices, status, told
from onbox.measures import Measures
from onbox.shell import Failed
from onbox.troubles import troubles

Json = Any
CONFIG = "/etc/boxkeeper/alerts.json"
LOOK = 15.0
"""Seconds from one look to the next."""
MINUTE = 4
"""Looks from one to the next at what changes slowly, and from one call to the next of who waits for it."""
KEPT = 100
"""Sentences at most that wait for a webhook that does not answer."""

SAYS = {
    "down": "{name} has been down for {value:.0f} s: {why}",
    "errors": "{name} has failed {value:.1%} of its requests in five minutes, more than {limit:.1%}",
    "p95": "{name} takes {value:.2f} s for 95 of 100 requests, more than {limit:g} s",
    "memory": "{name} takes {value:.0f} MB of memory, more than {limit:.0f} MB",
    "cpu": "{name} takes {value:.2f} CPUs over five minutes, more than {limit:g}",
    "restarts": "{name} has ended by itself, and was started again, {value:.0f} times in a day",
    "connections": "{name} has {value:.0f} connections to its database, more than {limit:.0f}",
    "redis": "{name} takes {value:.0f} MB in its Redis, more than {limit:.0f} MB",
    "busy": "{name} is busy with {value:.0%} of its CPUs over five minutes",
    "full": "{name} has {value:.0%} of its memory taken",
}
"""A sentence for each kind of limit: those of `Limits` in `roles/apps/parts.py`, and the box's own."""


def watch() -> None:
    """Look, and tell, until told to stop."""
    with open(CONFIG) as file:
        lookout = Lookout(json.load(file))
    while True:
        began = time.monotonic()
        lookout.look()
        time.sleep(max(1.0, LOOK - (time.monotonic() - began)))


def past(app: Json, values: Mapping[str, float], why: str = "") -> Json:
    """What of an app is past a limit: {key: [level, sentence]}, the critical one of two."""
    found = {}
    for level in ("warning", "critical"):
        for kind, limit in app[level].items():
            if limit is not None and values.get(kind, 0) > limit:
                told_of = {"name": app["name"], "value": values[kind], "limit": limit, "why": why}
                found[f"{kind} {app['name']}"] = [level, SAYS[kind].format(**told_of)]
    return found


class Lookout:
    """Looks at a box and its apps again and again."""

    def __init__(self, what: Json) -> None:
        self._what = what
        self._measures = Measures()
        self._state = notices.read()
        self._looks = 0
        self._found: Json = {}
        self._troubles: Json = {}

    def look(self) -> None:
        """Look at everything once, and tell what is new."""
        self._measures.look(self._what["apps"])
        if self._looks % MINUTE == 0:
            before, self._found = self._found, self._others()
            self._troubles = {key: said for key, said in self._found.items() if key in before}  # no restart of a moment
        now = {**self._troubles, **past(self._what["box"], *self._measures.box())}
        for app in self._what["apps"]:
            now.update(past(app, *self._measures.app(app)))
        says = notices.changes(self._state["known"], now)
        if says:
            print("\n".join(says), flush=True)
        self._tell(says)
        if self._what["ping"] and self._looks % MINUTE == 0:
            with contextlib.suppress(Failed):  # whoever waits for it notices
                told.call(self._what["ping"])
        notices.write(self._state)
        self._looks += 1

    def _others(self) -> Json:
        """What status would say, less how apps are, at which each look looks: `down` has a limit of its own."""
        [found] = status.observe([self._what["status"]])
        found["alerts"] = []
        for app in found["apps"]:
            app["health"] = ""
        return {f"trouble {re.sub('[0-9]+', '', text)}": ["warning", text] for text in troubles(found)}

    def _tell(self, says: list[str]) -> None:
        """Send what is new, and what could not be sent before."""
        before = self._state["unsent"]
        self._state["unsent"] = [*before, *says][-KEPT:] if self._what["webhook"] else []
        if self._state["unsent"]:
            try:
                told.post(self._what["webhook"], "\n".join([f"{self._what['host']}:", *self._state["unsent"]]))
                self._state["unsent"] = []
            except Failed as failed:
                if not before:
                    print(f"the webhook: {failed}; trying again", flush=True)
