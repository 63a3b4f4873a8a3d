"""nginx: one site per app from its routes, each proven before it is used; nobody else's names are answered."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from roles import Settings, cdn, render, tls
from roles.apps import App, Rate, Route
from roles.budget import Cost, Size
from roles.resources import Directory, File, Files, Json, Packages, Resource, Unit, Units

if TYPE_CHECKING:
    from roles.server import Server
CONFIG = "/etc/nginx/nginx.conf"
"""The one file of the package's that is ours, besides what is in a folder of our own."""


class Nginx(Settings):
    """The web server in front of the apps."""

    websocket_hours: int = Field(
        default=4, ge=1, le=24, description="Hours that a WebSocket may be silent before it is cut"
    )
    drain_minutes: int = Field(
        default=60, ge=1, le=1440, description="Minutes that open connections outlive a change of nginx's own settings"
    )

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """Measured: 10 MB with two workers; and the logs of two weeks."""
        yield Cost("nginx", ram_mb=20, disk_mb=200, there="/etc/nginx/boxkeeper")


@dataclass(frozen=True)
class Features:
    """What the box's nginx understands, as `onbox/nginx.py` found out."""

    http2_on: bool
    hybrid_curve: bool
    reject_handshake: bool
    ipv6: bool


@dataclass(frozen=True)
class Location:
    """A route as nginx words it. An exact one beats `^~`, which beats patterns, which beat a plain prefix."""

    match: str
    route: Route
    zone: str

    @property
    def limit(self) -> str:
        rate = self.route.rate
        # nginx counts a burst on top of the first request: a burst of 10 means 10 at once here.
        more = f" burst={rate.burst - 1} nodelay" if rate is not None and rate.burst > 1 else ""
        return f"zone={self.zone}{more}"


def locations(app: App) -> list[Location]:
    return [Location(_match(route), route, f"{app.name}_{number}") for number, route in enumerate(app.routes)]


def _match(route: Route) -> str:
    if not route.path.endswith("/"):
        return f"= {route.path}"
    return f"{'' if route.to == 'static' or route.path == '/' else '^~ '}{route.path}"


def subdomains(app: App) -> Iterator[tuple[str, Location]]:
    """Other names of the app's, each a site of one location. Sockets may come to any path of them."""
    for name, to in app.subdomains.items():
        route = to if isinstance(to, Route) else Route("/", to=to, websocket=True)
        yield f"{name}.{app.domain}", Location("/", route, f"{app.name}_{name}")


def pace(rate: Rate) -> str:
    return f"{rate.requests}r/{rate.per[0]}"


def tree(server: Server, features: Features) -> dict[str, bytes]:
    """nginx's whole configuration, by the path below /etc/nginx."""
    sites = {f"boxkeeper/sites/{app.name}.conf": site(server, app, features) for app in server.apps if app.routes}
    return {
        "nginx.conf": main(server, features),
        "boxkeeper/headers.conf": render("nginx/headers.conf.j2"),
        "boxkeeper/proxy.conf": render("nginx/proxy.conf.j2"),
        **{f"boxkeeper/{name}.conf": _behind(name) for app in server.apps if app.routes and (name := app.cdn)},
        **sites,
    }


def _behind(name: str) -> bytes:
    """How the sites behind a CDN know their clients."""
    return render("nginx/cdn.conf.j2", ranges=cdn.ranges(name), header=cdn.HEADERS[name])


def main(server: Server, features: Features) -> bytes:
    assert server.nginx is not None
    return render(
        "nginx/nginx.conf.j2",
        features=features,
        # A browser heeds HSTS only over a connection that it trusts (RFC 6797, 8.1), so it does no harm before a CA's
        # certificate is there. Where none will ever be, a user who trusts ours by hand must not be locked in.
        hsts=server.tls is not None and server.tls.certificates == "acme",
        nginx=server.nginx,
        tls=f"{tls.HOME}/{tls.STRANGER}",
    )


def site(server: Server, app: App, features: Features) -> bytes:
    assert server.nginx is not None
    return render(
        "nginx/site.conf.j2",
        app=app,
        features=features,
        locations=locations(app),
        subdomains=list(subdomains(app)),
        nginx=server.nginx,
        pace=pace,
        root=f"{app.root}/current/{app.frontend.output}" if app.frontend else "",
        before=f"{app.root}/live/release/before/{app.frontend.output}" if app.frontend else "",
        tls=f"{tls.HOME}/{app.name}",
        webroot=tls.WEBROOT,
    )


@dataclass(frozen=True)
class Sites:
    """nginx's configuration, worded for the nginx that is found on the box."""

    server: Server
    name: str = "sites"
    kind: ClassVar[str] = "sites"

    def query(self) -> Json:
        return None

    def differences(self, found: Json) -> Sequence[str]:
        if found["features"] is None:
            return ["nginx is not installed yet"]
        wanted = {path: hashlib.sha256(text).hexdigest() for path, text in self._tree(found).items()}
        differing = [f"{path}: content" for path in wanted if found["files"].get(path, wanted[path]) != wanted[path]]
        missing = [f"{path}: is missing" for path in wanted if path not in found["files"]]
        extra = [f"{path}: is there" for path in found["files"] if path not in wanted]
        stale = [] if found["current"] else ["nginx runs with an older configuration or certificate"]
        return [*missing, *differing, *extra] or stale

    def payload(self, found: Json) -> Json:
        wanted = self._tree(found) if found["features"] is not None else {}
        return {"tree": {path: base64.b64encode(text).decode() for path, text in wanted.items()}}

    def _tree(self, found: Json) -> dict[str, bytes]:
        return tree(self.server, Features(**found["features"]))


def wanted(server: Server) -> Iterator[Resource]:
    if server.nginx is None:
        return
    drop_in = "/etc/systemd/system/nginx.service.d"
    # Before the package: it starts nginx as it is installed, and so it starts hardened and without a welcome page. That
    # page would also fail where IPv6 is off, and leave a half-installed package.
    yield Files(
        [
            *map(Directory, (drop_in, "/etc/nginx", "/etc/nginx/sites-available")),
            Directory("/etc/nginx/boxkeeper"),
            Directory("/etc/nginx/boxkeeper/sites"),
            File(f"{drop_in}/boxkeeper.conf", render("nginx/boxkeeper.conf.j2")),
            File("/etc/nginx/sites-available/default", b"# Sites are in /etc/nginx/boxkeeper/sites\n"),
        ]
    )
    yield Packages(["nginx", "logrotate"])
    yield Sites(server)
    yield Units([Unit("nginx.service")])


def opens(server: Server) -> list[str]:
    """The ports that the outside must reach."""
    return ["tcp/80", "tcp/443"] if server.nginx is not None else []
