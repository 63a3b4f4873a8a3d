"""What a unit said last."""

from __future__ import annotations

from onbox.shell import said


def last_lines(unit: str, since: float = 0, lines: int = 12) -> str:
    """A unit's own last lines since a time (as time.time() counts), indented; systemd's where it had none."""
    shape = [f"--since=@{int(since)}", "--no-pager", "--output=cat", "--quiet", f"--lines={lines}"]
    own = said(["journalctl", *shape, f"_SYSTEMD_UNIT={unit}"]) or said(["journalctl", *shape, f"--unit={unit}"])
    return "\n".join(f"  {line}" for line in own.strip().splitlines())
