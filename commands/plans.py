"""`boxkeeper plans`: what providers rent out, and which of it an inventory fits on. Connects to nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from commands.inventory import described, inventory_of
from roles import Fault
from roles.budget import Bill, bill, fitting, seen, shown
from roles.plans import Plan, cheapest, table
from roles.server import Server

FREE = {"domain", "aliases", "source", "env", "cpus"}
"""Settings of an app that take no room: they may still be missing when somebody looks for a box."""


@dataclass(frozen=True)
class Box:
    """A box of an inventory: what it costs on the plan to take, and the plans it fits on."""

    name: str
    plan: Plan
    """The cheapest that fits; where none does, the biggest."""
    bill: Bill
    fits: list[Plan]


@click.command()
@click.argument("env", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it for programs")
def plans(env: str | None, as_json: bool) -> None:
    """Show providers' plans; with an environment also what its boxes need, and which plans fit.

    Works before there is a box: address, domains and secrets of the inventory may still be missing.
    """
    boxes = _boxes(inventory_of(env)) if env else []
    if as_json:
        click.echo(
            json.dumps({"plans": [_plain(plan) for plan in table()], "boxes": list(map(_data, boxes))}, indent=1)
        )
        return
    _show_table(boxes)
    for box in boxes:
        _show(box)


def _boxes(inventory: str) -> list[Box]:
    """Raises Fault where there is no box, or a setting is wrong that sizes depend on."""
    servers = described(inventory)
    if not servers:
        raise Fault(f"{inventory} describes no box: end it with `{Path(inventory).stem} = group(Server(...))`")
    wrong = dict.fromkeys(fault for server in servers for fault in _wrong(server))
    if wrong:
        raise Fault("\n--> ".join(wrong))
    return [_box(server) for server in servers]


def _wrong(server: Server) -> Iterator[str]:
    """What is wrong with the settings that sizes follow from. A setting that is wrong is left out of its model."""
    if type(server).model_fields.keys() - vars(server).keys() - {"host", "name", "login"}:
        yield from server.faults
        return
    for role in vars(server).values():
        yield from role.faults if hasattr(role, "costs") else ()
    for app in server.apps:
        yield from app.faults if type(app).model_fields.keys() - vars(app).keys() - FREE else ()


def _box(server: Server) -> Box:
    fits = fitting(server)
    plan = cheapest(fits)[0] if fits else max(table(), key=lambda plan: (plan.ram_mb, plan.disk_gb))
    name = vars(server).get("name") or vars(server).get("host") or "box"
    return Box(name, plan, bill(server, seen(plan)), fits)


def _show_table(boxes: list[Box]) -> None:
    wide = max(len(plan.title) for plan in table())
    marks = "".join(f"  {box.name}" for box in boxes)
    click.echo(f"{'plan':{wide}}{'vCPU':>6}{'memory':>10}{'disk':>9}{'a month':>12}  {'as of':10}{marks}".rstrip())
    for plan in table():
        cells = f"{plan.cpus or '':>6}{shown(plan.ram_mb):>10}{plan.disk_gb:>6} GB{plan.cost:>12}  {plan.date:10}"
        fits = "".join(f"  {'fits' if plan in box.fits else '':{len(box.name)}}" for box in boxes)
        click.echo(f"{plan.title:{wide}}{cells}{fits}".rstrip())
    click.echo("\nPrices are those of the apps' own documents, of that date: see the provider's page before you rent.")


def _show(box: Box) -> None:
    total = box.bill
    wide = max(len(cost.what) for cost in total.costs)
    click.echo(f"\n{box.name} on {box.plan.title}:\n")
    click.echo(f"  {'':{wide}}{'memory':>10}{'disk':>10}{'for a while':>14}")
    rows = [(cost.what, cost.ram_mb, cost.disk_mb, cost.brief_mb) for cost in total.costs]
    for what, *sizes in [*rows, ("together", total.ram_mb, total.disk_mb, total.brief.brief_mb)]:
        ram, disk, brief = (shown(size) if size else "" for size in sizes)
        click.echo(f"  {what:{wide}}{ram:>10}{disk:>10}{brief:>14}".rstrip())
    click.echo("")
    if box.fits:
        click.echo(f"  Fits on {len(box.fits)} of {len(table())} plans; the cheapest: {_named(cheapest(box.fits))}.")
    else:
        click.echo(f"  Fits on none: {box.plan.title} {'; it '.join(lack.says for lack in total.lacks())}.")


def _named(plans: list[Plan]) -> str:
    return ", ".join(f"{plan.title} ({plan.cost} a month)" for plan in plans)


def _plain(plan: Plan) -> dict[str, Any]:
    return plan.model_dump(mode="json")


def _data(box: Box) -> dict[str, Any]:
    names = ("what", "ram_mb", "disk_mb", "brief_mb")
    return {
        "name": box.name,
        "on": box.plan.title,
        "costs": [{name: value for name, value in asdict(cost).items() if name in names} for cost in box.bill.costs],
        "ram_mb": box.bill.ram_mb,
        "disk_mb": box.bill.disk_mb,
        "brief_mb": box.bill.brief.brief_mb,
        "fits": [plan.title for plan in box.fits],
        "cheapest": [plan.title for plan in cheapest(box.fits)],
    }
