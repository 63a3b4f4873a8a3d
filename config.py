"""Read by pyinfra before the inventory, for every run from this folder."""

import sys

import click

from commands.inventory import refusal

REQUIRE_PYINFRA_VERSION = ">=3.10,<3.11"

# pyinfra would answer a mistake in the inventory with a traceback, and one without boxes with success.
_typed = click.get_current_context().params
if _said := refusal(str(_typed.get("inventory")), [str(word) for word in _typed.get("operations") or ()]):
    click.echo(f"--> {_said}", err=True)
    sys.exit(2)
