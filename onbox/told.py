"""Word to somebody away from the box, by an address that only they and the box know."""

from __future__ import annotations

import http.client
import json
import urllib.request

from onbox.shell import Failed

PATIENCE = 20
"""Seconds that an answer may take."""


def call(address: str) -> None:
    """Ask for it: whoever waits for that call notices when it does not come. Raises Failed, without the address."""
    _send(address)


def post(address: str, text: str) -> None:
    """Send a text as the webhooks of Slack, Mattermost and their like take it. Raises Failed, without the address."""
    _send(address, json.dumps({"text": text}).encode())


def _send(address: str, body: bytes | None = None) -> None:
    try:
        asked = urllib.request.Request(address, body, {"Content-Type": "application/json"} if body else {})
        with urllib.request.urlopen(asked, timeout=PATIENCE):
            pass
    except (OSError, ValueError, http.client.HTTPException) as error:
        # the address is a secret, and may be in the error
        raise Failed(f"who waits for word of it was not reached ({type(error).__name__})") from None
