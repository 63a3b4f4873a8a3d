"""A class of an app: all that is wrong with it is said at once, in the words of who wrote it."""

from __future__ import annotations

import types
from typing import Any, cast

import pytest

from roles.apps import App, Folder, Frontend, Job, Limits, Process, Rate, Route

WEB = Process("web", "uvicorn main:app --fd 3")

CASES: dict[str, tuple[dict[str, Any], str]] = {
    "no title": ({"title": ""}, 'title: is missing; add `title = "Notes"`'),
    "a number in place of a text": ({"variables": {"A": 3}}, "variables.A: must be a valid string"),
    "a name in braces that nobody knows": ({"variables": {"A": "{domian}"}}, "A has `{domian}`; did you mean `{doma"),
    "a brace by itself": ({"variables": {"A": "{"}}, "variables: A has a brace by itself"),
    "a variable that can't be one": ({"variables": {"A B": "1"}}, "variables: 'A B' can't be the name of an environ"),
    "a need that nobody has": ({"needs": {"postgress"}}, "needs: 'postgress' is none; did you mean `postgres`?"),
    "health without its slash": ({"health": "health"}, "health: 'health' is no path; write it like `/health`"),
    "one secret in place of several": ({"secrets": "KEY"}, "secrets: must be several: write `secrets = (...,)`"),
    "a secret that is one twice": ({"secrets": ("A",), "optional": ("A",)}, "secrets: A is there 2 times"),
    "a secret that is also none": ({"secrets": ("A",), "variables": {"A": "b"}}, "variables: A is a secret, too"),
    "an overlap of nothing": ({"overlapping": {"A": 3}}, "overlapping: A is none of its secrets"),
    "one process in place of several": ({"processes": WEB}, "processes: must be several: write `processes = (...,)`"),
    "a process of another type": ({"processes": ("web",)}, "processes.0: must be a dictionary or an instance of Proc"),
    "a part of it of another type": ({"processes": (Process("web", 3),)}, "processes.command: must be a valid string"),  # type: ignore[arg-type]
    "a part of a part of another type": (
        {"routes": (Route("/", rate=Rate("x")),), "processes": (WEB,)},  # type: ignore[arg-type]
        "routes.requests: must be a valid integer",
    ),
    "two processes of one name": ({"processes": (WEB, WEB)}, "processes: 2 processes or jobs are called web"),
    "a process whose unit could not be called so": ({"processes": (Process("Web", "a"),)}, "'Web' can't be a name"),
    "a command of two lines": ({"processes": (Process("web", "a\nb"),)}, "web is empty, or more than one line"),
    "a variable that can't be carried": ({"variables": {"A": "\0"}}, "variables: A holds a NUL byte"),
    "a process and a job of one name": (
        {"processes": (WEB,), "jobs": (Job("web", "a", "daily"),)},
        "processes: 2 processes or jobs are called web",
    ),
    "a process without a command": ({"processes": (Process("web", " "),)}, "the command of web is empty"),
    "a process that serves and is alone": (
        {"processes": (Process("web", "a", alone=True),)},
        "processes: web is `web` and `alone`",
    ),
    "a directory elsewhere": ({"release_directory": "../a"}, "release_directory: '../a' leads out of its source"),
    "a path that is none": ({"routes": (Route("api"),), "processes": (WEB,)}, "routes: 'api' is no path"),
    "a route to nowhere": (
        {"routes": (Route("/", to="wep"),), "processes": (WEB,)},
        "routes: /: leads to 'wep', which is no process that is `web`; did you mean `web`?",
    ),
    "a route to what does not serve": (
        {"routes": (Route("/", to="worker"),), "processes": (Process("worker", "a", web=False),)},
        "routes: /: leads to 'worker', which is no process that is `web`; known: none",
    ),
    "a route to files it has not": ({"routes": (Route("/", to="static"),)}, "add `frontend = Frontend(...)`"),
    "two routes of one path": ({"routes": (Route("/"), Route("/")), "processes": (WEB,)}, "routes: / is there 2 times"),
    "a subdomain to nowhere": ({"subdomains": {"api": "web"}}, "subdomains: api, /: leads to 'web', which is no pro"),
    "a word that is nearly one": ({"healthh": "/"}, "healthh: nothing that an app has; did you mean `health`?"),
    "a word that is none": ({"xyzzy": "/"}, "xyzzy: nothing that an app has; known: build_memory, "),
    "a setting like a word of a class": (
        {"rutime": "x", "__annotations__": {"rutime": str}},
        "rutime: a setting so like one of an app's own; did you mean `runtime`?",
    ),
}


