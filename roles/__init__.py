"""A role teaches a box one thing.

A role is one file: first a `Settings` model (what you may choose), then `wanted(server)`, a pure function from
the settings to the `Resource`s that the box should have. Nothing in a role touches a box; `roles.operations`
compares what is wanted with what is found and changes the difference.
"""

from __future__ import annotations

import difflib
import functools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args, get_origin

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pyinfra.api.exceptions import PyinfraError

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).resolve().parent.parent


class Fault(PyinfraError):
    """Something the user can mend. pyinfra prints a PyinfraError as one clean line, without a traceback."""


class Settings(BaseModel):
    """What a user may choose. Frozen, and an unknown name is a fault.

    A fault does not raise here: it is kept in `faults` until `roles.server.group` has seen the whole inventory, so
    that a user is told everything that is wrong at once. A model with faults lacks the settings that are wrong; texts
    are as they were typed, and settings inside it are whole.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    paths: ClassVar[tuple[str, ...]] = ()
    """Settings that are paths on the control machine."""
    _faults: tuple[str, ...] = PrivateAttr(default=())

    def __init__(self, *positional: Any, **given: Any) -> None:
        values = dict(_named(given))
        try:
            if positional:
                values[NAMELESS] = positional
            super().__init__(**values)
        except ValidationError as error:
            object.__setattr__(self, "__dict__", _right(type(self), values, error))
            object.__setattr__(self, "__pydantic_fields_set__", set())
            object.__setattr__(self, "__pydantic_extra__", None)
            inner = [fault for value in values.values() for fault in _inner_faults(value)]
            own = _sentences(type(self), error)
            object.__setattr__(self, "__pydantic_private__", {"_faults": (*inner, *own)})

    @field_validator("*", mode="wrap")
    @classmethod
    def _plausible(cls, value: object, handler: ValidatorFunctionWrapHandler, about: ValidationInfo) -> object:
        field = cls.model_fields[str(about.field_name)]
        kinds, several = _kinds(field.annotation), get_origin(field.annotation) is tuple
        if several and not isinstance(value, (list, tuple)):
            raise ValueError(f"must be several: write `{about.field_name}=(...,)`, with the comma")
        for item in value if several and isinstance(value, (list, tuple)) else [value]:
            if item != field.default and (objection := _objection(item, kinds)):
                raise ValueError(objection)
        if kinds:  # they checked themselves; pydantic would ask their own validators again, faults or not
            return tuple(value) if isinstance(value, list) else value
        return handler(value)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with these settings and with the ones inside them, one sentence each."""
        inner = [fault for value in self.__dict__.values() for fault in _inner_faults(value)]
        return tuple(dict.fromkeys((*self._faults, *inner)))

    def located(self, folder: Path) -> Self:
        """The same settings, with paths on the control machine from its root; relative ones begin at `folder`."""
        return self.model_copy(
            update={name: _located(value, folder, name in self.paths) for name, value in vars(self).items()}
        )

    def to_json(self) -> str:
        """What `pyinfra ... debug-inventory` prints: the kind of settings, never the values."""
        return f"<{type(self).__name__}>"


def _named(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings by names that can be printed: pydantic stops at the first that it can't encode."""
    for name, value in given.items():
        yield name if name.isprintable() else ascii(name), _stripped(value)


def _stripped(value: Any) -> Any:
    """A text without the newline that what was copied, or read from a file, often ends in."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_stripped, value))
    return value.strip() if isinstance(value, str) else value


def _located(value: Any, folder: Path, is_path: bool) -> Any:
    if isinstance(value, Settings):
        return value.located(folder)
    if isinstance(value, (list, tuple)):
        return type(value)(_located(item, folder, is_path) for item in value)
    return absolute(value, folder) if is_path and isinstance(value, str) else value


def absolute(path: str, folder: Path) -> str:
    """A path on the control machine as a user types it, `~` too, from the root; links are left as they are."""
    return os.path.abspath(folder / os.path.expanduser(path))


NAMELESS = "(without a name)"
LONGEST = 4096
"""Characters of a setting. The longest that is one, an RSA key of 16384 bits, has 2,800."""


def _kinds(annotation: Any) -> tuple[type[Settings], ...]:
    """The kinds of settings that a setting of this type holds; none for one that holds values."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return (annotation,)
    return tuple(kind for argument in get_args(annotation) for kind in _kinds(argument))


def _objection(value: object, kinds: tuple[type[Settings], ...]) -> str:
    """What is wrong with a value whatever it is for; "" for nothing."""
    if kinds and not isinstance(value, kinds):
        return f"must be {' or '.join(f'{kind.__name__}(...)' for kind in kinds)}"
    if not isinstance(value, str):
        return ""
    if not value:
        return "is empty; give it a value"
    if len(value) > LONGEST:
        return f"is {len(value)} characters long; at most {LONGEST} make sense"
    # it could end a line of a config file, or hide in one
    bad = next((place for place, char in enumerate(value) if not char.isprintable()), None)
    return "" if bad is None else f"holds the invisible character {value[bad]!a} at position {bad + 1}"


def _right(model: type[Settings], values: Mapping[str, Any], error: ValidationError) -> dict[str, Any]:
    """The settings that nothing is wrong with: texts, and settings inside; defaults for what was not given."""
    wrong = {str(item["loc"][0]) for item in error.errors(include_url=False, include_input=False) if item["loc"]}
    given = {name: value for name, value in values.items() if name in model.model_fields and _is_plain(value)}
    return {name: value for name, value in {**model.model_construct().__dict__, **given}.items() if name not in wrong}


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, Settings)) or (isinstance(value, (list, tuple)) and all(map(_is_plain, value)))


def _inner_faults(value: object) -> tuple[str, ...]:
    if isinstance(value, Settings):
        return value.faults
    if isinstance(value, (list, tuple)):
        return tuple(fault for item in value for fault in _inner_faults(item))
    return ()


def _sentences(model: type[Settings], error: ValidationError) -> list[str]:
    """Turn pydantic's report into sentences: the place, and what is wrong there. Each is one printable line."""
    sentences = []
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part)[:60] for part in (model.__name__, *item["loc"]))
        line = f"{place}: {_fault(model, item['type'], str(item['loc'][-1]) if item['loc'] else '', item['msg'])}"
        sentences.append("".join(char if char.isprintable() else ascii(char)[1:-1] for char in line))
    return sentences


def _fault(model: type[Settings], kind: str, name: str, message: str) -> str:
    if name == NAMELESS:
        return f"every setting has a name: write `{next(iter(model.model_fields))}=...`"
    if kind == "extra_forbidden":
        return f"unknown setting; {instead(name, model.model_fields)}"
    if kind == "missing":
        return f"is missing; add `{name}=...`"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def instead(wrong: str, known: Iterable[str]) -> str:
    """What to write in place of a word: the known one that it is nearest to, or one of all."""
    words = sorted(known)
    near = difflib.get_close_matches(wrong[:60], words, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(words) or 'none'}"


def _bytecode() -> FileSystemBytecodeCache | None:
    """Compiled templates from run to run, where this folder may be written to."""
    folder = ROOT / ".boxkeeper" / "templates"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return FileSystemBytecodeCache(str(folder))


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        bytecode_cache=_bytecode(),  # compiling the templates takes 40 ms, a tenth of a run that changes nothing
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
