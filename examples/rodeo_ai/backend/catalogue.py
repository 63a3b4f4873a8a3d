"""ChromaDB: products by what they are about. Connects on first use."""

from __future__ import annotations

import logging
import threading
from typing import Any

import chromadb
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings as ChromaSettings

logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request is for those who look for a fault


class Catalogue:
    """The products in Chroma; calls raise an exception of chromadb or httpx while it does not answer."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._lock = threading.Lock()
        self._collection: Collection | None = None

    def put(self, product: str, words: str, place: list[float]) -> None:
        """Keep a product, or keep it anew."""
        self._products().upsert(ids=[product], documents=[words], embeddings=[place])

    def nearest(self, place: list[float], most: int) -> list[dict[str, Any]]:
        """The products that are closest to a place, closest first."""
        found = self._products().query(query_embeddings=[place], n_results=most, include=["documents", "distances"])
        documents, distances = found["documents"] or [[]], found["distances"] or [[]]
        return [
            {"id": product, "name": words, "distance": round(distance, 4)}
            for product, words, distance in zip(found["ids"][0], documents[0], distances[0], strict=True)
        ]

    def ask(self) -> None:
        """Returns when Chroma has really counted."""
        self._products().count()

    def _products(self) -> Collection:
        # The client asks the server who it is as it is made: an app that starts before Chroma must not end there.
        with self._lock:
            if self._collection is None:
                client = chromadb.HttpClient(
                    host=self._url,
                    headers={"X-Chroma-Token": self._token},
                    settings=ChromaSettings(anonymized_telemetry=False),
                )
                self._collection = client.get_or_create_collection(
                    "products", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
                )
            return self._collection
