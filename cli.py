"""The command `boxkeeper`. It adds no power: everything it does to a box is a pyinfra line that it prints."""

from __future__ import annotations

import click

from commands.backup import backup
from commands.bench import bench
from commands.check import check
from commands.demo import demo
from commands.drift import drift
from commands.init import init
from commands.look import logs, psql, shell
from commands.patch import patch
from commands.plans import plans
from commands.postgres import postgres
from commands.rebuild import rebuild
from commands.release import release, releases, rollback
from commands.restore import restore
from commands.secrets import OneLine, secrets
from commands.status import status
from commands.test import test
from commands.transfer import export, import_
from commands.up import up


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="boxkeeper")
def main() -> None:
    """Your apps on your own server, from one typed Python file."""


COMMANDS = (
    backup,
    bench,
    check,
    demo,
    drift,
    export,
    import_,
    init,
    logs,
    patch,
    plans,
    postgres,
    psql,
    rebuild,
    release,
    releases,
    restore,
    rollback,
    secrets,
    shell,
    status,
    test,
    up,
)

for command in COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="boxkeeper")
