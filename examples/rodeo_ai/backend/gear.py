"""Products: searched in Chroma and in Postgres."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Cookie, HTTPException, Request, Response
from pydantic import BaseModel, Field

from catalogue import Catalogue
from guests import DAY, Guests
from model import Model
from store import Store, vector

SEARCHES = 60
"""Searches a minute that an address has."""
FOUND = 5


class Search(BaseModel):
    """What to look for."""

    words: str = Field(min_length=1, max_length=200)


def routes(store: Store, catalogue: Catalogue, guests: Guests, model: Model) -> APIRouter:
    """`/api/search` and `/api/session`."""
    router = APIRouter(prefix="/api")

    @router.post("/search")
    def search(
        wanted: Search, request: Request, response: Response, rodeo: Annotated[str | None, Cookie()] = None
    ) -> dict[str, object]:
        address = request.client.host if request.client else ""
        if not guests.within("search", address, SEARCHES):
            raise HTTPException(429, "Too many searches. Wait a minute and try again.")
        session = guests.session(rodeo)
        response.set_cookie("rodeo", session, max_age=DAY, httponly=True, secure=True, samesite="lax")
        place = model.text(wanted.words)
        rows = store.rows(
            "SELECT key, name, place <=> %s::vector AS distance FROM products ORDER BY distance LIMIT %s",
            vector(place),
            FOUND,
        )
        return {
            "chroma": catalogue.nearest(place, FOUND),
            "postgres": [
                {"id": row["key"], "name": row["name"], "distance": round(row["distance"], 4)} for row in rows
            ],
            "searches": guests.remember(session, wanted.words),
        }

    @router.get("/session")
    def session(rodeo: Annotated[str | None, Cookie()] = None) -> dict[str, object]:
        return {"searches": guests.searches(guests.session(rodeo)) if rodeo else []}

    return router
