"""Apps that are in no document, each described in one file of a folder outside of the project, and really deployed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from roles import ROOT
from target import own
from target.box import Target
from target.run import Run
from tests.apps.site import Site

NAME = own("anybox")
EXAMPLES = ROOT / "examples" / "any"
KINDS = ("fastapi", "django", "express", "static")
COMMANDS = (
    "~/boxkeeper/boxkeeper secrets set prod.py shop/STRIPE_KEY",
    "~/boxkeeper/.venv/bin/pyinfra prod.py ~/boxkeeper/deploys/full.py",
)
"""What the README says to type in such a folder."""


class Owner:
    """Somebody with a folder of their own, a checkout of ours in their home, and a new box."""

    def __init__(self, home: Path, box: Target) -> None:
        self.home, self.box = home, box
        (home / "boxkeeper").symlink_to(ROOT)

    def folder(self, kind: str) -> Path:
        """A copy of an example, with what differs from owner to owner put in: the box, a key, and whose certificate."""
        folder = self.home / kind
        shutil.copytree(EXAMPLES / kind, folder)
        text, keys = (folder / "prod.py").read_text(), self.box.folder
        login = f'Login(port={self.box.port(22)}, key="{keys}/id_ed25519", known_hosts="{keys}/known_hosts")'
        for old, new in {
            '"203.0.113.10"': f'"127.0.0.1", name="box", login={login}',
            "~/.ssh/id_ed25519.pub": f"{keys}/id_ed25519.pub",
            "Tls()": 'Tls(certificates="self-signed")',
            "import Server, group": "import Login, Server, group",
        }.items():
            assert text.count(old) == 1, f"{old} is not once in {kind}/prod.py"
            text = text.replace(old, new)
        (folder / "prod.py").write_text(text)
        return folder

    def types(self, folder: Path, command: str, stdin: str = "", code: int = 0) -> str:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"], "PYINFRA_YES": "1"},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == code, f"$ {command}\n{done.stdout}"
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def deploys(self, kind: str, *secrets: str) -> Path:
        """A deployed app, in whose folder a second run has been seen to change nothing."""
        folder = self.folder(kind)
        for command in secrets:
            refused = self.types(folder, COMMANDS[1], code=2)
            assert command.removeprefix("~/boxkeeper/") in refused
            self.types(folder, command, stdin="a key of mine, 40 characters long, or so")
        self.types(folder, COMMANDS[1])
        plan = self.types(folder, f"{COMMANDS[1]} --dry --json 2>/dev/null")
        assert Run(0, plan).changes == []
        return folder

    def site(self, domain: str) -> Site:
        return Site(domain, self.box.port(443))


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    box = Target.start(NAME)
    yield Owner(tmp_path_factory.mktemp("home"), box)
    if not os.environ.get("BOXKEEPER_KEEP_TARGET"):
        box.remove()


@pytest.mark.target
def test_a_fastapi_app_of_ones_own(owner: Owner) -> None:
    folder = owner.deploys("fastapi", COMMANDS[0])
    site = owner.site("shop.example.com")
    before = site.ask("/").json()["orders"]
    assert site.ask("/orders", "POST", json={"item": "a box"}).status_code == 201
    assert site.ask("/").json() == {"orders": before + 1}
    owner.box.succeed("systemctl start shop-cleanup")
    (folder / "shop" / "main.py").write_text((folder / "shop" / "main.py").read_text().replace('"orders":', '"sold":'))
    owner.types(folder, COMMANDS[1])
    assert site.ask("/").json() == {"sold": before + 1}


@pytest.mark.target
def test_a_django_app_of_ones_own(owner: Owner) -> None:
    owner.deploys("django")
    page = owner.site("blog.example.com").ask("/")
    assert "Hello from the database" in page.text
    style = re.search(r'href="(/static/posts/style\.[0-9a-f]{12}\.css)"', page.text)
    assert style is not None, page.text
    answer = owner.site("blog.example.com").ask(style[1])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css")
    assert "max-width: 40rem" in answer.text


@pytest.mark.target
def test_an_express_app_of_ones_own_with_its_worker(owner: Owner) -> None:
    owner.deploys("express")
    site = owner.site("api.example.com")
    before = site.ask("/").json()["done"]
    assert site.ask("/jobs", "POST", json={"to": "do"}).status_code == 202
    assert any(site.ask("/").json()["done"] == before + 1 for _ in range(50))


@pytest.mark.target
def test_it_runs_by_the_distributions_node_within_its_part_of_the_cpus(owner: Owner) -> None:
    folder = owner.home / "express"
    described = (folder / "prod.py").read_text()
    asked = described.replace('domain="api.example.com"', 'domain="api.example.com", node="distribution", cpus=0.5')
    (folder / "prod.py").write_text(asked)
    owner.types(folder, COMMANDS[1])
    assert owner.site("api.example.com").ask("/health").status_code == 200
    pids = "cat /sys/fs/cgroup/boxkeeper.slice/boxkeeper-api.slice/*/cgroup.procs"
    programs = f"for pid in $({pids}); do readlink /proc/$pid/exe; done"
    owner.box.succeed(f"({programs}) | grep -xE '/usr/bin/node(js)?'")
    owner.box.wait_until(f"! ({programs}) | grep /opt/boxkeeper/", 60)  # the version before ends by itself
    assert owner.box.succeed("systemctl show -P CPUQuotaPerSecUSec boxkeeper-api.slice").strip() == "500ms"


@pytest.mark.target
def test_a_static_site_of_ones_own(owner: Owner) -> None:
    folder = owner.deploys("static")
    site = owner.site("www.example.com")
    assert "A page as it is" in site.ask("/").text
    (folder / "site" / "public" / "index.html").write_text("another page")
    owner.types(folder, COMMANDS[1])
    assert site.ask("/").text == "another page"
    with pytest.raises(httpx.HTTPError):
        owner.site("shop.example.com").ask("/")  # not in this inventory any more


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_one_file_and_its_sources(kind: str) -> None:
    text = (EXAMPLES / kind / "prod.py").read_text()
    folder = re.search(r'Folder\(path="(\w+)"\)', text)
    assert folder is not None
    assert (EXAMPLES / kind / folder[1]).is_dir()
    assert len(text.splitlines()) <= 45


def test_the_readme_shows_what_is_tested() -> None:
    texts = [(EXAMPLES / kind / "prod.py").read_text() for kind in KINDS]
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert [block for block in blocks if not any(block.strip() in text for text in texts)] == []
    if blocks:
        assert all(any(block.strip() in text for block in blocks) for text in texts)
    typed = re.findall(r"^ +(~/boxkeeper/.*)$", readme, re.MULTILINE)
    assert set(typed) <= set(COMMANDS)
