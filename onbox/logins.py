"""Whose addresses fail2ban must leave alone."""

from __future__ import annotations

import ipaddress
import re

from onbox.shell import Failed, said

DAYS = 7


def trusted(address: str) -> None:
    """fail2ban's `ignorecommand`: succeeds for an address from which somebody has logged in by key in the last days.

    Keys can't be guessed, so such an address is the user's own; a few wrong tries from it must not shut them out.
    Raises Failed for any other address.
    """
    ip = str(ipaddress.ip_address(address))
    pattern = rf"Accepted publickey for \S+ from {re.escape(ip)} port"
    units = ["--identifier=sshd", "--identifier=sshd-session"]  # OpenSSH 9.8 gave sessions a program of their own
    look = ["--since", f"-{DAYS}d", "--grep", pattern, "--lines=1", "--quiet", "--output=cat"]
    if not said(["journalctl", *units, *look]):
        raise Failed(f"nobody has logged in by key from {ip} in the last {DAYS} days")
