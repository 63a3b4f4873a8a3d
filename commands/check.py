"""`boxkeeper check`: whether a run could do its work. Asked of the box, of DNS and of the way; nothing changes."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

import click

from commands.box import logged_in, supplied
from roles import Fault, base, cdn, firewall
from roles.budget import Budget
from roles.checks import TIGHT
from roles.resources import Json
from roles.server import Server

DRIFT = 5.0
"""Seconds that a clock may be off. Certificates, tokens and backups go by it."""
PATIENCE = 5.0
OURS = {"80": ("nginx",), "443": ("nginx",), "5432": ("postgres", "postmaster")}
"""Ports that a run takes, and by which programs."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `hint` is what to do; a finding that is not `bad` only informs."""

    what: str
    said: str
    bad: bool = False
    hint: str = ""


@click.command()
@click.argument("env")
@click.option("--json", "as_json", is_flag=True, help="For a script")
def check(env: str, as_json: bool) -> None:
    """Whether a run could do its work on each box. Changes nothing; ends with 1 when something is in the way."""
    told = (lambda _: None) if as_json else click.echo
    found = {server.host: list(_told(server, told)) for server in supplied(env)}
    if as_json:
        click.echo(json.dumps({host: [asdict(each) for each in findings] for host, findings in found.items()}))
    if any(finding.bad for findings in found.values() for finding in findings):
        sys.exit(1)


def _told(server: Server, tell: Callable[[str], None]) -> Iterator[Finding]:
    """The findings of one box, each told as soon as it is known: some wait for an answer."""
    tell(f"{server.host}:")
    for finding in _findings(server):
        tell(f"  {'BAD ' if finding.bad else 'ok  '} {finding.what:12} {finding.said}")
        if finding.hint:
            tell(f"                    {finding.hint}")
        yield finding


def _findings(server: Server) -> Iterator[Finding]:
    try:
        with logged_in(server) as box:
            before = time.time()
            found = box.ask("preflight", None)
            off = found["time"] - (before + time.time()) / 2
            room = box.ask(Budget.kind, Budget(server).query())
            yield Finding("login", f"as {box.connection.user} on port {box.connection.port}")
    except Fault as fault:
        yield Finding("login", str(fault).removeprefix(f"{server.host}: "), bad=True)
        return
    yield from of_box(found, off)
    yield from of_size(server, room)
    yield from ports(found["listening"], server)
    if server.nginx is not None and any(app.routes for app in server.apps):
        yield from names(server, found["addresses"], addresses)
        if not firewall.admitted(server):  # which lets us in no more than anybody else
            yield from _way(server, found["listening"])


def of_box(found: Json, off: float) -> Iterator[Finding]:
    """What the box is. `off` is how far its clock is from ours, in seconds."""
    faults = base.faults(found)
    yield Finding("system", f"{found['distro']}, {found['machine']}, {found['ram_mb']} MB of memory")
    yield from (Finding("system", fault, bad=True) for fault in faults)
    share = f"{found['disk_free_mb']} MB free, {found['inodes_free']:.0%} of the inodes"
    yield Finding("disk", share, bad=found["inodes_free"] < 0.05)
    clock = "as ours" if abs(off) < DRIFT else f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} ours"
    hint = (
        "" if abs(off) < DRIFT else "`timedatectl` on the box says why; a run starts timesyncd where nothing keeps time"
    )
    yield Finding("clock", clock, bad=abs(off) >= DRIFT, hint=hint)
    if found["locked"]:
        yield Finding("apt", f"is at work now (process {found['locked']}); a run waits for it")


def of_size(server: Server, found: Json) -> Iterator[Finding]:
    """Whether what the inventory wants fits on the box."""
    budget = Budget(server)
    reasons = budget.refuse(found)
    yield from (Finding("room", reason, bad=True) for reason in reasons)
    yield from (Finding("room", f"{TIGHT} {warning}") for warning in (() if reasons else budget.warn(found)))
    if not reasons:
        yield Finding("room", budget.summary(found))


def ports(listening: dict[str, str], server: Server) -> Iterator[Finding]:
    """Whether what a run brings finds its ports free, or held by itself."""
    wanted = [*(["80", "443"] if server.nginx else []), *(["5432"] if server.postgres else [])]
    for port in wanted:
        holder = listening.get(port)
        taken = holder is not None and holder not in OURS[port]
        hint = f"`systemctl status $(pgrep -xo {holder})` says which unit; stop and disable it" if taken else ""
        yield Finding(f"port {port}", holder or "free", bad=taken, hint=hint)


def addresses(name: str) -> list[str]:
    """Every address of a name, by this machine's resolver."""
    try:
        return sorted({str(each[4][0]) for each in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []


def names(server: Server, own: Iterable[str], resolve: Callable[[str], list[str]]) -> Iterator[Finding]:
    """Whether the apps' names lead to this box. One address that does not is enough for a certificate to fail."""
    here = {*own, *resolve(server.host), server.host}
    named = [(app, name) for app in server.apps if app.routes for name in app.names]
    for app, name in named:
        found = resolve(name)
        behind = {address: cdn.whose(address) for address in found if address not in here}
        strangers = [address for address, owner in behind.items() if owner is None or owner != app.cdn]
        past = [] if strangers or not firewall.admitted(server) else [each for each in found if each in here]
        if not found:
            yield Finding("name", f"{name} has no address yet", hint=f"an A record to {server.host} gives it one")
        elif strangers:
            owner, hint = behind[strangers[0]], f"change the record to {server.host}"
            if owner:
                hint = f'is its proxy meant to be before it? Give {app.name} `cdn="{owner}"`; else {hint}'
            yield Finding("name", f"{name} leads to {', '.join(strangers)}, not here", bad=True, hint=hint)
        elif past:
            hint = "let it lead to the CDN, which alone the firewall lets in"
            yield Finding("name", f"{name} leads to {', '.join(past)}, past its CDN", bad=True, hint=hint)
        else:
            yield Finding("name", f"{name} leads {f'to {app.cdn}' if behind else 'here'}")


def _way(server: Server, listening: dict[str, str]) -> Iterator[Finding]:
    """Whether clients get through. A firewall in between swallows what it stops; who refuses is no firewall."""
    for port in ("80", "443"):
        if listening.get(port) != "nginx":
            continue
        try:
            socket.create_connection((server.host, int(port)), timeout=PATIENCE).close()
            yield Finding(f"way to {port}", "open")
        except TimeoutError:
            hint = "the provider's own firewall is in the way: open the port in its console"
            yield Finding(f"way to {port}", "nginx listens, and no answer gets here", bad=True, hint=hint)
        except OSError as error:
            yield Finding(
                f"way to {port}", f"not by this address ({error.strerror}): is it forwarded from another port?"
            )
