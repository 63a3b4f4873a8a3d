"""A summary made here, without any model: the sentences whose words recur most, in their own order."""

from __future__ import annotations

import re
from collections import Counter

SENTENCES = 3
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\w{4,}")  # shorter ones are mostly articles and pronouns


def summarize(text: str) -> str:
    """At most three sentences of `text`; the same text always gives the same summary."""
    sentences = [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]
    counts = Counter(_words(text))
    ranked = sorted(range(len(sentences)), key=lambda n: (-_weight(sentences[n], counts), n))
    return " ".join(sentences[n] for n in sorted(ranked[:SENTENCES]))


def _weight(sentence: str, counts: Counter[str]) -> float:
    words = _words(sentence)
    return sum(counts[word] for word in words) / len(words) if words else 0.0


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
