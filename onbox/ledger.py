"""What was asked of the CA, so that its limits are never reached: it locks out a whole week who asks too often.

Let's Encrypt allows 5 failures per name an hour and 5 certificates per set of names a week
(https://letsencrypt.org/docs/rate-limits/). We stop at 3, so that there is always one left for a human.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

Json = Any
HOUR, WEEK = 3600.0, 7 * 86400.0
MOST = 3


def refusal(ledger: Json, names: Sequence[str], now: float) -> str:
    """Why the CA must not be asked for this set of names now; "" when it may be."""
    page = _page(ledger, names)
    if page["not_before"] > now:
        return f"the CA asks to wait until {clock(page['not_before'])}"
    failed = [moment for moment in page["failed"] if moment > now - HOUR]
    if len(failed) >= MOST:
        return f"{len(failed)} attempts failed within an hour; the next is made at {clock(failed[-MOST] + HOUR)}"
    issued = [moment for moment in page["issued"] if moment > now - WEEK]
    if len(issued) >= MOST:
        return f"{len(issued)} certificates were issued within a week; the next can be at {clock(issued[-MOST] + WEEK)}"
    return ""


def note(ledger: Json, names: Sequence[str], now: float, issued: bool, not_before: float = 0.0) -> None:
    """Write down an attempt."""
    page = _page(ledger, names)
    page["issued" if issued else "failed"].append(now)
    page["not_before"] = max(page["not_before"], not_before)
    for kind in ("issued", "failed"):
        page[kind] = [moment for moment in page[kind] if moment > now - WEEK]
    ledger[" ".join(sorted(names))] = page


def _page(ledger: Json, names: Sequence[str]) -> Json:
    # The order of names makes no difference to a CA.
    return ledger.get(" ".join(sorted(names))) or {"failed": [], "issued": [], "not_before": 0.0}


def clock(moment: float) -> str:
    """A moment for people and programs, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
