"""The conventions of the house, so that they need no reviewer."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import roles
from roles import ROOT, Settings

CORE = {
    "archive",
    "budget",
    "cdn",
    "checks",
    "client",
    "clashes",
    "confirmed",
    "connector",
    "databases",
    "extensions",
    "instances",
    "keys",
    "major",
    "models",
    "needs",
    "offsite",
    "operations",
    "order",
    "plans",
    "program",
    "readers",
    "rebuilding",
    "resources",
    "rotation",
    "scram",
    "sealed",
    "secrets",
    "server",
    "sheet",
    "trials",
    "tuning",
}
"""Files of roles/ that are no role: what all roles stand on."""

FILE, FUNCTION = 320, 40
"""Lines that a file and a function may have. Past that it is two nouns."""

WORDS = re.compile(r"manager|helper|util|component|module|stack|task|playbook", re.IGNORECASE)
"""Names that say nothing; and the ones of other tools for what has another name here."""

HOSTS = re.compile(
    r"([a-z]+|127\.0\.0\.1|.*localhost|.*\.?example(\.com|\.test)?|acme-(staging-)?v02\.api\.letsencrypt\.org|letsencrypt\.org|169\.254\.169\.254|github\.com"
    r"|wiki\.mozilla\.org|www\.(iana|postgresql|w3)\.org|pyinfra\.com|age-encryption\.org|.*\.readthedocs\.io|docs\..*)"
)
"""Hosts that an address in the project may have: examples, documents, and the CA. Packages come from where pip, npm and
apt of the machine are told to get them."""


def tracked() -> list[Path]:
    """The files of the project, less what git ignores; in a copy that is no clone, less what begins with a dot."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        names = [Path(name) for name in said.split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    made = ("node_modules", "__pycache__", "build", "dist")
    kept = [name for name in names if not any(part.startswith(".") or part in made for part in name.parts)]
    return [ROOT / name for name in kept if (ROOT / name).is_file()]


TRACKED = tracked()
CODE = [path for path in TRACKED if path.suffix == ".py"]
TREES = {path: ast.parse(path.read_text()) for path in CODE}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_are_right() -> None:
    run("mypy")


def test_ruff_has_no_complaint() -> None:
    run("ruff", "check", ".", "inventories/docker.py")


def test_ruff_has_formatted_it() -> None:
    run("ruff", "format", "--check", ".", "inventories/docker.py")


def settings() -> Iterator[type[Settings]]:
    """Every kind of settings there is."""
    for found in pkgutil.walk_packages(roles.__path__, "roles."):
        importlib.import_module(found.name)
    waiting = list(Settings.__subclasses__())
    for kind in waiting:
        if kind.__module__.startswith("roles."):
            yield kind
        waiting += kind.__subclasses__()


KINDS = {kind.__name__: kind for kind in settings()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_says_in_a_sentence_what_it_is(kind: str) -> None:
    parents = [parent for parent in KINDS[kind].__mro__ if issubclass(parent, Settings)]
    for name in KINDS[kind].model_fields:
        said = next((said for parent in parents if (said := description(parent, name))), "")
        assert re.fullmatch(r"[A-Za-z0-9`].{5,120}[^.]", said), f"{kind}.{name}: {said!r}"


def description(kind: type[Settings], name: str) -> str:
    field = kind.model_fields.get(name)
    return (field.description or "") if field else ""


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_settings_says_what_it_is(kind: str) -> None:
    assert KINDS[kind].__doc__


def role_files() -> list[Path]:
    return [path for path in sorted((ROOT / "roles").glob("[a-z]*.py")) if path.stem not in CORE]


@pytest.mark.parametrize("role", [path.stem for path in role_files()])
def test_a_role_is_settings_and_what_is_wanted(role: str) -> None:
    module = importlib.import_module(f"roles.{role}")
    assert issubclass(getattr(module, role.capitalize()), Settings)
    assert callable(module.wanted)


@pytest.mark.parametrize("role", [path.stem for path in role_files()])
def test_a_role_is_in_the_server_and_in_the_deploy(role: str) -> None:
    from roles.server import Server

    assert role in Server.model_fields
    assert re.search(
        rf"\b{role}\b", "".join((ROOT / path).read_text() for path in ("deploys/full.py", "roles/order.py"))
    )


def test_every_folder_of_templates_belongs_to_a_role() -> None:
    folders = {path.name for path in (ROOT / "templates").iterdir()}
    assert folders <= {"apps", "init", *(path.stem for path in role_files())}


def test_every_template_is_used() -> None:
    code = "".join(path.read_text() for path in TRACKED if path.suffix in (".py", ".j2"))
    for path in (ROOT / "templates").rglob("*.j2"):
        assert path.name in code or path.stem in code, shown(path)


def test_tests_are_no_packages() -> None:
    assert [shown(path) for path in TRACKED if path.name == "__init__.py" and shown(path).startswith("tests/")] == []


@pytest.mark.parametrize("path", sorted((ROOT / "onbox").glob("*.py")), ids=lambda path: str(path.stem))
def test_what_runs_on_a_box_needs_the_standard_library_of_python_3_10(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 10))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    strangers = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"onbox"}
    assert not strangers


def test_files_and_functions_are_small_enough_to_see_whole() -> None:
    files = {shown(path): len(path.read_text().splitlines()) for path in CODE}
    functions = {
        f"{shown(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: lines for name, lines in files.items() if lines > FILE} == {}
    assert {name: lines for name, lines in functions.items() if lines > FUNCTION} == {}


def test_names_are_of_the_vocabulary() -> None:
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    bad = [
        f"{shown(path)}: {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, defined)
        and WORDS.search(node.name)
        and node.name not in ("create_module", "exec_module")  # importlib's own names
    ]
    bad += [shown(path) for path in TRACKED if WORDS.search(shown(path)) and "examples/" not in shown(path)]
    assert bad == []


def lines() -> Iterator[tuple[str, str]]:
    """Every line of text in the project, with its place."""
    for path in TRACKED:
        if path == Path(__file__) or path.suffix in (".png", ".ico", ".woff2"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if path.name != "package-lock.json" or '"resolved"' in line:  # the rest names the authors' own pages
                yield f"{shown(path)}:{number}", line


def test_no_path_of_the_machine_it_was_written_on_is_in_the_project() -> None:
    # /root is a place on a box too: the home of who logs in first
    machine = re.compile(r"(?<![\w./-])/(work|home/\w+|root/(?!\.ssh\b))(?![\w-])")
    assert [place for place, line in lines() if machine.search(line)] == []


def test_addresses_are_examples_or_documents() -> None:
    found = [(place, host) for place, line in lines() for host in re.findall(r"https?://([A-Za-z0-9][\w.-]*)", line)]
    assert [(place, host) for place, host in found if not HOSTS.fullmatch(host)] == []


def test_no_private_key_is_in_the_project() -> None:
    sealed = ("-----BEGIN OPENSSH PRIVATE", "-----BEGIN RSA PRIVATE", "AGE-SECRET-" + "KEY-1")
    found = [place for place, line in lines() if any(mark in line and len(line) < 90 for mark in sealed)]
    assert [place for place in found if not place.startswith("tests/")] == []
