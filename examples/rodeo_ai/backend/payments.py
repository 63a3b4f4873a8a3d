"""Stripe's webhook: an event counts when its signature is Stripe's, and once."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from store import Store

TOLERANCE = 300
"""Seconds that a signed event may be old; Stripe's own libraries allow as many."""


def routes(store: Store, secret: str) -> APIRouter:
    """`/api/stripe/webhook`."""
    router = APIRouter(prefix="/api/stripe")

    @router.post("/webhook")
    async def webhook(
        request: Request, stripe_signature: Annotated[str, Header(alias="Stripe-Signature")] = ""
    ) -> dict[str, bool]:
        payload = await request.body()
        if not signed(payload, stripe_signature, secret, time.time()):
            raise HTTPException(400, "This was not signed by Stripe")
        try:
            event = json.loads(payload)
            key, kind = str(event["id"]), str(event["type"])
        except (ValueError, KeyError, TypeError):
            raise HTTPException(400, "This is no event") from None
        sql = "INSERT INTO payments (id, kind) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id"
        return {"new": bool(await run_in_threadpool(store.rows, sql, key, kind))}

    return router


def signed(payload: bytes, header: str, secret: str, now: float) -> bool:
    """Whether a header like `t=TIME,v1=SIGNATURE` is of this payload, and of the last minutes."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    moment = next((value for name, _, value in parts if name == "t"), "")
    if not moment.isdigit() or abs(now - int(moment)) > TOLERANCE:
        return False
    wanted = hmac.new(secret.encode(), moment.encode() + b"." + payload, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(wanted, value) for name, _, value in parts if name == "v1")
