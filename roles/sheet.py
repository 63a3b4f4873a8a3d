"""A sheet: secrets in clear as text, for an editor. It carries any value byte for byte.

note-taker/DEEPGRAM_API_KEY = a value of one line
note-taker/GOOGLE = <<<
a value of several, without the newline before the end
>>>
note-taker/ODD = "anything else as JSON writes it\\t"
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from roles import Fault

OPEN, CLOSE = "<<<", ">>>"


def written(values: Mapping[str, str], *comments: str) -> str:
    """The sheet of these values, below some comments."""
    head = [f"# {comment}" for comment in comments]
    return "\n".join([*head, *(f"{name} = {_worded(values[name])}" for name in sorted(values)), ""])


def _worded(value: str) -> str:
    if _is_plain(value):
        return value
    lines = value.split("\n")
    if len(lines) > 1 and all(_is_text(line) for line in lines) and CLOSE not in lines:
        return "\n".join([OPEN, *lines, CLOSE])
    return json.dumps(value)


def _is_plain(value: str) -> bool:
    return bool(value) and value == value.strip() and value != OPEN and value[0] != '"' and value.isprintable()


def _is_text(line: str) -> bool:
    """Nothing in it can be lost in an editor without being seen, but blanks at its end, which few take away."""
    return line.replace("\t", " ").isprintable()


def read(text: str) -> dict[str, str]:
    """The values of a sheet. Raises Fault with the number of the line that is none; never with what is in it."""
    values: dict[str, str] = {}
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, rest = (part.strip(" ") for part in line.partition("="))
        if not equals:
            raise Fault(f"line {number} is none of `APP/NAME = value`, a comment (#) or empty")
        if name in values:
            raise Fault(f"line {number}: {name} is there twice")
        values[name] = _block(lines, number) if rest == OPEN else _value(rest, number)
    return values


def _block(lines: Iterator[tuple[int, str]], opened: int) -> str:
    found: list[str] = []
    for number, line in lines:
        if line == CLOSE:
            return "\n".join(found)
        if not _is_text(line):
            raise Fault(f"line {number} holds an invisible character; write the whole value as a JSON string")
        found.append(line)
    raise Fault(f"line {opened}: the value has no end; write a line with {CLOSE}")


def _value(rest: str, number: int) -> str:
    if not rest:
        raise Fault(f"line {number}: the value is empty; to take the secret out, take out the line")
    if rest[0] == '"':
        try:
            value = json.loads(rest)
        except ValueError:
            raise Fault(f"line {number} begins with a quote and is no JSON string") from None
        return str(value)
    if not _is_plain(rest):
        raise Fault(f"line {number} holds an invisible character; write the value as a JSON string")
    return rest
