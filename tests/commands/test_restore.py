"""What `boxkeeper restore` is asked for, before any box is."""

from __future__ import annotations

import pytest

from commands.restore import having, moment
from roles import Fault
from roles.backups import Backups
from tests.roles.test_backups import server


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("2026-01-02 03:04", "2026-01-02 03:04:00"),
        ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05"),
        ("2026-01-02 03:04:05+02:00", "2026-01-02 01:04:05"),
        ("2026-01-02", "2026-01-02 00:00:00"),
    ],
)
def test_a_time_is_understood_as_utc_unless_it_says_otherwise(text: str, then: str) -> None:
    assert moment(text) == then


@pytest.mark.parametrize(
    ("text", "said"), [("yesterday", "write it like '2026-11-27 09:30', UTC"), ("2999-01-01", "has not been yet")]
)
def test_a_time_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        moment(text)


def test_an_app_gets_back_all_but_its_redis() -> None:
    of = server(Backups())
    found = having(of, of.apps[0], databases_alone=False)
    assert (found["database"], found["folders"]) == ("notes", ["/srv/notes/shared"])
    assert [each["kind"] for each in found["services"]] == ["chroma"]
    assert having(of, of.apps[0], databases_alone=True)["folders"] == []
