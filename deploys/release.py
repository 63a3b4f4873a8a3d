"""The newest version of one app: `--data app=NAME`, with `--data ref=REF` another one than the inventory names."""

from pyinfra import host

from roles import drift
from roles.apps.asked import Newest
from roles.operations import converge

converge(Newest(host.data.get("app"), host.data.get("ref")), drift)
