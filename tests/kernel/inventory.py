"""A machine of its own kernel, and the settings of the box itself. KERNEL is JSON."""

import json
from os import environ

from roles.base import Base
from roles.server import Login, Server, group

_kernel = json.loads(environ["KERNEL"])

box = group(
    Server(
        host="127.0.0.1",
        name="kernelbox",
        login=Login(port=_kernel["port"], key=_kernel["key"], known_hosts=_kernel["known_hosts"]),
        base=Base(journal_mb=_kernel["journal_mb"]),
    )
)
