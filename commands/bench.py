"""`boxkeeper bench`: what the main job costs, measured on a box made for it."""

from __future__ import annotations

import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.bench_backups import bench_backups
from commands.bench_hardening import bench_hardening
from commands.bench_release import bench_release
from commands.demo import FIVE, ONE, placeholders
from commands.figures import keep
from roles import ROOT, Fault
from target import own

if TYPE_CHECKING:
    from target.box import Target

NAME = own("boxkeeper-bench")
SERVICES = ("boxkeeper-redis@*.service", "nginx.service", "postgresql@*.service")


@dataclass(frozen=True)
class Row:
    """One line of the table. Seconds are the median of the rounds; `ratio` is the median of the pairs' ratios."""

    what: str
    seconds: float
    execs: int
    memory_mb: int
    ratio: float | None = None


@dataclass(frozen=True)
class Run:
    seconds: float
    memory_mb: int
    execs: int


@click.group(invoke_without_command=True)
@click.option("--five", is_flag=True, help="With all five apps on the box, not one")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100), help="Pairs that a ratio is of")
@click.pass_context
def bench(context: click.Context, five: bool, rounds: int) -> None:
    """Measure a first run, runs that change nothing, and the same at 50 ms round trip. Takes about four minutes."""
    if context.invoked_subcommand is None:
        _bench(five, rounds)


bench.add_command(bench_backups)
bench.add_command(bench_hardening)
bench.add_command(bench_release)


def _bench(five: bool, rounds: int) -> None:
    from target import ollama
    from target.box import Target
    from target.link import Link

    box = Target.start(NAME, progress=click.echo)
    inventory = FIVE if five else ONE
    placeholders(inventory)
    ollama.offer(box)
    try:
        # so that sshd counts the first run's execs too; ours says the same once it is there
        box.succeed("echo LogLevel VERBOSE >/etc/ssh/sshd_config.d/99-bench.conf && systemctl reload ssh")
        rows = [_row("first run, bare box", [_run(box, inventory, "deploys/full.py")])]
        with tempfile.NamedTemporaryFile("w", suffix=".py") as empty:
            rows += _pairs(rounds, box, inventory, empty.name, "here", None)
            with Link(("127.0.0.1", box.port(22)), delay=0.025) as port:
                box.pin(port)
                rows += _pairs(rounds, box, inventory, empty.name, "at 50 ms", port)
        units = memory(box, "ai-note-taker-*.service", *SERVICES)
    finally:
        box.remove()
    _print(rows, units)
    keep("bench", {"machine": _machine(), "rows": [asdict(row) for row in rows], "units_memory_mb": units})


def _pairs(rounds: int, box: Target, inventory: str, empty: str, where: str, port: int | None) -> list[Row]:
    """A run that changes nothing and an empty pyinfra deploy, in turn, so that both see the same noise."""
    pairs = [(_run(box, inventory, "deploys/full.py", port), _run(box, inventory, empty, port)) for _ in range(rounds)]
    ratio = statistics.median(full.seconds / nothing.seconds for full, nothing in pairs)
    return [
        _row(f"nothing to change, {where}", [full for full, _ in pairs], ratio),
        _row(f"empty deploy, {where}", [nothing for _, nothing in pairs]),
    ]


def _row(what: str, runs: list[Run], ratio: float | None = None) -> Row:
    middle: Callable[[list[float]], float] = statistics.median
    return Row(
        what,
        round(middle([run.seconds for run in runs]), 2),
        int(middle([float(run.execs) for run in runs])),
        int(middle([float(run.memory_mb) for run in runs])),
        round(ratio, 2) if ratio else None,
    )


def _run(box: Target, inventory: str, deploy: str, port: int | None = None) -> Run:
    """One run as a user types it, with its wall time, its peak memory and the execs that the box's sshd counted."""
    environment = {**os.environ, "PYINFRA_YES": "true", "BOXKEEPER_TARGET": box.name}
    environment["BOXKEEPER_TARGET_PORT"] = str(port or "")
    since = box.succeed("date +%s.%N").strip()
    started = time.monotonic()
    line = [str(Path(sys.executable).with_name("pyinfra")), inventory, deploy]
    process = subprocess.Popen(line, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if status != 0:
        raise Fault(f"{' '.join(line[1:])} failed:\n{said.decode()[-2000:]}")
    log = box.succeed(f"journalctl --sync; journalctl -t sshd -t sshd-session --since=@{since} --output=cat")
    return Run(seconds, usage.ru_maxrss // 1024, len(re.findall(r"Starting session: command", log)))


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory} GiB, {system}"


def memory(box: Target, *units: str) -> dict[str, int]:
    """The memory of these running units (patterns) in MB; what processes share counts once (proc(5): Pss).

    systemd knows it only where the kernel counts memory by unit, which it does not in every container.
    """
    listed = f"systemctl list-units --state=running --plain --no-legend {shlex.join(units)} | cut -d ' ' -f 1"
    processes = 'cat "/sys/fs/cgroup$(systemctl show -P ControlGroup $unit)/cgroup.procs"'
    pss = "awk '/^Pss:/ {kb += $2} END {print int(kb / 1024)}'"
    each = f"echo $unit $(for id in $({processes}); do cat /proc/$id/smaps_rollup; done | {pss})"
    said = box.succeed(f"for unit in $({listed}); do {each}; done")
    return {unit: int(mb) for unit, mb in (line.split() for line in said.splitlines())}


def _print(rows: list[Row], units: dict[str, int]) -> None:
    click.echo(f"\n{_machine()}\n")
    click.echo(f"{'':32}{'seconds':>9}{'ratio':>7}{'execs':>7}{'memory':>9}")
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio else ""
        click.echo(f"{row.what:32}{row.seconds:9.2f}{ratio:>7}{row.execs:7}{row.memory_mb:6} MB")
    click.echo("\nOn the box, with nothing to do:\n")
    for unit, mb in units.items():
        click.echo(f"{unit:55}{mb:6} MB")
