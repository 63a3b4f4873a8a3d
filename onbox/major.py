"""Major: PostgreSQL's next major version, for a box whose distribution has a newer one than its cluster."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from onbox import backups, detached, drill, health, packages, pgbackrest, postgres
from onbox.postgres import Cluster
from onbox.shell import Failed, said
from onbox.shell import run as sh

Json = Any
WITHOUT = "/etc/postgresql-common/createcluster.d/zz-boxkeeper-upgrade.conf"
"""Read after `boxkeeper.conf`, which wants checksums of pages in a new cluster."""
SPARE = 512 << 20
"""Bytes that have to be free besides a copy of the data."""


def observe(queries: list[Json]) -> list[Json]:
    """The versions of the cluster with the data, and of the distribution, as text; "" where there is none."""
    there = postgres.clusters()
    found = {"has": there[0].major if there else "", "newest": newest()}
    return [found for _ in queries]


def newest() -> str:
    """The version that the distribution's package `postgresql` stands for."""
    found = re.search(r"^ +\|?Depends: postgresql-(\d+)$", said(["apt-cache", "depends", "postgresql"]), re.MULTILINE)
    return found[1] if found else ""


def apply(payload: Json) -> None:
    """Have it done in a unit of its own, which goes on when the connection is lost. Raises Failed."""
    detached.run("boxkeeper-major", ["major", "run", *payload["apps"]])


def run(*apps: str) -> None:
    """Bring the data to the newest version; the old cluster stays, stopped. Raises Failed, which says where it is."""
    old, to = postgres.clusters()[0], newest()
    if old.major == to:
        return
    _room(old)
    before, new = _ill(apps), Cluster(to, old.name)
    _drop_if_empty(new)
    _saved()
    packages.apply({"install": [f"postgresql-{to}", *_extensions(old, to)], "remove": []})
    _drop_if_empty(new)
    began = time.time()
    try:
        with _as_made(old):
            line = ["pg_upgradecluster", "-m", "upgrade", "-v", to, old.major, old.name]
            sh(["sh", "-c", 'exec "$@" 2>&1', "sh", *line], timeout=6 * 3600)  # why it fails is on its standard output
    except Failed:
        _bring_back(old, new)
        raise
    took = time.time() - began
    # systemd was seen to call its stop a failure; it was none: pg_upgrade takes no cluster that was not stopped well
    sh(["systemctl", "reset-failed", old.unit], ok=(0, 1))
    print(
        f"PostgreSQL {old.major} is {to} now, after {took:.0f} s; `pg_dropcluster {old.major} {old.name}` drops the old"
    )
    pgbackrest.on_server("stanza-upgrade")
    if left := _left(apps, before):
        raise Failed(f"with PostgreSQL {to} {'; '.join(left)}. The old cluster is as it was at {time.ctime(began)}")


def _room(old: Cluster) -> None:
    """Raises Failed where the disk has no room for a second copy of the data."""
    size = int(sh(["du", "-sb", old.data]).split()[0])
    free = shutil.disk_usage(old.data).free
    if free < size + SPARE:
        raise Failed(
            f"the disk has {free >> 20} MB free, and an upgrade beside the old data wants {(size + SPARE) >> 20}"
        )


def _saved() -> None:
    """A backup, and one that has been restored for a trial. Raises Failed where there is none."""
    backups.now()
    drill.run()


def _extensions(old: Cluster, to: str) -> list[str]:
    """The packages of the old version's extensions, for the new one."""
    shown = said(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n", f"postgresql-{old.major}-*"])
    names = [line.split()[1] for line in shown.splitlines() if line.startswith("installed ")]
    return [name.replace(f"-{old.major}-", f"-{to}-", 1) for name in names]


def _drop_if_empty(new: Cluster) -> None:
    """The package has made one of its own, in the way. Raises Failed where somebody uses it."""
    if not os.path.exists(f"{new.folder}/postgresql.conf"):
        return
    sh(["systemctl", "start", new.unit])
    names = new.ask("SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')")
    if names.strip():
        raise Failed(
            f"there is a cluster {new.major}/{new.name} with {', '.join(names.split())} already; nothing was changed"
        )
    sh(["pg_dropcluster", "--stop", new.major, new.name])


@contextmanager
def _as_made(old: Cluster) -> Iterator[None]:
    """pg_upgrade wants both clusters with checksums, or neither: pg_upgradecluster sees to it if nobody else does."""
    if old.ask("SHOW data_checksums").strip() == "on":
        yield
        return
    with open(WITHOUT, "w") as file:
        file.write("initdb_options = ''\n")
    try:
        yield
    finally:
        os.remove(WITHOUT)


def _bring_back(old: Cluster, new: Cluster) -> None:
    """What pg_upgradecluster left half done goes away, and the old cluster answers again."""
    if os.path.exists(f"{new.folder}/postgresql.conf"):
        sh(["pg_dropcluster", "--stop", new.major, new.name], ok=(0, 1))
    with open(f"{old.folder}/start.conf", "w") as file:
        file.write("auto\n")
    sh(["systemctl", "daemon-reload"])
    sh(["systemctl", "restart", old.unit])


def _ill(apps: tuple[str, ...]) -> set[str]:
    """The apps that are not well."""
    found = zip(apps, health.observe([{"app": app} for app in apps]), strict=True)
    return {app for app, why in found if why}


def _left(apps: tuple[str, ...], before: set[str]) -> list[str]:
    """The apps that were well before and do not get so again."""
    left = []
    for app in sorted(set(apps) - before):
        try:
            health.apply({"app": app})
        except Failed as failed:
            left.append(f"{app} is not well: {str(failed).splitlines()[0]}")
    return left
