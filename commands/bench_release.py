"""`boxkeeper bench release`: what clients notice of releases, and what these cost, for a Python and a Node app."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from commands.figures import keep
from target import own

if TYPE_CHECKING:
    from target.pulse.trial import Trial


@click.command("release")
def bench_release() -> None:
    """Five releases, one of them broken, and a rollback, with 200 open WebSockets and requests that never rest."""
    from target.box import Target
    from target.pulse.trial import sites, trial

    box = Target.start(own("boxkeeper-bench-release"), progress=click.echo)
    try:
        with sites(box) as made:
            found = [trial(site) for site in made.values()]
    finally:
        box.remove()
    click.echo("\n".join(line for each in found for line in table(each)))
    keep("bench-release", [asdict(each) for each in found])


def table(found: Trial) -> Iterator[str]:
    """A trial as lines for people."""
    yield ""
    yield f"{found.kind}: {found.requests} requests, {len(found.failed)} failed"
    yield f"  {found.sockets} WebSockets open from before the first release to the end, {len(found.cut)} cut"
    for step in found.steps:
        took = f"{step.seconds:5.1f} s from the command to its first answer" if step.seconds else "takes no traffic"
        yield f"  {step.what:12} exit code {step.code}  {took}"
    yield f"  memory: {found.before_mb} MB before, {found.peak_mb} MB at most, with all versions that still had sockets"
