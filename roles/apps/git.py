"""Git: an app's source in a repository, and how its box reads a private one, with a deploy key of the app's own."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, ValidationInfo, field_validator

from roles import ROOT, Settings, client
from roles.keys import public_of
from roles.resources import File, Json
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.apps.app import App
    from roles.server import Server

KEY = "deploy_key"
"""The name, less its app, of the secret by which a box reads a repository: a private SSH key."""
HOST_KEY = r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{60,}={0,3}"


class Git(Settings):
    """Source from a git repository, which the box fetches by itself. A branch is followed at each run.

    By SSH it does so with a deploy key, which is made on first use, and only from the server that has the right key.
    """

    url: str = Field(description="What `git clone` takes, e.g. https://github.com/you/app.git")
    ref: str = Field(default="main", description="Branch, tag or commit")
    host_key: str | None = Field(
        default=None,
        description="The SSH key of a server of your own, e.g. `ssh-ed25519 AAAA...`",
        validate_default=True,
    )

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        if not re.fullmatch(r"((https?|ssh|git|file)://|[\w.-]+@[\w.-]+:|/)[^\s]+", url):
            raise ValueError(f"{url!r} is nothing to clone; write it like `https://github.com/you/app.git`")
        if re.match(r"https?://[^/]*@", url):
            raise ValueError(
                "holds a password or token; use `ssh://` with a deploy key, the inventory keeps no secrets"
            )
        return url

    @field_validator("ref")
    @classmethod
    def _ref(cls, ref: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*", ref) or ".." in ref:
            raise ValueError(f"{ref!r} is no branch, tag or commit")
        return ref

    @field_validator("host_key")
    @classmethod
    def _host_key(cls, key: str | None, about: ValidationInfo) -> str | None:
        host = _host(about.data.get("url", ""))
        if key is None and host is not None and host not in _known():
            name, _, port = host.strip("[").partition("]:")
            line = f"ssh-keyscan -t ed25519 {f'-p {port} ' if port else ''}{name}"
            raise ValueError(f'is missing: write `host_key="ssh-ed25519 AAAA..."` for {host}, as `{line}` prints it')
        if key is not None and not re.fullmatch(HOST_KEY, key):
            raise ValueError(f"{key[:60]!r} is no public key of a server; write it like `ssh-ed25519 AAAA...`")
        return key

    @property
    def host(self) -> str | None:
        """Which server is asked by SSH, as `known_hosts` calls it; None where it is asked in another way."""
        return _host(self.url)

    def at(self, ref: str) -> Git:
        """The same repository at another ref."""
        return Git(url=self.url, ref=ref, host_key=self.host_key)


def secrets(app: App) -> Iterator[Secret]:
    """The deploy key of an app, where it has one."""
    source = vars(app).get("source")  # an app with faults may have none
    if isinstance(source, Git) and "url" in vars(source) and source.host:
        yield Secret(f"{app.name}/{KEY}", app.title, generated=True, kind="key")


def files(server: Server, app: App) -> Iterator[File]:
    """What root on the box reads the repository with."""
    if not isinstance(app.source, Git) or app.source.host is None:
        return
    private = server.secret(f"{app.name}/{KEY}").get_secret_value()
    key = app.source.host_key or _known()[app.source.host]
    yield File(_file(app), f"{private.strip()}\n".encode(), mode="0600")
    yield File(f"{_file(app)}.pub", f"{public_of(private)} boxkeeper {app.name}\n".encode())
    yield File(_known_hosts(app), f"{app.source.host} {key}\n".encode())


def query(app: App) -> Json | None:
    """The repository as `onbox/source.py` asks it; None for a source that is sent."""
    if not isinstance(app.source, Git):
        return None
    ssh = {"ssh": f"{ssh_of(app)} -i {_file(app)}", "public": f"{_file(app)}.pub"} if app.source.host else {}
    return {"url": app.source.url, "ref": app.source.ref, **ssh}


def ssh_of(app: App) -> str:
    """The SSH that git is to use, less its key."""
    return client.ssh(_known_hosts(app), ConnectTimeout="10")


def _file(app: App) -> str:
    return f"/etc/boxkeeper/apps/{app.name}.key"


def _known_hosts(app: App) -> str:
    return f"/etc/boxkeeper/apps/{app.name}.known_hosts"


def _host(url: str) -> str | None:
    """The server of a URL that is asked by SSH, as `known_hosts` calls it; None for another URL."""
    if found := re.match(r"ssh://(?:[^@/]*@)?([^:/]+)(?::(\d+))?/", url):
        host, port = found.groups()
        return client.known_as(host, int(port or 22))
    short = re.match(r"[\w.-]+@([\w.-]+):", url)  # `git@github.com:you/app.git`
    return short and short[1]


@functools.cache
def _known() -> dict[str, str]:
    """The keys of servers that many use, by name."""
    lines = (ROOT / "roles" / "data" / "git.txt").read_text().splitlines()
    pairs = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return {host: key for host, _, key in pairs}
