"""Ollama: language models on the box itself, for the apps that need them and nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator, model_validator

from roles import Settings, render
from roles.apps.app import App
from roles.archive import Archive
from roles.budget import Cost, Size
from roles.models import MODELS, Model, full, manifest, smaller
from roles.resources import Directory, File, Files, Json, Packages, Resource, Unit, Units, User, Users
from roles.secrets import Secret

if TYPE_CHECKING:
    from roles.server import Server

PORT = 11434
USER = "ollama"
FOLDER = "/var/lib/boxkeeper-ollama"
FENCE = "/etc/boxkeeper/ollama.nft"
UNIT = "boxkeeper-ollama.service"
LINK = "/opt/boxkeeper/ollama"
SHOWN = ("nft", "-s", "list", "table", "inet", "boxkeeper_ollama")

ARCHIVE = "https://github.com/ollama/ollama/releases/download/v{version}/ollama-linux-{arch}.tar.zst"
# From sha256sum.txt of each release, which is beside the archives.
RELEASES: Mapping[str, Mapping[str, str]] = {
    "0.34.4": {
        "amd64": "c238986e61d40c0cc5f4a9b9e40b9eea104350b77efa34741fc134e105cb9533",
        "arm64": "96f50a1192133028cf4e010d8c333f8af14b1505db6be7b2034c11487e7fd7e6",
    },
    "0.32.9": {
        "amd64": "5d747a43369f61e38f20b5a39fcc5c90647e562cdc61e2e56034f1c5b113d540",
        "arm64": "79617139521db251c716d6229505d7530171ff4d68e476d0c22dabc15726a237",
    },
}
FOR_GPUS = ("lib/ollama/cuda_*", "lib/ollama/mlx_*", "lib/ollama/rocm*", "lib/ollama/vulkan*")
"""Libraries for graphics cards, which rented boxes lack: 2 GB of 2.1."""
FETCHED_MB = 1600
"""The archive with what is unpacked of it; of that 100 MB stay."""
OWN_MB = 60
"""What Ollama takes with no model loaded."""


class Ollama(Settings):
    """Ollama, reachable from this box only, and there by the apps that need it only."""

    version: str = Field(default="0.34.4", description="Release of Ollama")
    url: str = Field(
        default=ARCHIVE, description="Where its archive is; {version} and {arch} (amd64 or arm64) are filled in"
    )
    sha256: str | None = Field(default=None, description="SHA-256 of the archive, for one that is not known here")
    keep_alive: str = Field(default="5m", description="How long a model stays in memory after a question, e.g. 24h")
    sizes: dict[str, Model] = Field(
        default_factory=dict, description='What other models take, e.g. {"phi4": Model(ram_mb=11000, disk_mb=9100)}'
    )

    @field_validator("version")
    @classmethod
    def _version(cls, version: str) -> str:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+){2}[A-Za-z0-9.-]{0,20}", version):
            raise ValueError(f"{version!r} is no version; write it like `0.34.4`, without a v")
        return version

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        if not re.fullmatch(r"(https?://[\w.\[\]:-]+|file://)/[\w./~%+{}-]*", url, re.ASCII) or _unknown(url):
            raise ValueError(f"{url!r} is no address of an archive; it looks like {ARCHIVE}")
        return url

    @field_validator("sha256")
    @classmethod
    def _sha256(cls, sha256: str | None) -> str | None:
        if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError("is no SHA-256; it has 64 of 0-9 and a-f, as `sha256sum` prints it")
        return sha256

    @field_validator("keep_alive")
    @classmethod
    def _keep_alive(cls, keep_alive: str) -> str:
        if not re.fullmatch(r"[0-9]{1,5}[smh]", keep_alive):
            raise ValueError(f"{keep_alive!r} is no time; write it like `5m` or `24h`")
        return keep_alive

    @model_validator(mode="after")
    def _known(self) -> Ollama:
        if self.sha256 is None and self.version not in RELEASES:
            known = ", ".join(RELEASES)
            raise ValueError(
                f"the archive of {self.version} is not known here ({known} are): add its line of the release's "
                '`sha256sum.txt`, `sha256="..."`'
            )
        return self

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """Every model that an app asks for stays loaded beside the others: see `loaded` in `_unit`."""
        needing = [app for app in apps if "ollama" in app.needs]
        if needing:
            yield Cost("Ollama", OWN_MB, FETCHED_MB, there=LINK)
        asked = {full(name): one.name for one in needing for name in one.models}
        for name, who in asked.items():
            if (model := self.size(name)) is None:
                continue  # `clashes` says so
            other = smaller(min(model.ram_mb - 1, size.ram_mb * 6 // 10)) if model.writes else None
            less = f'`model="{other}"` for {who}' if other else ""
            place = f"{FOLDER}/models/{manifest(name)}"
            weights = min(model.disk_mb, model.ram_mb)
            yield Cost(name, model.ram_mb, model.disk_mb, mapped_mb=weights, there=place, less_ram=less, less_disk=less)

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Models of which nobody knows what they take."""
        for app in (app for app in apps if "ollama" in app.needs):
            for name in app.models:
                if self.size(name) is None:
                    line = f'`ollama=Ollama(sizes={{"{name}": Model(ram_mb=6000, disk_mb=5000)}})`'
                    known = f"(known: {', '.join(MODELS)})"
                    yield f"{app.name}: what the model {name} takes is not known here {known}: add it, {line}"

    def size(self, model: str) -> Model | None:
        known = {full(name): size for name, size in {**MODELS, **self.sizes}.items()}
        return known.get(full(model))


