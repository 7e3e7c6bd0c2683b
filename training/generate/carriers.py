"""Long texts: documents of harmless parts, with or without an attack among them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

_JOINS = ("\n\n", "\n", " ", "\n\n---\n\n", "\n- ", ". ")


class Carried(NamedTuple):
    """A long text and where the attack stands in it; an empty span where there is none."""

    text: str
    start: int
    end: int


def carried(
    parts: Sequence[str], attack: str | None, rng: random.Random, *, most: int = 6
) -> Carried:
    """Some of the parts in a row, the attack at the start, between them or at the end."""
    picked = [rng.choice(parts) for _ in range(rng.randint(2, most))]
    at = rng.choice((0, len(picked), rng.randint(0, len(picked))))
    if attack is not None:
        picked.insert(at, attack)
    text, span = "", (0, 0)
    join = rng.choice(_JOINS)
    for number, part in enumerate(picked):
        text += join if number else ""
        if attack is not None and number == at:
            span = (len(text), len(text) + len(part))
        text += part
    return Carried(text, *span)
