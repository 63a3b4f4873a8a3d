"""The class of an app, checked: what its author wrote, all that is wrong with it at once, and what to write instead."""

from __future__ import annotations

import difflib
import functools
import re
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from roles import instead
from roles.apps.parts import Process, Route
from roles.apps.texts import uncarriable, usable_part, usable_variable

FILLED = ("domain", "name", "root")
"""What `variables` may have in braces."""


def mend(cls: Any, declared: Mapping[str, TypeAdapter[Any]], plain: Any) -> tuple[str, ...]:
    """The faults of what this class itself says; what is of another type becomes what it is in the plain one.

    `declared` are the attributes that an app has, by name, with their types.
    """
    faults = [*_strangers(cls, declared)]
    for name in [name for name in declared if name in vars(cls)]:
        value = vars(cls)[name]
        try:
            setattr(cls, name, declared[name].validate_python(value))
            for part, fields in _parts(value):
                _type(part).validate_python(fields)
        except ValidationError as error:
            faults += _sentences(name, value, error)
            setattr(cls, name, getattr(plain, name, cls.__name__))
    return tuple(f"{cls.__name__}.{fault}" for fault in faults)


def check(cls: Any) -> tuple[str, ...]:
    """The faults of all that a class is together. A class that others are made from may be incomplete."""
    faults = [*_title(cls), *_variables(cls), *_processes(cls), *_site(cls), *_limits(cls)]
    return tuple(f"{cls.__name__}.{fault}" for fault in faults)


def _parts(value: object) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """The type and the fields of what is in a value of `roles/apps/parts.py`, which checks nothing itself."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    if is_dataclass(value):
        yield type(value), vars(value)
        inner = vars(value).values()
    for each in inner:
        yield from _parts(each)


@functools.cache
def _type(part: type) -> TypeAdapter[Any]:
    """Made once for each: one takes as long as all the rest of a class's check."""
    return TypeAdapter(part)


def _title(cls: Any) -> Iterator[str]:
    if not getattr(cls, "title", ""):
        cls.title = cls.__name__
        yield f'title: is missing; add `title = "{cls.__name__}"`, what people call it'


def _strangers(cls: Any, declared: Mapping[str, Any]) -> Iterator[str]:
    """Attributes that are nearly one that an app has, and plain values that are none."""
    for name, value in vars(cls).items():
        if name.startswith("_") or name in declared or hasattr(cls.__base__, name) or not _is_value(value):
            continue
        yield f"{name}: nothing that an app has; {instead(name, declared)}"
    for name in vars(cls).get("__annotations__", {}):
        is_new = name in cls.model_fields and name not in cls.__base__.model_fields
        if is_new and difflib.get_close_matches(name, declared, cutoff=0.8):
            yield f"{name}: a setting so like one of an app's own; {instead(name, declared)}"


def _is_value(value: object) -> bool:
    return isinstance(value, (str, int, float, tuple, list, dict, set, frozenset, Process, Route))


def _sentences(name: str, value: object, error: ValidationError) -> Iterator[str]:
    """What is wrong with the type of an attribute, from pydantic's report."""
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join((name, *(str(part)[:60] for part in item["loc"] if not str(part).startswith("dataclass"))))
        if item["type"] in ("tuple_type", "frozen_set_type"):
            yield f"{name}: must be several: write `{name} = (...,)`, with the comma"
        elif item["type"] == "literal_error":
            known = re.findall(r"'([^']*)'", item["msg"])
            strange = next((one for one in (value if isinstance(value, Iterable) else [value]) if one not in known), "")
            yield f"{name}: {str(strange)[:60]!r} is none; {instead(str(strange), known)}"
        else:
            yield f"{place}: {item['msg'].replace('Input should be', 'must be')}"


def _variables(cls: Any) -> Iterator[str]:
    secrets = [(kind, name) for kind in ("secrets", "optional", "generated") for name in getattr(cls, kind)]
    for kind, name in (*secrets, *(("variables", name) for name in cls.variables)):
        if not usable_variable(name):
            yield f"{kind}: {name[:60]!r} can't be the name of an environment variable; write it like `LOG_LEVEL`"
    for name, times in Counter(name for _, name in secrets).items():
        if times > 1:
            yield f"secrets: {name} is there {times} times, among secrets, optional and generated ones"
        if name in cls.variables:
            yield f"variables: {name} is a secret, too; it can be one of both"
    for name in cls.overlapping:
        if name not in (*cls.secrets, *cls.generated):
            yield f"overlapping: {name} is none of its secrets; add it to `generated`"
    for name, value in cls.variables.items():
        if objection := uncarriable(value) or _braces(value):
            yield f"variables: {name} {objection}"


