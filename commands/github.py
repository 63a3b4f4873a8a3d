"""`boxkeeper init github APP`: a GitHub workflow that tests an app, releases it, tries it and says how that ended."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import click

from commands.inventory import described, inventory_of
from roles import ROOT, Fault, render
from roles.apps import App, Git, Node, Python
from roles.server import Server


@dataclass(frozen=True)
class Check:
    """A step of the workflow's tests, run in a folder of the source."""

    name: str
    run: str
    folder: str


def write(env: str, name: str) -> None:
    """Write .github/workflows/release-APP.yml, which is the user's from then on. Raises Fault."""
    known = [(server, app) for server in described(inventory_of(env)) for app in server.apps]
    found = next((pair for pair in known if pair[1].name == name), None)
    if found is None:
        names = ", ".join(app.name for _, app in known) or "none"
        raise Fault(f"{env} has no app called {name}; there is {names}")
    if faults := found[0].faults:
        raise Fault(f"{inventory_of(env)}: {faults[0]}")
    path = ROOT / ".github" / "workflows" / f"release-{name}.yml"
    text = workflow(env, *found, known_hosts(found[0]))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb") as file:
            file.write(text)
    except FileExistsError:
        raise Fault(f"{path.relative_to(ROOT)} is there already and is left as it is: edit it") from None
    click.echo(f"{path.relative_to(ROOT)} is written. It needs secrets in the repository's settings:")
    click.echo("  BOXKEEPER_AGE_KEY  what ~/.config/boxkeeper/identity holds, or a key of its own")
    click.echo("  SSH_KEY            a private key that may log in to the server")
    click.echo("  NOTIFY_URL         a webhook that is told how each release ended; may be left out")
    click.echo(f"Commit inventories/{env}.py and inventories/{env}.secrets with it: the secrets are encrypted.")


def workflow(env: str, server: Server, app: App, hosts: list[str]) -> bytes:
    """The workflow of an app, with the server's host keys in it."""
    git = app.source if isinstance(app.source, Git) else None
    return render(
        "init/github.yml.j2",
        env=env,
        app=app,
        git=git,
        repository=_repository(git) if git else "",
        node=app.node.replace("distribution", "24") if app.uses_npm else "",
        checks=list(checks(app, "." if git else _inside(app))),
        known_hosts=hosts,
        smoke=list(dict.fromkeys([app.health, *(route.path for route in app.routes if route.path == "/health")])),
    )


def checks(app: App, top: str) -> Iterator[Check]:
    """Lint, types and tests, as far as the source has them."""
    if isinstance(app.runtime, Python):
        folder = _join(top, app.runtime.directory)
        yield Check("Install", f"pip install -r {app.runtime.requirements} ruff mypy pytest", folder)
        yield Check("Lint", "ruff check .", folder)
        yield Check("Types", "mypy --ignore-missing-imports .", folder)
        yield Check("Test", "pytest || test $? = 5  # 5: there are none", folder)
    for folder in _npm_folders(app):
        yield Check("Install", "npm ci || npm install", _join(top, folder))
        yield Check("Lint", "npm run lint --if-present", _join(top, folder))
        yield Check("Types", "npm run typecheck --if-present", _join(top, folder))
        yield Check("Test", "npm test --if-present", _join(top, folder))


def _npm_folders(app: App) -> list[str]:
    own = [app.runtime.directory] if isinstance(app.runtime, Node) else []
    built = [app.frontend.directory] if app.frontend and app.frontend.build else []
    return list(dict.fromkeys([*own, *built]))


def _join(top: str, folder: str) -> str:
    return "/".join(part for part in (top, folder) if part != ".") or "."


def _inside(app: App) -> str:
    """Where a source folder is in the repository. Raises Fault for one outside, which a workflow does not have."""
    path = (ROOT / app.source.path).resolve() if not isinstance(app.source, Git) else ROOT
    if not path.is_relative_to(ROOT):
        raise Fault(
            f"{app.name}: its source {path} is not in this repository: write `source=Git(...)` in the inventory"
        )
    return str(path.relative_to(ROOT))


def _repository(git: Git) -> str:
    """OWNER/NAME of a repository at GitHub. Raises Fault for one elsewhere."""
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(\.git)?$", git.url)
    if found is None:
        raise Fault(
            f"{git.url} is not at GitHub, whose workflow this would be: call `boxkeeper release` in your own CI"
        )
    return found[1]


def known_hosts(server: Server) -> list[str]:
    """The server's host keys, as this machine knows them. Raises Fault where it knows none."""
    file = ["-f", server.login.known_hosts] if server.login.known_hosts else []
    lines = []
    for port in server.ports:
        place = server.host if port == 22 else f"[{server.host}]:{port}"
        said = subprocess.run(["ssh-keygen", *file, "-F", place], capture_output=True, text=True, check=False).stdout
        lines += [line for line in said.splitlines() if line and not line.startswith("#")]
    if not lines:
        raise Fault(
            f"{server.host} is not known to this machine yet: log in once, `ssh {server.login.user}@{server.host}`"
        )
    return lines
