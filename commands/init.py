"""`boxkeeper init`: the inventory of a new environment, a complete example with three lines to edit."""

from __future__ import annotations

import keyword
import re

import click

from commands import github
from commands.inventory import ENVIRONMENT
from roles import ROOT, Fault, render
from roles.apps.ai_note_taker import AiNoteTaker

TAKEN = {"docker": "the demo's", "all": "pyinfra's word for every box", "group": "a function in the inventory itself"}


@click.command()
@click.argument("env")
@click.argument("app", required=False)
@click.option("--env", "of", default="prod", show_default=True, help="With `github`: whose app that is")
def init(env: str, app: str | None, of: str) -> None:
    """Write inventories/ENV.py, an example to edit, and say what to do next.

    `boxkeeper init github APP` writes a GitHub workflow that tests and releases an app.
    """
    if env == "github":
        if app is None:
            raise Fault("which app? `boxkeeper init github APP`")
        github.write(of, app)
        return
    if app is not None:
        raise Fault(f"takes one word: `boxkeeper init {env}`")
    if env in TAKEN:
        raise Fault(f"{env} is {TAKEN[env]}: call your environment e.g. `prod`")
    if not re.fullmatch(ENVIRONMENT, env) or keyword.iskeyword(env):
        raise Fault(f"{env!r} can't be the name of an environment: use a-z, 0-9 and _, e.g. `prod`")
    path = ROOT / "inventories" / f"{env}.py"
    try:
        with open(path, "xb") as file:
            file.write(render("init/inventory.py.j2", env=env))
    except FileExistsError:
        raise Fault(f"inventories/{env}.py is there already and is left as it is: edit it") from None
    click.echo(f"inventories/{env}.py is written. What to rent for it:  ./boxkeeper plans {env}")
    click.echo("Next:")
    click.echo(f"  1. edit the three lines it marks:  $EDITOR inventories/{env}.py")
    click.echo("  2. give it the keys that only you have:")
    for name in AiNoteTaker.secrets:
        click.echo(f"       ./boxkeeper secrets set {env} ai-note-taker/{name}")
    click.echo(f"  3. go:  .venv/bin/pyinfra inventories/{env}.py deploys/full.py")
