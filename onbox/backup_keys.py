"""Keys of the repositories of files: while their key is rotated they open with two, and then with one again."""

from __future__ import annotations

import os
from typing import Any

from onbox import backups
from onbox.restic import Repository
from onbox.shell import Failed

Json = Any
OTHER = "/etc/boxkeeper/backups/other_key"
"""The key beside the one that is used: the next one, or the one before."""


def observe(queries: list[Json]) -> list[Json]:
    """By repository what the other key does there, "opens", "is refused" or why that is not known; None without one."""
    return [_found() for _ in queries]


def _found() -> Json:
    if not os.path.exists(OTHER):
        return None
    return {each["name"]: _does(Repository.of(each, OTHER)) for each in backups.described()["repositories"]}


def _does(repository: Repository) -> str:
    try:
        return "is refused" if repository.refusal() else "opens"
    except Failed as failed:
        return str(failed)


def apply(payload: Json) -> None:
    """Have the other key open every repository, or none, and forget it. Raises Failed for one that is out of reach."""
    with backups.alone():
        for each in backups.described()["repositories"]:
            _change(each, payload["opens"])
        if not payload["opens"]:
            os.remove(OTHER)


def _change(each: Json, opens: bool) -> None:
    repository = Repository.of(each)
    repository.begin()
    if opens == (not Repository.of(each, OTHER).refusal()):
        return
    if opens:
        repository.add_key(OTHER)
    else:
        repository.remove_key(OTHER)
