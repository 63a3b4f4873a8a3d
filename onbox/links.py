"""Symbolic links that are moved in one step, so that nobody ever finds none."""

from __future__ import annotations

import os


def target(link: str) -> str | None:
    """What a link says; None where there is none."""
    try:
        return os.readlink(link)
    except OSError:
        return None


def point(link: str, to: str) -> None:
    """Make a link point to something, there or not."""
    temporary = f"{link}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(to, temporary)
    os.rename(temporary, link)
