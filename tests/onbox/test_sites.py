"""One site's bad configuration can't stop the others."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from onbox.shell import Failed
from onbox.sites import choose

A, B, MAIN = "boxkeeper/sites/a.conf", "boxkeeper/sites/b.conf", "nginx.conf"


def objection(tree: Mapping[str, bytes]) -> str:
    """An nginx that objects to the first file with `bad` in it, and to a site that says what another already said."""
    for path, content in sorted(tree.items()):
        if b"bad" in content:
            return f"unknown directive in {path}"
    twice = [content for content in tree.values() if b"zone" in content]
    return "" if len(set(twice)) == len(twice) else "zone is already there"


def test_when_all_is_well_all_is_taken() -> None:
    wanted = {MAIN: b"new", A: b"a", B: b"b"}
    assert choose(wanted, {}, objection) == (wanted, {})


def test_a_bad_site_keeps_its_old_version_and_the_others_get_their_new_one() -> None:
    tree, refused = choose({MAIN: b"new", A: b"bad", B: b"new"}, {MAIN: b"old", A: b"old", B: b"old"}, objection)
    assert tree == {MAIN: b"new", A: b"old", B: b"new"}
    assert list(refused) == [A]
    assert refused[A].startswith(f"unknown directive in {A} (its old version stays")


def test_a_bad_site_without_an_old_version_is_left_out() -> None:
    tree, refused = choose({MAIN: b"", A: b"bad", B: b"new"}, {}, objection)
    assert tree == {MAIN: b"", B: b"new"}
    assert "it is left out" in refused[A]


def test_an_old_version_that_is_bad_by_now_is_not_kept() -> None:
    assert choose({MAIN: b"", A: b"bad"}, {A: b"also bad"}, objection)[0] == {MAIN: b""}


def test_of_two_sites_that_exclude_each_other_the_first_is_served() -> None:
    tree, refused = choose({MAIN: b"", A: b"zone", B: b"zone"}, {}, objection)
    assert tree == {MAIN: b"", A: b"zone"}
    assert list(refused) == [B]


def test_when_what_all_share_is_bad_nothing_changes() -> None:
    with pytest.raises(Failed, match="nothing was changed"):
        choose({MAIN: b"bad", A: b"a"}, {MAIN: b"old", A: b"a"}, objection)
