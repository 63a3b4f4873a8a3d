"""A role teaches a box one thing.

A role is one file: first a `Settings` model (what you may choose), then `wanted(server)`, a pure function from
the settings to the `Resource`s that the box should have. Nothing in a role touches a box; `roles.operations`
compares what is wanted with what is found and changes the difference.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, PrivateAttr, SecretStr, ValidationError
from pyinfra.api.exceptions import PyinfraError

ROOT = Path(__file__).resolve().parent.parent


class Fault(PyinfraError):
    """Something the user can mend. pyinfra prints a PyinfraError as one clean line, without a traceback."""


class Settings(BaseModel):
    """What a user may choose. Frozen, and an unknown name is a fault.

    A fault does not raise here: it is kept in `faults` until `roles.server.group` has seen the whole inventory, so
    that a user is told everything that is wrong at once. A model with faults holds no usable values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    _faults: tuple[str, ...] = PrivateAttr(default=())

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            blank = type(self).model_construct()
            object.__setattr__(self, "__dict__", blank.__dict__)
            object.__setattr__(self, "__pydantic_fields_set__", set())
            object.__setattr__(self, "__pydantic_extra__", None)
            inner = [fault for value in values.values() for fault in _inner_faults(value)]
            own = _sentences(type(self), error)
            object.__setattr__(self, "__pydantic_private__", {"_faults": (*inner, *own)})

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with these settings and with the ones inside them, one sentence each."""
        inner = [fault for value in self.__dict__.values() for fault in _inner_faults(value)]
        return (*self._faults, *inner)

    def to_json(self) -> str:
        """What `pyinfra ... debug-inventory` prints: the kind of settings, never the values."""
        return f"<{type(self).__name__}>"


def _inner_faults(value: object) -> tuple[str, ...]:
    if isinstance(value, Settings):
        return value.faults
    if isinstance(value, (list, tuple)):
        return tuple(fault for item in value for fault in _inner_faults(item))
    return ()


def _sentences(model: type[Settings], error: ValidationError) -> list[str]:
    """Turn pydantic's report into sentences with the place, the fault and the nearest known name."""
    import difflib

    sentences = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in (model.__name__, *item["loc"]))
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            name = str(item["loc"][-1])
            near = difflib.get_close_matches(name, model.model_fields, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(sorted(model.model_fields))}"
            message = f"unknown setting; {hint}"
        elif item["type"] == "missing":
            message = f"is missing; add `{item['loc'][-1]}=...`"
        sentences.append(f"{where}: {message}")
    return sentences


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["json"] = json.dumps
    environment.filters["reveal"] = lambda secret: secret.get_secret_value()
    return environment


_MASK = re.compile(r"\*{10}|SecretStr\(")


def render(template: str, **values: object) -> bytes:
    """Render `templates/<template>` with the given values, as UTF-8.

    Raises Fault when a secret would be written as its mask: reveal one by the filter `reveal`, and only in a file
    that is not world-readable.
    """
    text = _environment().get_template(template).render(**values)
    if _MASK.search(text) and any(isinstance(value, SecretStr) for value in values.values()):
        raise Fault(f"templates/{template}: a secret would be written as its mask; use the filter `reveal`")
    return text.encode()
