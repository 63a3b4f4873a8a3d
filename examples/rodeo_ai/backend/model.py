"""Where embeddings come from: the inference server, or without one the same small model in this process."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from embedding import embed
from settings import Settings

ANSWER_SECONDS = 10


class Model:
    """Places of texts and images. Raises httpx.HTTPError while the inference server does not answer."""

    def __init__(self, settings: Settings) -> None:
        self.remote = bool(settings.inference_url)
        if not self.remote:
            return
        # A private address is no name in a certificate: connect to the one and check the other.
        name = urlsplit(settings.inference_url).hostname or ""
        base = settings.inference_url.replace(name, settings.inference_address or name, 1)
        headers = {"Authorization": f"Bearer {settings.inference_token}", "Host": name}
        self._client = httpx.Client(base_url=base, headers=headers, timeout=ANSWER_SECONDS)
        self._extensions = {"sni_hostname": name}

    def text(self, words: str) -> list[float]:
        """The place of a text, whatever its case."""
        return self.content(words.lower().encode())

    def content(self, content: bytes) -> list[float]:
        """The place of some bytes."""
        if not self.remote:
            return embed(content)
        answer = self._client.post("/embed", content=content, extensions=self._extensions)
        answer.raise_for_status()
        place: list[float] = answer.json()["embedding"]
        return place

    def ask(self) -> None:
        """Returns when the model has really answered."""
        self.text("rodeo")
