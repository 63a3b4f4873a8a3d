"""Settings: what is wrong is kept as sentences, from every depth, and no value that was given is repeated."""

from __future__ import annotations

import pytest
from pydantic import Field, field_validator

from roles import Fault, Settings, render
from roles.server import Server


class Inner(Settings):
    """Settings inside others."""

    size: int = Field(default=1, ge=1, description="How big")
    place: str = Field(default="here", description="Where")


class Outer(Settings):
    """Settings with others inside."""

    name: str = Field(description="What it is called")
    inner: Inner = Field(default_factory=Inner, description="One")
    several: tuple[Inner, ...] = Field(default=(), description="Several")
    either: Inner | None = Field(default=None, description="One or none")
    env: dict[str, str] = Field(default_factory=dict, description="Anything")
    texts: tuple[str, ...] = Field(default=(), description="Texts")

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if name == "bad":
            raise ValueError("'bad' is bad")
        return name


def test_right_settings_have_no_faults() -> None:
    right = Outer(name="a", inner=Inner(size=2), several=(Inner(),), env={"A": ""}, texts=("b",))
    assert right.faults == ()
    assert (right.inner.size, right.several[0].place) == (2, "here")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Outer(name="a").name = "b"  # type: ignore[misc]


def test_an_unknown_setting_is_answered_with_the_nearest_known_one() -> None:
    assert Inner(siez=1).faults == ("Inner.siez: unknown setting; did you mean `size`?",)  # type: ignore[call-arg]


def test_one_that_is_near_none_is_answered_with_all() -> None:
    assert Inner(xyzzy=1).faults == ("Inner.xyzzy: unknown setting; known: place, size",)  # type: ignore[call-arg]


def test_one_that_is_missing_is_answered_with_what_to_write() -> None:
    assert Outer().faults == ("Outer.name: is missing; add `name=...`",)  # type: ignore[call-arg]


def test_one_without_a_name_is_answered_with_the_first() -> None:
    assert Inner(3).faults == ("Inner.(without a name): every setting has a name: write `size=...`",)  # type: ignore[call-arg]


def test_all_faults_are_told_at_once() -> None:
    assert Inner(size=0, place="", siez=1).faults == (  # type: ignore[call-arg]
        "Inner.size: must be greater than or equal to 1",
        "Inner.place: is empty; give it a value",
        "Inner.siez: unknown setting; did you mean `size`?",
    )


def test_faults_of_settings_inside_are_told_with_the_outer_ones() -> None:
    wrong = Outer(name="bad", inner=Inner(size=0), several=(Inner(), Inner(size=-1)), either=Inner(place="\0"))
    assert wrong.faults == (
        "Inner.size: must be greater than or equal to 1",
        "Inner.place: holds the invisible character '\\x00' at position 1",
        "Outer.name: 'bad' is bad",
    )


def test_faults_of_settings_inside_are_told_when_the_outer_ones_are_right() -> None:
    assert Outer(name="a", several=(Inner(size=0),)).faults == ("Inner.size: must be greater than or equal to 1",)


def test_what_is_right_stays_when_something_is_wrong() -> None:
    wrong = Outer(name="bad", inner=Inner(size=5), several=[Inner(size=6)], texts=("b",))
    assert wrong.inner.size == 5
    assert wrong.several[0].size == 6
    assert wrong.either is None
    assert "name" not in vars(wrong)
    assert "texts" not in vars(Outer(name="a", texts=("b", 3)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"inner": {"size": 3}}, "Outer.inner: must be Inner(...)"),
        ({"inner": 3}, "Outer.inner: must be Inner(...)"),
        ({"inner": None}, "Outer.inner: must be Inner(...)"),
        ({"either": 3}, "Outer.either: must be Inner(...)"),
        ({"several": Inner()}, "Outer.several: must be several: write `several=(...,)`, with the comma"),
        ({"several": (3,)}, "Outer.several: must be Inner(...)"),
        ({"texts": "one"}, "Outer.texts: must be several: write `texts=(...,)`, with the comma"),
        ({"texts": (3,)}, "Outer.texts.0: must be a valid string"),
        ({"texts": ("a\nb",)}, "Outer.texts: holds the invisible character '\\n' at position 2"),
        ({"env": {"A": 1}}, "Outer.env.A: must be a valid string"),
    ],
)
def test_a_value_of_another_kind_is_answered_with_the_kind_that_is_meant(given: dict[str, object], said: str) -> None:
    assert Outer(name="a", **given).faults == (said,)


def test_none_is_a_value_where_it_may_be_left_out() -> None:
    assert Outer(name="a", either=None).faults == ()


@pytest.mark.parametrize(
    "char", ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\u2028", "\u202e", "\u200b", "\ud800", "\xa0"]
)
def test_what_could_hide_in_a_text_is_named(char: str) -> None:
    (fault,) = Inner(place=f"a{char}b").faults
    assert fault == f"Inner.place: holds the invisible character {char!a} at position 2"
    assert fault.isprintable()


def test_the_newline_that_a_copied_text_ends_in_is_dropped() -> None:
    assert Outer(name=" a\n", texts=("key\n",)).texts == ("key",)
    assert Outer(name=" a\n").name == "a"


def test_values_of_variables_may_hold_anything() -> None:
    assert Outer(name="a", env={"A": " \n\t"}).env == {"A": " \n\t"}


def test_a_variable_that_nobody_can_read_is_still_one_line() -> None:
    (fault,) = Outer(name="a", env={"A\nB\x1b": 1}).faults
    assert fault == "Outer.env.A\\nB\\x1b: must be a valid string"


@pytest.mark.parametrize("name", ["a\nb", "\ud800", "x" * 100_000, ""])
def test_a_name_that_nobody_can_read_is_still_one_line(name: str) -> None:
    (fault,) = Inner(**{name: 1}).faults
    assert fault.isprintable()
    assert len(fault) < 200


SECRET = "canary-7c1f"


@pytest.mark.parametrize(
    "given",
    [
        {"size": SECRET},
        {"size": SECRET, "place": f"{SECRET}\n!"},
        {"place": SECRET * 1000},
        {"place": {"a": SECRET}},
        {"place": [SECRET]},
        {"other": SECRET},
    ],
)
def test_no_value_is_repeated_by_a_fault(given: dict[str, object]) -> None:
    wrong = Inner(**given)
    assert wrong.faults
    assert SECRET not in "".join(wrong.faults)


def test_what_pyinfra_prints_of_settings_is_their_kind() -> None:
    assert Outer(name=SECRET).to_json() == "<Outer>"


def test_a_secret_that_is_not_in_the_store_is_a_fault_with_the_command_to_type() -> None:
    with pytest.raises(Fault, match=r"secret app/KEY is not in the store; `boxkeeper secrets list` shows what is"):
        Server(host="192.0.2.1").secret("app/KEY")


def test_a_template_without_a_value_is_an_error_and_not_an_empty_line() -> None:
    with pytest.raises(Exception, match="undefined"):
        render("init/inventory.py.j2")