def _unknown(url: str) -> bool:
    return bool(re.sub(r"\{(version|arch)\}", "", url).count("{"))


@dataclass(frozen=True)
class Models:
    """The models that the apps ask for, by their full names, with the megabytes of each."""

    sizes: Mapping[str, int]
    name: str = "models"
    kind: ClassVar[str] = "ollama"

    def query(self) -> Json:
        return None

    def differences(self, found: Json) -> Sequence[str]:
        return [f"{name} is not here yet ({self.sizes[name]} MB)" for name in self._missing(found)]

    def payload(self, found: Json) -> Json:
        return {"models": self._missing(found)}

    def _missing(self, found: Json) -> list[str]:
        return [name for name in self.sizes if name not in (found or ())]


def wanted(server: Server) -> Iterator[Resource]:
    apps = [app for app in server.apps if "ollama" in app.needs]
    if server.ollama is None or not apps:
        return
    sizes = {full(name): size.disk_mb for app in apps for name in app.models if (size := server.ollama.size(name))}
    users = ["root", USER, *(app.name for app in apps)]
    unit = f"/etc/systemd/system/{UNIT}"
    yield Packages(["zstd", "nftables", "ca-certificates"])
    # The apps' own too: the fence names them, and it is up before they are.
    yield Users([User(USER, home=FOLDER), *(User(app.name, home=app.root) for app in apps)])
    yield Files(
        [
            Directory("/etc/boxkeeper"),
            Directory(FOLDER, mode="0700", owner=USER, group=USER),
            File(FENCE, render("ollama/ollama.nft.j2", port=PORT, users=_quoted(users))),
            File(unit, _unit(server.ollama, len(sizes))),
        ]
    )
    yield _archive(server.ollama)
    yield Units([Unit(UNIT, watch=(unit, FENCE, LINK), live=SHOWN)])
    yield Models(sizes)


def _archive(ollama: Ollama) -> Archive:
    own = dict.fromkeys(("amd64", "arm64"), ollama.sha256) if ollama.sha256 else RELEASES[ollama.version]
    return Archive("ollama", ollama.version, ollama.url, own, "bin/ollama", FOR_GPUS)


def _quoted(users: Sequence[str]) -> list[str]:
    return [f'"{user}"' for user in users]


def _unit(ollama: Ollama, models: int) -> bytes:
    return render(
        f"ollama/{UNIT}.j2",
        user=USER,
        folder=FOLDER,
        fence=FENCE,
        link=LINK,
        address=f"127.0.0.1:{PORT}",
        keep_alive=ollama.keep_alive,
        # all that the apps ask for: two of which only one fits would drive each other out at each question
        loaded=max(1, models),
    )


def variables(server: Server, app: App) -> dict[str, str]:
    """Where an app finds Ollama, and the model that it chose."""
    chosen = {"OLLAMA_MODEL": app.models[0]} if app.models else {}
    return {"OLLAMA_HOST": f"http://127.0.0.1:{PORT}", **chosen}


def service(_: App) -> str:
    return UNIT


def secrets(app: App) -> Iterator[Secret]:
    """None: the fence knows an app by its account."""
    return iter(())
