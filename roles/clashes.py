"""What each setting allows and all of them together do not: checked on the control machine, before any connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roles import budget
from roles.apps import App, Folder, Node, Python

if TYPE_CHECKING:
    from roles.server import Server

PORTS = {80: "nginx", 443: "nginx", 3478: "turn", 5349: "turn", 5432: "postgres"}
"""Ports that roles listen on by themselves. Redis says itself which ones it takes."""
CHECKED = ("firewall", "tls", "postgres", "redis", "chroma", "ollama", "turn")
"""Roles that have a word to say about the apps beside them."""


def among(servers: Sequence[Server]) -> Iterator[str]:
    """What is wrong with the boxes of an inventory taken together."""
    if not servers:
        yield 'no hosts: write `group(Server(host="203.0.113.10", ...))`, with the address of your box'
    for host, times in Counter(_get(server, "host") for server in servers).items():
        if host and times > 1:
            yield f"Server {host}: is there {times} times; a box has one `Server`, with all its apps"


def within(server: Server) -> Iterator[str]:
    """What is wrong with the settings of one box taken together. Settings that are wrong in themselves are left out."""
    where = f"Server {_get(server, 'name') or _get(server, 'host')}".rstrip()
    yield from _same(server, where)
    yield from _needs(server, where)
    yield from _ports(server)
    apps = [app for app in server_apps(server) if not app.faults]
    for role in (vars(server)[name] for name in CHECKED) if _is_whole(server) else ():
        if role is not None and not role.faults and hasattr(role, "clashes"):
            yield from role.clashes(apps)
    yield from budget.clashes(apps)
    yield from _files(server)


def server_apps(server: Server) -> list[App]:
    """The apps of a box that has faults or not."""
    return [app for app in _get(server, "apps") or () if isinstance(app, App)]


def _get(settings: Any, name: str) -> Any:
    """A setting, or "" where it is wrong in itself and therefore left out."""
    return vars(settings).get(name, "")


def _is_whole(server: Server) -> bool:
    return all(name in vars(server) for name in CHECKED)


def _same(server: Server, where: str) -> Iterator[str]:
    """What two apps both want to be called, or to use."""
    apps = server_apps(server)
    for name, times in _repeated(_get(app, "name") for app in apps):
        yield f'{where}: {times} apps are called {name}; give one another name: `name="{name}-2"`'
    domains = (name for app in apps for name in _names(app))
    for domain, times in _repeated(domains):
        yield f"{where}: {times} apps use the domain {domain}; each needs its own"
    for unit, _ in _repeated(unit for app in _by_name(apps) for unit in app.units):
        yield f"{where}: the unit {unit} would be two processes or jobs; call one of them another name"
    people = {_get(server.login, "user") if _get(server, "login") else "", _get(_get(server, "ssh") or server, "admin")}
    for app in _by_name(apps):
        if app.name in people:
            yield f'{where}: {app.name} is an app and also who logs in; call the app e.g. `name="{app.name}-app"`'


def _names(app: App) -> Iterable[str]:
    whole = {"domain", "aliases"} <= vars(app).keys()
    return app.names if whole else (_get(app, "domain"), *_get(app, "aliases"))


def _by_name(apps: Iterable[App]) -> list[App]:
    """One app of each name: what two of one name share is said once."""
    return list({app.name: app for app in apps if _get(app, "name")}.values())


def _repeated(names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, times) for name, times in Counter(name for name in names if name).items() if times > 1]


def _needs(server: Server, where: str) -> Iterator[str]:
    apps = server_apps(server)
    for app in apps:
        name = _get(app, "name") or app.title
        for need in sorted({*app.needs, *(["nginx"] if app.routes else [])}):
            if vars(server).get(need, "wrong in itself") is None:
                yield f"{name} needs {need}: add `{need}={need.capitalize()}()` to this server"
    if _get(server, "turn") and vars(server).get("firewall", "wrong in itself") is None:
        yield f"{where}: only a firewall keeps what TURN relays off this box: add `firewall=Firewall()` to it"
    if apps and _get(server, "nginx") and vars(server).get("tls", "wrong in itself") is None:
        yield f"{where}: apps are served by HTTPS: add `tls=Tls()` to this server"


def _ports(server: Server) -> Iterator[str]:
    for place, settings in (("Login", _get(server, "login")), ("Ssh", _get(server, "ssh"))):
        port = vars(settings).get("port") if settings else None
        role = PORTS.get(port) if isinstance(port, int) else None
        if role and _get(server, role):
            yield f"{place}.port: {port} is {role}'s; let sshd listen on another port, e.g. 22"


def _files(server: Server) -> Iterator[str]:
    for app in server_apps(server):
        source = _get(app, "source")
        if isinstance(source, Folder) and _get(source, "path"):
            yield from _source(app, Path(source.path))
    login = _get(server, "login")
    if login and _get(login, "key"):
        yield from _key(login.key)
    if login and _get(login, "known_hosts"):
        yield from _unreadable("Login.known_hosts", login.known_hosts)
    ssh = _get(server, "ssh")
    if ssh:
        yield from ssh.unreadable()
    tls = _get(server, "tls")
    if tls and _get(tls, "authority"):
        yield from _authority(tls.authority)


def _source(app: App, folder: Path) -> Iterator[str]:
    name = _get(app, "name") or app.title
    if not folder.is_dir():
        yield f"{name}: source folder {folder} is not there"
        return
    for file in _needed(app):
        if not (folder / file).is_file():
            yield f"{name}: source folder {folder} has no {Path(file)}"


def _needed(app: App) -> Iterator[str]:
    """The files without which the app can't be built."""
    if isinstance(app.runtime, Python):
        yield f"{app.runtime.directory}/{app.runtime.requirements}"
    if isinstance(app.runtime, Node):
        yield f"{app.runtime.directory}/package.json"
    if app.frontend is not None and app.frontend.build is not None:
        yield f"{app.frontend.directory}/package.json"


def _key(path: str) -> Iterator[str]:
    yield from (faults := list(_unreadable("Login.key", path)))
    if not faults and b"PRIVATE KEY-----" not in Path(path).read_bytes():
        hint = f": leave out `.pub`: `key={path.removesuffix('.pub')!r}`" if path.endswith(".pub") else ""
        yield f"Login.key: {path} holds no private key{hint}"


def _authority(path: str) -> Iterator[str]:
    yield from (faults := list(_unreadable("Tls.authority", path)))
    if not faults and b"-----BEGIN CERTIFICATE-----" not in Path(path).read_bytes():
        yield f"Tls.authority: {path} holds no certificate in PEM form"


def _unreadable(place: str, path: str) -> Iterator[str]:
    try:
        Path(path).read_bytes()
    except OSError as error:
        yield f"{place}: {path} can't be read: {error.strerror}"