def _braces(value: str) -> str:
    """What is wrong with the names in braces; "" for nothing."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(value) if name is not None]
    except ValueError:
        return "has a brace by itself; a brace that is meant is written twice: `{{`"
    for name in names:
        if name not in FILLED:
            hint = instead(f"{{{name}}}", [f"{{{one}}}" for one in FILLED])
            return f"has `{{{name[:60]}}}`; {hint}"
    return ""


def _processes(cls: Any) -> Iterator[str]:
    parts = [("processes", each) for each in cls.processes] + [("jobs", each) for each in cls.jobs]
    for kind, part in parts:
        if not usable_part(part.name):
            yield f"{kind}: {part.name[:60]!r} can't be a name; use a-z, 0-9 and -, e.g. `worker`"
        if not part.command.strip() or not part.command.isprintable():
            yield f"{kind}: the command of {part.name} is empty, or more than one line"
        yield from (f"{kind}: {fault}, of {part.name}" for fault in _directory(part.directory))
    for name, times in Counter(part.name for _, part in parts).items():
        if times > 1:
            yield f"processes: {times} processes or jobs are called {name}; each has its own name"
    for each in cls.processes:
        if each.web and each.alone:
            yield (
                f"processes: {each.name} is `web` and `alone`: what is stopped before the new one starts serves nobody "
                "meanwhile; give it `web=False`, or leave out `alone`"
            )
    yield from (f"release_directory: {fault}" for fault in _directory(cls.release_directory))


def _directory(path: str) -> Iterator[str]:
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        yield f"{path[:60]!r} leads out of its source, where a directory begins"


def _site(cls: Any) -> Iterator[str]:
    """Where requests come from, and where they go; nginx would read some of it as more than that."""
    if not cls.health.startswith("/"):
        yield f"health: {cls.health[:60]!r} is no path; write it like `/health`"
    if cls.frontend is not None and not _is_folder(cls.frontend.output):
        yield f"frontend: {cls.frontend.output[:60]!r} is no folder below the source; write it like `build`"
    for path, times in Counter(route.path for route in cls.routes).items():
        if times > 1:
            yield f"routes: {path} is there {times} times"
    yield from (f"routes: {fault}" for route in cls.routes if (fault := _route(cls, route)))
    for name, to in cls.subdomains.items():
        if fault := _route(cls, to if isinstance(to, Route) else Route("/", to=to)):
            yield f"subdomains: {name}, {fault}"


def _limits(cls: Any) -> Iterator[str]:
    for level in ("critical", "warning"):
        for name, limit in vars(getattr(cls, level)).items():
            if isinstance(limit, str) and not re.fullmatch(r"[1-9][0-9]{0,5}[MG]", limit):
                yield f'{level}: {name}: {limit[:60]!r} is no size; write it like "300M"'
            elif isinstance(limit, (int, float)) and limit < 0:
                yield f"{level}: {name}: {limit} is below zero, which nothing is"


def _route(cls: Any, route: Route) -> str:
    """What is wrong with a route; "" for nothing."""
    if not re.fullmatch(r"/[A-Za-z0-9._~/@:+-]*", route.path) or "//" in route.path or "/../" in f"{route.path}/":
        return f"{route.path[:60]!r} is no path; write it like `/api/`, with letters, digits and ._~/@:+- alone"
    if not re.fullmatch(r"[1-9][0-9]{0,5}[kmg]", route.body):
        return f"{route.path}: {route.body[:60]!r} is no size; write it like `10m`"
    if route.rate is not None and (route.rate.requests < 1 or route.rate.burst < 1):
        return f"{route.path}: a rate needs at least one request and a burst of one"
    if route.to.startswith("shared/"):
        return "" if _is_folder(route.to) else f"{route.path}: {route.to[:60]!r} is no folder; write it like `shared/a`"
    if route.to == "static":
        return "" if cls.frontend else f"{route.path}: leads to static files; add `frontend = Frontend(...)`"
    return _end(cls, route)


def _end(cls: Any, route: Route) -> str:
    known = [each.name for each in cls.processes if each.web]
    if route.to in known:
        return ""
    return f"{route.path}: leads to {route.to[:60]!r}, which is no process that is `web`; {instead(route.to, known)}"


def _is_folder(path: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z0-9._-][A-Za-z0-9._/-]*", path)) and ".." not in path.split("/")
