"""What an app is, and what you choose about it.

A class per app says what the app IS (runtime, needs, secrets, processes, routes, jobs); its fields say what YOU choose
(domain, source, sizes). Apps declare needs, not steps: `roles.apps.role` turns them into accounts, units and releases,
`roles.nginx` into a site, `roles.postgres` and `roles.redis` into their database and instance.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, field_validator

from roles import Settings
from roles.apps import kind
from roles.apps.git import Git
from roles.apps.parts import Frontend, Job, Limits, Node, Process, Python, Route
from roles.apps.texts import normal_domain, uncarriable, usable_name, usable_variable

Need = Literal["postgres", "redis", "chroma", "ollama", "turn"]


class Folder(Settings):
    """Source from a folder on the control machine, less what its .gitignore and we leave out (.git, node_modules)."""

    paths: ClassVar[tuple[str, ...]] = ("path",)

    path: str = Field(description="Folder; a relative one begins where the inventory is, or above `inventories/`")


class App(Settings):
    """An app on a box. What is wrong with a class of one is a fault of every app of that class."""

    model_config = ConfigDict(ignored_types=(str, int, float, tuple, list, dict, set, frozenset, Process, Route))
    """An attribute that an app does not have is a fault of ours, with all others, and no exception of pydantic's."""

    title: ClassVar[str]
    runtime: ClassVar[Python | Node | None] = None
    frontend: ClassVar[Frontend | None] = None
    needs: ClassVar[frozenset[Need]] = frozenset()
    secrets: ClassVar[tuple[str, ...]] = ()
    """Environment variables that only you can supply: `boxkeeper secrets set ENV APP/NAME`."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Such ones that it does without; it is given those that are in the store."""
    generated: ClassVar[tuple[str, ...]] = ()
    """Such ones that nobody else knows: made on first use, 40 letters and digits."""
    overlapping: ClassVar[dict[str, int]] = {}
    """Those of these that it takes the value before of, too, with for how many days after another took its place: as
    long as what it signed by that one is good for. It is given the one before as NAME_PREVIOUS."""
    variables: ClassVar[dict[str, str]] = {}
    """Environment variables that are no secrets; `{domain}`, `{name}` and `{root}` (its folder) are filled in."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Distribution packages that it needs, e.g. `ffmpeg`."""
    processes: ClassVar[tuple[Process, ...]] = ()
    routes: ClassVar[tuple[Route, ...]] = ()
    subdomains: ClassVar[dict[str, str | Route]] = {}
    """Names before the domain that go wholly to one process: `{"api": "web"}`; a `Route` where that has a rate."""
    jobs: ClassVar[tuple[Job, ...]] = ()
    release_command: ClassVar[str | None] = None
    release_directory: ClassVar[str] = "."
    health: ClassVar[str] = "/"
    extensions: ClassVar[tuple[str, ...]] = ()
    """Extensions of PostgreSQL in its database, e.g. ("vector", "pg_trgm")."""
    build_memory: ClassVar[str] = "512M"
    """What the biggest step of its npm takes for a while. Measured: npm and vite with a small site 390 MB."""
    critical: ClassVar[Limits] = Limits(down=30, errors=0.05)
    warning: ClassVar[Limits] = Limits(errors=0.01, restarts=0)
    """Past what somebody is told; the critical one of two."""
    redis_use: ClassVar[Literal["cache", "queue"]] = "cache"
    """A cache may forget (least recently used first); a queue must not (when full it refuses writes; it is on disk)."""

    _class_faults: ClassVar[tuple[str, ...]] = ()
    _mended: ClassVar[tuple[str, ...]] = ()
    """The faults of what was made plain in it and in its bases, where they can be seen no more."""

    name: str = Field(description="Short name: the app's user, folder and units are called so")
    domain: str = Field(description="Where it is reached, e.g. notes.example.com")
    aliases: tuple[str, ...] = Field(default=(), description="More names of the same site, redirected to `domain`")
    allow: tuple[str, ...] = Field(
        default=(), description='Addresses that may reach its site, e.g. ("10.0.0.2", "10.0.1.0/24"); else everybody'
    )
    source: Git | Folder = Field(description="Where its code comes from")
    cdn: Literal["cloudflare"] | None = Field(
        default=None, description="Whose proxy its domain leads to, in TLS mode Full (strict); None for none"
    )
    env: dict[str, str] = Field(default_factory=dict, description="More environment variables; no secrets here")
    drain_seconds: int = Field(
        default=3600, ge=0, le=86400, description="Seconds that open WebSockets outlive a release, on the old version"
    )
    redis_memory: str = Field(default="64mb", description="Most memory its Redis may use")
    chroma_memory: str = Field(default="384mb", description="Most memory its ChromaDB may use")
    disk: str = Field(default="1gb", description="Disk that its releases, files and database may come to")
    cpus: float | None = Field(
        default=None, gt=0, le=1024, description="Most CPUs it may use; by default all, shared fairly with the others"
    )
    node: Literal["distribution", "22", "24"] = Field(
        default="24", description="Node.js that builds and runs it: a major version, or the distribution's"
    )
    build_on: Literal["box", "here"] = Field(
        default="box", description="Where npm runs: on the box, or on your machine where the box is too small"
    )

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        return usable_name(name)

    @field_validator("domain")
    @classmethod
    def _domain(cls, domain: str) -> str:
        return normal_domain(domain)

    @field_validator("aliases")
    @classmethod
    def _aliases(cls, aliases: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(normal_domain(alias) for alias in aliases)

    @field_validator("allow")
    @classmethod
    def _allow(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for address in allow:
            try:
                ipaddress.ip_network(address)
            except ValueError:
                raise ValueError(f"{address!r} is no address; write it like `10.0.0.2` or `10.0.1.0/24`") from None
        return allow

    @field_validator("env")
    @classmethod
    def _env(cls, env: dict[str, str]) -> dict[str, str]:
        for key, value in env.items():
            if not usable_variable(key):
                raise ValueError(
                    f"{key[:60]!r} can't be the name of an environment variable; write it like `LOG_LEVEL`"
                )
            if key in (*cls.secrets, *cls.optional, *cls.generated):
                raise ValueError(
                    f"{key} is a secret: `boxkeeper secrets set ENV APP/{key}` keeps it, not the inventory"
                )
            if objection := uncarriable(value):
                raise ValueError(f"{key} {objection}")
        return env

    @field_validator("redis_memory", "chroma_memory", "disk")
    @classmethod
    def _size(cls, size: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,5}(kb|mb|gb)", size):
            raise ValueError(f"{size!r} is no size; write it like `64mb`")
        return size

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls._mended = (*cls._mended, *kind.mend(cls, _declared(), App))
        cls._class_faults = tuple(dict.fromkeys((*cls._mended, *kind.check(cls))))

    @property
    def faults(self) -> tuple[str, ...]:
        return (*self._class_faults, *super().faults)

    @property
    def root(self) -> str:
        return f"/srv/{self.name}"

    @property
    def env_file(self) -> str:
        return f"/etc/boxkeeper/apps/{self.name}.env"

    @property
    def units_folder(self) -> str:
        """Where the units of its processes are, from which releases take copies; systemd knows only those."""
        return f"/etc/boxkeeper/apps/{self.name}"

    @property
    def build_env_file(self) -> str:
        """What its build may know: the variables that are no secrets."""
        return f"/etc/boxkeeper/apps/{self.name}.build.env"

    @property
    def names(self) -> list[str]:
        """Every name it answers to, its own first: those of its certificate."""
        return [self.domain, *self.aliases, *(f"{name}.{self.domain}" for name in self.subdomains)]

    @property
    def uses_npm(self) -> bool:
        return isinstance(self.runtime, Node) or bool(self.frontend and self.frontend.build)

    @property
    def slice(self) -> str:
        """The unit that holds its processes. A dash would make it the child of another one (systemd.slice(5))."""
        return f"boxkeeper-{self.database}.slice"

    @property
    def folders(self) -> list[str]:
        """What is served of its `shared` folder."""
        return sorted({route.to for route in self.routes if route.to.startswith("shared/")})

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it asks Ollama for; the first is the one that it is told of as OLLAMA_MODEL."""
        return ()

    @property
    def database(self) -> str:
        """The name of its database and of the role that owns everything in it."""
        return self.name.replace("-", "_")

    @property
    def units(self) -> list[str]:
        """The units it brings, without their endings; of each process there is one in each slot, as `unit@1`."""
        parts = [*(process.name for process in self.processes), *(job.name for job in self.jobs)]
        return [self.unit(name) for name in ("build", "release", *parts)]

    def socket(self, process: str) -> str:
        """Where nginx finds a web process: in the slot that is live."""
        return f"{self.root}/live/{process}.sock"

    def unit(self, process: str) -> str:
        """The unit of a process or job, without its ending."""
        return f"{self.name}-{process}"


@functools.cache
def _declared() -> dict[str, TypeAdapter[Any]]:
    """What a class of an app may say, with the type of each."""
    hints = get_type_hints(App)
    names = [name for name in vars(App)["__annotations__"] if get_origin(hints[name]) is ClassVar]
    return {name: TypeAdapter(get_args(hints[name])[0]) for name in names if not name.startswith("_")}
