"""An app's environment, and the file that carries it to systemd with every byte intact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from roles import Fault, needs
from roles.apps.app import App
from roles.apps.node import LISTEN
from roles.apps.parts import Node
from roles.apps.texts import uncarriable

if TYPE_CHECKING:
    from roles.server import Server


def environment(server: Server, app: App) -> dict[str, str]:
    """All variables of an app in clear: its needs' addresses, its own secrets, its class's and your settings.

    The last one wins, so that `env={"DATABASE_URL": ...}` in the inventory can point elsewhere. Raises Fault for a
    secret that no environment can carry.
    """
    made: dict[str, str] = {}
    for giver in needs.of(app):
        made |= giver.variables(server, app)
    kept = _kept(server, app)
    for name, value in kept.items():
        if objection := uncarriable(value):
            raise Fault(f"{app.name}: secret {name} {objection}")
    return _with_node(app, {**made, **public(app), **kept, **app.env})


def hidden(server: Server, app: App) -> list[str]:
    """The variables that nobody may read: its secrets, and addresses of what it needs that have a password in them."""
    found = set(_kept(server, app))
    for giver in needs.of(app):
        secrets = [server.secret(secret.name).get_secret_value() for secret in giver.secrets(app)]
        carry = [each for secret in secrets for each in (secret, quote(secret, safe=""))]
        given = giver.variables(server, app)
        found.update(name for name, value in given.items() if any(each in value for each in carry))
    return sorted(found)


def _kept(server: Server, app: App) -> dict[str, str]:
    """What the store has for it, by the name of its variable."""
    optional = [name for name in app.optional if server.keeps(f"{app.name}/{name}")]
    names = (*app.secrets, *app.generated, *optional)
    kept = {name: server.secret(f"{app.name}/{name}").get_secret_value() for name in names}
    return {**kept, **dict(_previous(server, app))}


def _previous(server: Server, app: App) -> Iterator[tuple[str, str]]:
    """The values before, of what it signs by; only while they are good."""
    for name in app.overlapping:
        secret = f"{app.name}/{name}"
        if server.keeps(secret) and (previous := server.kept(secret).previous):
            yield f"{name}_PREVIOUS", previous


def public(app: App) -> dict[str, str]:
    """The variables that are no secrets: its build may know them too."""
    given = {"domain": app.domain, "name": app.name, "root": app.root}
    return {**{name: value.format(**given) for name, value in app.variables.items()}, **app.env}


def _with_node(app: App, variables: dict[str, str]) -> dict[str, str]:
    """What Node is told: that this is no development, and to take the socket that it is handed."""
    if not isinstance(app.runtime, Node):
        return variables
    options = f"--require {LISTEN} {variables.get('NODE_OPTIONS', '')}".strip()
    return {"NODE_ENV": "production", **variables, "NODE_OPTIONS": options}


def environment_file(variables: Mapping[str, str], hidden: Sequence[str] = ()) -> bytes:
    """The variables as systemd's EnvironmentFile= reads them, below a comment that names the hidden ones.

    Inside double quotes a backslash before one of the four characters below means that character, and everything else,
    newlines included, is itself (systemd.exec(5), and `parse_env_file_internal` in its source).
    """
    comment = f"# hidden: {' '.join(hidden)}\n" if hidden else ""
    return (comment + "".join(f'{name}="{_quoted(value)}"\n' for name, value in sorted(variables.items()))).encode()


def _quoted(value: str) -> str:
    return "".join(f"\\{char}" if char in '"\\`$' else char for char in value)
