"""Links are moved in one step."""

from __future__ import annotations

import os
from pathlib import Path

from onbox.links import point, target


def test_a_link_is_moved_also_over_one_that_was_cut_off(tmp_path: Path) -> None:
    link = tmp_path / "live"
    assert target(str(link)) is None
    (tmp_path / "live.new").symlink_to("nowhere")
    point(str(link), "a")
    point(str(link), "b")
    assert target(str(link)) == "b"
    assert not os.path.lexists(f"{link}.new")
