"""What a service of its own has for each app by the app's name alone: a system account and a port."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

TAKEN = {3478: "TURN", 5349: "TURN", 5432: "Postgres"}
LONGEST = 32
"""Characters of a Linux account's name. App names have up to 31."""


def account(prefix: str, app: str) -> str:
    """The system account of an app's instance, e.g. `redis-note-taker`."""
    if len(prefix) + len(app) <= LONGEST:
        return prefix + app
    short = hashlib.sha256(app.encode()).hexdigest()[:6]
    return f"{prefix}{app[: LONGEST - len(prefix) - 7]}-{short}"


def port(app: str, first: int, count: int, chosen: Mapping[str, int]) -> int:
    """An app's port: by its name, so that another app coming or going never moves it."""
    number = int.from_bytes(hashlib.sha256(app.encode()).digest()[:4], "big")
    return chosen.get(app, first + number % count)


def unfit(chosen: Mapping[str, int]) -> str:
    """Why these can't be ports; "" when they can."""
    for app, number in chosen.items():
        if not 1024 <= number <= 65535 or number in TAKEN:
            whose = f" ({TAKEN[number]} has it)" if number in TAKEN else ""
            return f"{app}: {number} can't be the port{whose}; take one of 1024 to 65535"
    return ""


def clashes(role: str, ports: Mapping[str, int], chosen: Mapping[str, int]) -> Iterator[str]:
    """Instances on one port, and ports chosen for apps that have none. `ports` is the port of each app that has one."""
    owners: dict[int, str] = {}
    for app, number in ports.items():
        first = owners.setdefault(number, app)
        if first != app:
            line = f'`{role.lower()}={role}(ports={{"{app}": {max(ports.values()) + 1}}})`'
            yield f"the {role} of {first} and that of {app} would share port {number}: write {line}"
    for app in chosen:
        if app not in ports:
            known = ", ".join(ports) or "none"
            yield f"{role}.ports: no app {app} here needs {role.lower()} (those that do: {known}); leave it out"
