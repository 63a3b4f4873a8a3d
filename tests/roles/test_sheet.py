"""A sheet carries any value through an editor byte for byte, and says which line is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles import Fault
from roles.sheet import read, written

VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
TRICKY = st.lists(st.sampled_from(["\n", "<<<", ">>>", '"', "#", "=", " ", "\t", "\r", "\\", "a", "\x85", "\ud7ff"]))


@given(st.dictionaries(st.sampled_from(["a/A", "a/B", "b/C_d-2"]), VALUES | TRICKY.map("".join).filter(bool)))
def test_any_value_comes_back_byte_for_byte(values: dict[str, str]) -> None:
    assert read(written(values, "a comment", "another")) == values


def test_a_key_of_several_lines_is_shown_as_it_is() -> None:
    key = json.dumps({"type": "service_account", "key": "-----BEGIN\\n"}, indent=2) + "\n"
    assert written({"note-taker/GOOGLE": key}) == f"note-taker/GOOGLE = <<<\n{key}\n>>>\n"


def test_what_an_editor_would_lose_or_hide_is_shown_as_json() -> None:
    assert written({"a/A": "x ", "a/B": "\xa0", "a/C": "a\r\nb", "a/D": '"'}).splitlines() == [
        'a/A = "x "',
        'a/B = "\\u00a0"',
        'a/C = "a\\r\\nb"',
        'a/D = "\\""',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# fine\ncanary\n", "line 2 is none of"),
        ("a/A = canary\n\na/A = canary\n", "line 3: a/A is there twice"),
        ("a/A =\n", "line 1: the value is empty; to take the secret out, take out the line"),
        ('a/A = "canary\n', "line 1 begins with a quote and is no JSON string"),
        ('a/A = "canary" x\n', "line 1 begins with a quote and is no JSON string"),
        ("a/A = canary\r\n", "line 1 holds an invisible character"),
        ("a/A = <<<\nx\ncanary\x07\n>>>\n", "line 3 holds an invisible character"),
        ("\na/A = <<<\ncanary\n", "line 2: the value has no end; write a line with >>>"),
    ],
)
def test_what_is_no_sheet_is_said_by_its_line_and_not_shown(text: str, said: str) -> None:
    with pytest.raises(Fault) as fault:
        read(text)
    assert said in str(fault.value)
    assert "canary" not in str(fault.value)
