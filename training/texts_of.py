"""Texts to distil with: rows of the development data whose licence lets weights be made of them."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIT = {
    "halueval_user_query": ("injection.jsonl.gz", "text", 4_500),  # MIT
    "halueval_qa1": ("groundedness.jsonl.gz", "context", 2_500),  # MIT
    "clinc150": ("injection.jsonl.gz", "text", 3_000),  # CC-BY-3.0
    "inthewild_jailbreak": ("injection.jsonl.gz", "text", 3_000),  # MIT
    "edos": ("toxicity.jsonl.gz", "text", 4_000),  # CC0
    "davidson": ("toxicity.jsonl.gz", "text", 1_000),  # MIT
    "bipia_normalized": ("indirect_injection.jsonl.gz", "text", 1_000),  # MIT
}
"""Source, file, column, and how many sentences of it."""

HELD_OUT = {
    "neuralchemy": ("injection.jsonl.gz", "text", 600),
    "tweeteval_offensive_val": ("toxicity.jsonl.gz", "text", 600),
    "begin_dev_wow": ("groundedness.jsonl.gz", "context", 300),
    "begin_dev_cmu": ("groundedness.jsonl.gz", "context", 300),
}
"""To measure on; no weight is made of them."""

_END = re.compile(r"(?<=[.!?])\s+|\n+")


def texts_of(
    data: Path, sources: dict[str, tuple[str, str, int]], *, seed: int = 7
) -> dict[str, list[str]]:
    """Sentences, and some runs of three, of each source: unlike lengths, no text twice."""
    found = {}
    for source, (file, column, most) in sources.items():
        chance = random.Random(f"{seed} {source}")
        parts: dict[str, None] = {}
        for row in _rows(data / file):
            if row.get("source", source) == source:
                parts.update(dict.fromkeys(_parts(str(row[column]), chance)))
        texts = [part for part in parts if len(part) >= 8]
        chance.shuffle(texts)
        found[source] = texts[:most]
    return found


def _parts(text: str, chance: random.Random) -> Iterator[str]:
    sentences = [part.strip()[:300] for part in _END.split(text) if part.strip()]
    yield from sentences
    if len(sentences) > 3 and chance.random() < 0.5:
        start = chance.randrange(len(sentences) - 2)
        yield " ".join(sentences[start : start + 3])


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, gzip.decompress(path.read_bytes()).decode().strip().split("\n"))
