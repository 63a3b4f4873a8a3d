"""The box itself: its name, clock, memory and updates, and the folders and programs of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from roles import Settings, render
from roles.budget import Cost, Size
from roles.confirmed import Confirmed
from roles.resources import Directory, File, Files, Json, Packages, Resource, Unit, Units

if TYPE_CHECKING:
    from roles.apps.app import App
    from roles.server import Server

SUPPORTED = ("ubuntu 22.04", "ubuntu 24.04", "ubuntu 26.04", "debian 12", "debian 13")
MACHINES = ("x86_64", "aarch64")

SYSCTL = "/etc/sysctl.d/99-zz-boxkeeper.conf"
"""The last file wins, and 99-sysctl.conf is a link to /etc/sysctl.conf, where some providers write."""

NEEDRESTART = "/etc/needrestart/conf.d/boxkeeper.conf"

KERNEL = (
    ("vm.overcommit_memory", "1", "Redis saves in a copy of its process; without this that fails when memory is short"),
    ("vm.swappiness", "10", "swap is for emergencies on a box with databases"),
    ("net.core.somaxconn", "4096", "connections that wait while an app restarts"),
    ("net.ipv4.tcp_syncookies", "1", "a flood of half-open connections leaves room for whole ones"),
    ("net.ipv4.conf.*.accept_redirects", "0", "nobody else decides where our packets go"),
    ("net.ipv4.conf.*.secure_redirects", "0", "not even the gateway"),
    ("net.ipv4.conf.*.accept_source_route", "0", "nor where they come from"),
    ("net.ipv6.conf.*.accept_redirects", "0", "the same for IPv6"),
    ("net.ipv6.conf.*.accept_source_route", "0", "and their way"),
    ("net.ipv4.conf.*.send_redirects", "0", "a server is no router"),
    ("net.ipv4.conf.all.log_martians", "1", "impossible senders are worth a line"),
    ("kernel.kptr_restrict", "2", "kernel addresses help only an attacker"),
    ("kernel.dmesg_restrict", "1", "so does the kernel log"),
    ("kernel.yama.ptrace_scope", "1", "a process reads only its own children's memory"),
    ("fs.protected_fifos", "2", "no planted pipes in /tmp"),
    ("fs.protected_regular", "2", "no planted files in /tmp"),
)
"""A `*` is every network interface. `all` would not do: an interface keeps its own value of most of these, and one of
the two that says yes is enough (the kernel's ip-sysctl.rst). systemd gives them to interfaces that come later, too."""


class Base(Settings):
    """The box itself."""

    swap_mb: int | None = Field(default=None, ge=0, le=65536, description="Swap file in MB; by default by its RAM")
    journal_mb: int = Field(default=200, ge=16, le=65536, description="Most disk that the journal may take, in MB")

    def swap(self, size: Size) -> int:
        """The swap in MB that a box of this size has in the end."""
        if size.swap_mb is not None:
            return size.swap_mb
        return swap_for(size.ram_mb) if self.swap_mb is None else self.swap_mb

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """The kernel, systemd, sshd, fail2ban, cron and what they keep reading; unattended-upgrades, measured."""
        yield Cost("the system", ram_mb=180, disk_mb=2500, there="/")
        updates = 1000  # two kernels, and packages on their way
        yield Cost("updates and journal", disk_mb=updates + self.journal_mb, brief_mb=200, there=NEEDRESTART)
        if size.swap_mb is None:
            yield Cost("swap", disk_mb=self.swap(size), there="/swapfile", less_disk="a smaller `swap_mb`")
        if apps:
            yield Cost("runtimes and build tools", disk_mb=700, there="/opt/boxkeeper/uv")


def faults(found: Mapping[str, Json]) -> list[str]:
    """Why Boxkeeper can't work on this box, one sentence each."""
    rules = [
        (found["distro"] not in SUPPORTED, f"runs {found['distro']}; supported: {', '.join(SUPPORTED)}"),
        (found["machine"] not in MACHINES, f"is a {found['machine']} machine; supported: {', '.join(MACHINES)}"),
        (not found["writable"], "has a read-only root file system"),
    ]
    return [f"this box {sentence}" for broken, sentence in rules if broken]


def swap_for(ram_mb: int) -> int:
    """Swap in MB: as much as RAM up to 2 GB of it, none on a bigger box, which has better uses for its disk."""
    return min(max(ram_mb, 512), 2048) if ram_mb <= 2560 else 0


@dataclass(frozen=True)
class Host:
    """The box's name, time zone, locale, clock and swap. Refuses a box that is not supported.

    Whether it is big enough, with a swap file of that size too, is the budget's question: `roles/budget.py`.
    """

    hostname: str
    swap_mb: int | None
    name: str = "host"
    kind: ClassVar[str] = "host"

    def query(self) -> Json:
        return None

    def refuse(self, found: Json) -> Sequence[str]:
        return faults(found)

    def differences(self, found: Json) -> Sequence[str]:
        return [f"{name}: {found[name]}" for name in self._wanted(found)]

    def payload(self, found: Json) -> Json:
        return self._wanted(found)

    def _wanted(self, found: Json) -> dict[str, Json]:
        wanted: dict[str, Json] = {"hostname": self.hostname, "timezone": "Etc/UTC", "locale": "C.UTF-8"}
        differing = {name: value for name, value in wanted.items() if not _same(found[name], value)}
        swap = swap_for(found["ram_mb"]) if self.swap_mb is None else self.swap_mb
        if swap and not found["swap_mb"] and not found["container"]:
            differing["swap_mb"] = swap
        if not found["clock"] or found["clock"].endswith(" stopped"):
            differing["clock"] = found["clock"].removesuffix(" stopped") or "timesyncd"
        return differing


def _same(found: str, wanted: str) -> bool:
    return found == wanted or (found, wanted) == ("UTC", "Etc/UTC")


def wanted(server: Server) -> Iterator[Resource]:
    base = server.base
    yield Files(list(_folders()), name="folders")
    yield Host(_hostname(server), base.swap_mb)
    yield Packages(["unattended-upgrades", "needrestart", "ca-certificates", "cron", "logrotate"])
    yield Files(
        [
            Directory("/etc/systemd/journald.conf.d"),
            File("/etc/systemd/journald.conf.d/90-boxkeeper.conf", _journald(base.journal_mb)),
            File(
                "/etc/apt/apt.conf.d/52boxkeeper-unattended-upgrades", render("base/52boxkeeper-unattended-upgrades.j2")
            ),
            File(
                NEEDRESTART,
                render("base/boxkeeper-needrestart.conf.j2", apps=[app.name for app in server.apps]),
            ),
        ]
    )
    yield Units(
        [
            Unit("systemd-journald.service", watch=("/etc/systemd/journald.conf.d/90-boxkeeper.conf",), enabled=True),
            Unit("apt-daily.timer"),
            Unit("boxkeeper-revert.service", state="any"),
            _unattended(server),
        ]
    )
    yield _kernel()


def _kernel() -> Confirmed:
    """The kernel settings. Some are of the network, and could cut us off from a box whose network is an odd one."""
    load = ["sh", "-c", "/lib/systemd/systemd-sysctl || [ $? = 1 ]"]  # 1: a setting that this kernel does not know
    return Confirmed(
        name="kernel",
        files=[File(SYSCTL, render("base/99-zz-boxkeeper.conf.j2", settings=KERNEL))],
        sysctl={name: value for name, value, _ in KERNEL},
        login="same",
        prove=(),
        load=[load],
        unload=[load],
    )


def _unattended(server: Server) -> Unit:
    """Security updates by the distribution's own program, where the role `patches` does not look after them."""
    name = "apt-daily-upgrade.timer"
    return Unit(name) if server.patches is None else Unit(name, state="inactive", enabled=False)


def _folders() -> Iterator[Directory | File]:
    yield File("/etc/tmpfiles.d/boxkeeper.conf", b"d /run/boxkeeper 0755 root root\n")
    yield File("/etc/systemd/system/boxkeeper-revert.service", render("base/boxkeeper-revert.service.j2"))
    for folder in ("/etc/boxkeeper", "/var/lib/boxkeeper", "/opt/boxkeeper", "/run/boxkeeper"):
        yield Directory(folder)
    yield Directory("/etc/boxkeeper/apps", mode="0711")


def _journald(most_mb: int) -> bytes:
    return f"[Journal]\nStorage=persistent\nSystemMaxUse={most_mb}M\nRuntimeMaxUse=64M\n".encode()


def _hostname(server: Server) -> str:
    return server.name or re.sub(r"[^a-z0-9-]", "-", server.host.lower())
