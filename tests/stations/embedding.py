"""An embedding model for tests: texts are as similar as the words that they share."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import msgspec
from tests.stations.wiring import Script, replies

from trimtab.ports import Call, Reply
from trimtab.records import ModelCard

SIZE = 512


def vector(text: str) -> list[float]:
    """Counts of words, each in a place of its own as a rule."""
    found = [0.0] * SIZE
    for word in ["", *text.lower().replace("?", "").split()]:
        found[zlib.crc32(word.encode()) % SIZE] += 1.0
    return found


def cosine(one: str, other: str) -> float:
    """What the cache should find, computed another way."""
    a, b = vector(one), vector(other)
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.hypot(*a) * math.hypot(*b))


class Vectors(Script):
    """A provider that only embeds; `broken` makes it answer with something else."""

    def __init__(self, name: str = "vec", cards: Sequence[ModelCard] = ()) -> None:
        super().__init__(name, cards)
        self.broken: bytes | Exception | None = None

    def speaks(self, model: str) -> Sequence[str]:
        return ("openai.embeddings",)

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        if isinstance(self.broken, Exception):
            raise self.broken
        texts = self.asked["input"]
        rows = [{"index": n, "embedding": vector(text)} for n, text in enumerate(texts)]
        usage = {"prompt_tokens": 7, "total_tokens": 7}
        body = self.broken or msgspec.json.encode({"data": rows[::-1], "usage": usage})

        return await replies(body)()
