"""`boxkeeper bench backups`: how long a backup, its trial and a rebuild of a lost box take, and what is missing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from commands.figures import keep
from target import own

MB = 1000


@click.command("backups")
def bench_backups() -> None:
    """With 1 GB, half of it rows and half of it files: backup, drill, loss of the box, rebuild on another one."""
    from target.box import Target
    from target.kept.box import Box, keeper
    from target.kept.trial import another, fill, trial

    place, name = keeper(), own("bench-kept")
    try:
        with TemporaryDirectory() as folder, Box.on(Target.start(name, progress=click.echo), Path(folder)) as box:
            box.converge()
            box.lets_in()
            fill(box, MB)
            other = another(box, own("bench-rebuilt"))
            try:
                found = trial(box, other)
            finally:
                other.remove()
    finally:
        place.remove()
    seconds = {name: round(value, 1) for name, value in asdict(found).items() if isinstance(value, float)}
    click.echo(f"\n{MB} MB, half of it rows and half of it files:")
    click.echo(f"  first backup        {found.backup:5.0f} s")
    click.echo(f"  drill               {found.drill:5.0f} s")
    click.echo(f"  rebuilt (RTO)       {found.rebuilt:5.0f} s")
    click.echo(f"  not there any more  {found.missing:5.0f} s before the loss (RPO)")
    keep("bench-backups", seconds)
