"""A secret goes from one value to the next in steps that can be taken again, and is never without one that works."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from roles import Fault
from roles.keys import public_of
from roles.rotation import Kept, begin, close, finish, generated, supplied, switch

OLD = Kept("old", "2026-01-01", "password")


def test_begun_the_box_takes_both_and_the_app_uses_the_old() -> None:
    begun = begin(OLD, "new")
    assert (begun.value, begun.accepted, begun.previous, begun.phase) == ("old", ("old", "new"), None, "begun")


def test_switched_the_box_takes_both_and_the_app_uses_the_new() -> None:
    switched = switch(begin(OLD, "new"))
    assert (switched.value, switched.accepted, switched.previous) == ("new", ("old", "new"), "old")
    assert switched.turn == OLD.turn + 1
    assert switched.made > OLD.made


def test_each_value_keeps_its_turn_from_begin_to_finish() -> None:
    begun = begin(OLD, "new")
    assert begun.logins == switch(begun).logins == ((0, "old"), (1, "new"))
    assert (close(switch(begun)).logins, close(switch(begun)).refused) == (((1, "new"),), (0, "old"))
    assert finish(close(switch(begun))).logins == ((1, "new"),)


def test_closed_the_box_takes_the_new_one_alone_and_the_old_one_is_kept_to_be_tried() -> None:
    closed = close(switch(begin(OLD, "new")))
    assert (closed.value, closed.accepted, closed.previous, closed.phase) == ("new", ("new",), None, "closed")


def test_it_knows_how_long_it_has_been_so(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = begin(OLD, "new")
    monkeypatch.setattr("roles.rotation.now", lambda: "2026-01-01T00:00:00+00:00")
    switched = switch(begun)
    monkeypatch.setattr("roles.rotation.now", lambda: "2026-01-03T12:00:00+00:00")
    assert switched.hours == 60


def test_finished_there_is_one_value_as_if_it_had_always_been_so() -> None:
    finished = finish(close(switch(begin(OLD, "new"))))
    assert (finished.value, finished.accepted, finished.phase) == ("new", ("new",), "")
    assert "other" not in finished.stored()


def test_each_step_can_be_taken_again() -> None:
    begun = begin(OLD, "new")
    assert begin(begun) == begin(begun, "new") == begun
    switched = switch(begun)
    assert switch(switched) == begin(switched) == switched
    closed = close(switched)
    assert close(closed) == switch(closed) == begin(closed) == closed
    finished = finish(closed)
    assert finish(finished) == finished


def test_a_password_gets_a_next_value_that_nobody_has_seen_and_a_supplied_one_is_asked_for() -> None:
    assert begin(OLD).accepted[1] not in ("old", begin(OLD).accepted[1])
    with pytest.raises(Fault, match="the next value has to be given"):
        begin(supplied("old"))
    assert begin(supplied("old"), "new").accepted == ("old", "new")
    assert public_of(begin(generated("key")).accepted[1]).startswith("ssh-ed25519 ")


def test_a_step_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(Fault, match="has that value already"):
        begin(OLD, "old")
    with pytest.raises(Fault, match="to another value already"):
        begin(begin(OLD, "new"), "newer")
    with pytest.raises(Fault, match="is not being rotated"):
        switch(OLD)
    with pytest.raises(Fault, match="is not being rotated"):
        close(OLD)
    with pytest.raises(Fault, match="may still use the old value"):
        close(begin(OLD, "new"))
    for early in (begin(OLD, "new"), switch(begin(OLD, "new"))):
        with pytest.raises(Fault, match="may still use the old value"):
            finish(early)


@pytest.mark.parametrize(
    "kept", [OLD, supplied("x"), generated(), begin(OLD), switch(begin(OLD)), close(switch(begin(OLD)))]
)
def test_it_comes_back_from_the_file_as_it_was(kept: Kept) -> None:
    assert Kept.of(json.loads(json.dumps(kept.stored()))) == kept


def test_a_file_of_before_rotation_is_read_and_written_as_it_is() -> None:
    stored = {"value": "old", "made": "2026-01-01", "kind": "password"}
    assert Kept.of(stored).stored() == stored


def test_no_value_is_in_a_repr() -> None:
    assert "canary" not in f"{begin(Kept('canary1', '2026-01-01', 'password'), 'canary2')}"


def test_it_knows_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roles.rotation.today", lambda: (date(2026, 1, 1) + timedelta(91)).isoformat())
    assert OLD.days == 91
