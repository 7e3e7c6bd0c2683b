"""Held: a piece of an answer that waits for guards, with its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trimtab.dialects.llm.edits import Span, Spot
from trimtab.gateway.relay import Piece


class Held(NamedTuple):
    """`spans` are in the order of the bytes, `by_part` those of the parts by their numbers;
    `calls` are the calls of tools in it that guards judge."""

    piece: Piece
    spans: Sequence[Span]
    by_part: Mapping[int, Span]
    calls: Sequence[Spot] = ()
