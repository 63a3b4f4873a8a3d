"""The box of these tests, converged once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from roles import ROOT
from target.acme import Acme
from target.box import Target
from tests.web.box import HERE, NAME, Web

MAIN = b"from onbox.entry import main\n\nmain()\n"
FRONTEND = {
    "index.html": b"<!doctype html><p>the page</p>",
    "robots.txt": b"User-agent: *\n",
    "assets/index-BX1f3k2_.js": b"console.log('one');" * 200,
    "assets/plain.js": b"console.log('two');",
    "static/css/main.3f2a1b4c.css": b"p { color: red }",
    ".env": b"SECRET=1",
}


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A box that `deploy.py` has been run on, with a CA that knows neither of its names yet."""
    target = Target.start(NAME)
    try:
        acme = Acme.install(target)
        authority = tmp_path_factory.mktemp("ca") / "authority.pem"
        authority.write_text(acme.authority)
        web = Web(target, acme, authority)
        for program in (ROOT / "onbox").glob("*.py"):
            web.put(f"/usr/local/lib/boxkeeper/onbox/{program.name}", program.read_bytes())
        web.put("/usr/local/lib/boxkeeper/__main__.py", MAIN)
        for path, text in FRONTEND.items():
            web.put(f"/srv/notes/current/build/{path}", text)
        web.put("/usr/local/lib/upstream.py", (HERE / "upstream.py").read_bytes())
        start = "systemd-run -q --unit=upstream python3 /usr/local/lib/upstream.py /srv/notes/live/web.sock"
        target.succeed(f"systemctl stop upstream 2>/dev/null; {start}")
        web.converge("-y")
        yield web
    finally:
        if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
            target.remove()
