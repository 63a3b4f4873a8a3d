"""`boxkeeper bench hardening`: what four well-known auditors say of a finished box."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from commands.demo import FIVE, placeholders
from commands.figures import keep
from roles import Fault
from target import own

if TYPE_CHECKING:
    from target.box import Target

AUDITORS = ("lynis", "ssh-audit", "testssl.sh")
"""Of the distribution; the fourth is systemd's own."""
EXPOSED = r"^(?P<unit>\S+\.service) +(?P<exposure>\d+\.\d) "


@click.command("hardening")
def bench_hardening() -> None:
    """Lynis, ssh-audit, testssl.sh and systemd-analyze security, on a box with all five apps. Takes some minutes."""
    from target import ollama
    from target.box import Target
    from target.run import pyinfra

    box = Target.start(own("boxkeeper-bench-hardening"), progress=click.echo)
    placeholders(FIVE)
    ollama.offer(box)
    try:
        done = pyinfra(box, "-y")
        if done.code:
            raise Fault(f"the box was not finished:\n{done.output[-2000:]}")
        box.install(*AUDITORS)
        found = audited(box, "ai-note-taker", "notes.localhost")
    finally:
        box.remove()
    click.echo("\n".join(table(found)))
    keep("bench-hardening", found)


def audited(box: Target, app: str, domain: str) -> dict[str, Any]:
    """What the auditors say of a box and an app's site on it, whose own certificate counts as one to be trusted."""
    box.execute("lynis audit system --quick --no-colors >/dev/null 2>&1")
    report = box.succeed("cat /var/log/lynis-report.dat")
    _, ssh = box.execute("ssh-audit --no-colors --level=warn 127.0.0.1")
    options = f"--quiet --warnings off --add-ca /etc/boxkeeper/tls/{app}/fullchain.pem --ip 127.0.0.1"
    box.execute(f"cd /root; testssl {options} --jsonfile tls.json {domain}:443 >/dev/null 2>&1")
    tls = json.loads(box.succeed("cat /root/tls.json"))
    units = box.succeed("systemd-analyze security --no-pager")
    return {"lynis": lynis(report), "ssh": ssh_faults(ssh), "tls": tls_faults(tls), "units": exposed(units)}


def lynis(report: str) -> dict[str, Any]:
    """The index, and what it warns of, from Lynis's report."""
    index = re.search(r"^hardening_index=(\d+)", report, re.MULTILINE)
    if index is None:
        raise Fault("Lynis gives no index")
    return {
        "index": int(index[1]),
        "warnings": re.findall(r"^warning\[\]=(.*?)\|?$", report, re.MULTILINE),
    }


def ssh_faults(said: str) -> list[str]:
    """Algorithms that ssh-audit calls weak or failing."""
    return [line.strip() for line in said.splitlines() if re.search(r"-- \[(warn|fail)\]", line)]


def tls_faults(found: list[dict[str, str]]) -> dict[str, Any]:
    """The score and grade of testssl.sh, and what it finds of medium severity and above, but our certificate."""
    said = {each["id"]: each["finding"] for each in found}
    bad = [f"{each['id']}: {each['finding']}" for each in found if each["severity"] in ("MEDIUM", "HIGH", "CRITICAL")]
    ours = ("cert", "chain", "overall_grade", "grade_cap", "DNS_CAA", "security_headers")
    if "final_score" not in said:
        raise Fault("testssl.sh gives no score")
    return {
        "score": int(said["final_score"]),
        "grade": said["overall_grade"],
        "faults": [line for line in bad if not line.startswith(ours)],
    }


def exposed(said: str) -> dict[str, float]:
    """By unit of ours how exposed systemd-analyze takes it to be, 0 to 10."""
    found = re.finditer(EXPOSED, said, re.MULTILINE)
    rated = {each["unit"]: float(each["exposure"]) for each in found}
    return {
        unit: rate
        for unit, rate in rated.items()
        if re.match(r"boxkeeper-|nginx|postgresql@|\S+-(web|worker|beat|api)", unit)
    }


def table(found: dict[str, Any]) -> Iterator[str]:
    """What was said, for people."""
    yield f"\nLynis: index {found['lynis']['index']} of 100, {len(found['lynis']['warnings'])} warnings"
    yield from (f"  {line}" for line in found["lynis"]["warnings"])
    yield f"ssh-audit: {len(found['ssh'])} weak algorithms"
    yield from (f"  {line}" for line in found["ssh"])
    tls = found["tls"]
    yield f"testssl.sh: score {tls['score']} of 100, grade {tls['grade']}, {len(tls['faults'])} faults"
    yield from (f"  {line}" for line in tls["faults"])
    yield "systemd-analyze security, 0 to 10:"
    yield from (f"  {unit:50}{rate:5.1f}" for unit, rate in sorted(found["units"].items()))