def kind(**said: Any) -> type[App]:
    return derived("Notes", App, **{"title": "Notes", **said})


def derived(name: str, base: type[App], **said: Any) -> type[App]:
    return cast("type[App]", types.new_class(name, (base,), exec_body=lambda names: names.update(said)))


def faults(made: type[App]) -> tuple[str, ...]:
    return made(name="notes", domain="notes.example.com", source=Folder(path=".")).faults


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said(case: str) -> None:
    said, sentence = CASES[case]
    [fault] = faults(kind(**said))
    assert fault.startswith("Notes.")
    assert sentence in fault


def test_all_of_it_is_said_at_once_and_what_is_wrong_in_the_settings_too() -> None:
    wrong = kind(health="x", secrets="KEY", variables={"A": 3})
    said = wrong(name="notes", domain="no domain", source=Folder(path=".")).faults
    assert [fault.split(":")[0] for fault in said] == [
        "Notes.secrets",
        "Notes.variables.A",
        "Notes.health",
        "Notes.domain",
    ]


def test_a_class_of_a_class_that_is_wrong_has_its_faults() -> None:
    assert faults(derived("More", kind(secrets="KEY"))) == (
        "Notes.secrets: must be several: write `secrets = (...,)`, with the comma",
    )
    assert faults(derived("More", kind(health="x"))) == ("More.health: 'x' is no path; write it like `/health`",)


def test_a_class_that_others_are_made_from_may_be_incomplete() -> None:
    base = kind(routes=(Route("/"),))
    assert len(faults(base)) == 1
    assert faults(derived("Whole", base, processes=(WEB,))) == ()


def test_what_a_class_may_leave_to_python_is_right() -> None:
    right = kind(
        needs={"postgres"},
        secrets=["KEY"],
        processes=[WEB],
        frontend=Frontend(),
        routes=[Route("/", to="static"), Route("/api/"), Route("/files/", to="shared/files")],
        subdomains={"api": Route("/", to="web")},
        variables={"JSON": '{{"a": 1}}', "URL": "https://{domain}"},
        _own="x",
        helper=lambda self: "y",
    )
    assert faults(right) == ()
    assert right.needs == frozenset({"postgres"})
    assert right.secrets == ("KEY",)


@pytest.mark.parametrize(
    "route",
    [
        Route("/a; return 200"),
        Route("/a {"),
        Route("/a}\nserver {"),
        Route("/$host"),
        Route("~ .*"),
        Route("api/"),
        Route("/a b"),
        Route("/a//b"),
        Route("/a/../b"),
        Route('/"'),
        Route("/a\\"),
        Route("/a#"),
        Route("/a", body="10 MB"),
        Route("/a", body="0"),
        Route("/a", body="1m; autoindex on"),
        Route("/a", to="worker"),
        Route("/a", to="web; }"),
        Route("/a", rate=Rate(0)),
        Route("/a", rate=Rate(1, burst=0)),
    ],
)
def test_a_route_that_nginx_would_read_as_more_than_a_path_is_refused(route: Route) -> None:
    (fault,) = faults(kind(processes=(WEB,), routes=(route,)))
    assert fault.startswith("Notes.routes: ")


@pytest.mark.parametrize("output", ["/etc", "../secrets", "a/../../b", "build; autoindex on", "a b", "", "$host"])
def test_a_frontend_outside_the_source_is_refused(output: str) -> None:
    (fault,) = faults(kind(frontend=Frontend(output=output)))
    assert fault.startswith("Notes.frontend: ")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(memory="much"), "critical: memory: 'much' is no size; write it like \"300M\""),
        (Limits(errors=-0.1), "critical: errors: -0.1 is below zero, which nothing is"),
    ],
)
def test_a_limit_that_is_none_is_a_fault_of_its_class(limits: Limits, said: str) -> None:
    class Odd(App):
        title = "Odd"
        critical = limits

    assert Odd._class_faults == (f"Odd.{said}",)
