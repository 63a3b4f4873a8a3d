"""Uploaded images: checked, kept where nginx serves them from, and placed among the others."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID, uuid4

from fastapi import APIRouter, HTTPException, UploadFile

from model import Model
from store import Row, Store, vector

MOST = 8 << 20
BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"GIF87a": "gif", b"GIF89a": "gif"}
SHOWN = "id, file, created_at"


def routes(store: Store, model: Model, uploads: Path) -> APIRouter:
    """`/api/images`."""
    router = APIRouter(prefix="/api/images")

    @router.post("", status_code=201)
    def put(file: UploadFile) -> dict[str, object]:
        content = file.file.read(MOST + 1)
        if len(content) > MOST:
            raise HTTPException(413, f"An image may have {MOST >> 20} MB")
        ending = kind(content)
        if ending is None:
            raise HTTPException(415, "This is no PNG, JPEG, GIF or WebP image")
        wanted = uuid4()
        place = vector(model.content(content))
        name = save(uploads, wanted, ending, content)
        sql = f"INSERT INTO images (id, file, place) VALUES (%s, %s, %s::vector) RETURNING {SHOWN}"
        (row,) = store.rows(sql, wanted, name, place)
        return {**as_json(row), "similar": similar(store, wanted)}

    @router.get("")
    def newest() -> list[dict[str, object]]:
        return [as_json(row) for row in store.rows(f"SELECT {SHOWN} FROM images ORDER BY created_at DESC LIMIT 24")]

    @router.get("/{wanted}/similar")
    def alike(wanted: UUID) -> list[dict[str, object]]:
        return similar(store, wanted)

    return router


def kind(content: bytes) -> str | None:
    """What an image is by its first bytes, as the ending of its name; None for what is none. A name proves nothing."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return next((ending for start, ending in BEGINNINGS.items() if content.startswith(start)), None)


def save(uploads: Path, wanted: UUID, ending: str, content: bytes) -> str:
    """Write the file whole or not at all; its name, which nobody can choose."""
    name = f"{wanted}.{ending}"
    partial = uploads / f".{name}.part"
    partial.write_bytes(content)
    os.replace(partial, uploads / name)
    return name


def similar(store: Store, wanted: UUID) -> list[dict[str, object]]:
    """The images closest to one, closest first: pgvector's cosine distance."""
    rows = store.rows(
        f"SELECT {SHOWN}, place <=> (SELECT place FROM images WHERE id = %s) AS distance FROM images"
        " WHERE id <> %s ORDER BY distance LIMIT 6",
        wanted,
        wanted,
    )
    return [{**as_json(row), "distance": round(row["distance"], 4)} for row in rows if row["distance"] is not None]


def as_json(row: Row) -> dict[str, object]:
    """An image as the API shows it."""
    return {
        "id": str(row["id"]),
        "url": f"/uploads/{row['file']}",
        "created_at": row["created_at"].isoformat(),
    }
