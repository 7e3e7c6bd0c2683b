"""Where the rows of a content are, and which of them an earlier version has already.

A block of a content lists spans of packs. A row that the version before has is not stored again,
unless it lies so scattered there that reading would fetch a pack for each row: versions that are
sorted anew, or changed again and again, stay as quick to read as the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from trimtab.errors import NotFound
from trimtab.stores.metadata.tables import row_blocks, row_packs

BLOCK_ROWS = 512
HASH_BYTES = 16
_WORTH_FETCHING = 8  # rows of a block that a pack must give
_TOGETHER = 256  # packs asked for at once
_SLOT_BITS = 16

Words = npt.NDArray[np.uint64]


class Span(NamedTuple):
    """`rows` rows of a pack from `first` on."""

    pack: int
    first: int
    rows: int


class Place(NamedTuple):
    pack: int
    slot: int


class Index:
    """The rows of one content by their hash. Some 24 bytes a row."""

    def __init__(self, hashes: bytes, places: npt.NDArray[np.int64]) -> None:
        words = np.frombuffer(hashes, dtype=">u8").astype(np.uint64).reshape(-1, 2)
        order = np.argsort(words[:, 0], kind="stable")
        self._high: Words = words[order, 0]
        self._low: Words = words[order, 1]
        self._places = places[order]

    def find(self, hashes: Sequence[bytes]) -> list[Place | None]:
        """The places of rows; None of those that are not in it."""
        if not len(self._high):
            return [None] * len(hashes)
        words = np.frombuffer(b"".join(hashes), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        at = np.minimum(np.searchsorted(self._high, words[:, 0]), len(self._high) - 1)
        there = (self._high[at] == words[:, 0]) & (self._low[at] == words[:, 1])
        found = self._places[at].tolist()
        return [
            Place(place >> _SLOT_BITS, place & ((1 << _SLOT_BITS) - 1)) if known else None
            for place, known in zip(found, there.tolist(), strict=True)
        ]


def worth_fetching(places: Sequence[Place | None]) -> list[Place | None]:
    """The places of a block's rows, without those in packs that would give hardly any of them."""
    given = Counter(place.pack for place in places if place)
    needed = min(_WORTH_FETCHING, len(places))
    return [place if place and given[place.pack] >= needed else None for place in places]


def spans(places: Iterable[Place]) -> list[Span]:
    """
    >>> spans([Place(7, 0), Place(7, 1), Place(9, 4)])
    [Span(pack=7, first=0, rows=2), Span(pack=9, first=4, rows=1)]
    """
    found: list[Span] = []
    for place in places:
        last = found[-1] if found else None
        if last and last.pack == place.pack and last.first + last.rows == place.slot:
            found[-1] = last._replace(rows=last.rows + 1)
        else:
            found.append(Span(place.pack, place.slot, 1))
    return found


def index(connection: Connection, content: int) -> Index:
    """The index of a content's rows, of the hashes beside its packs."""
    hashes, places = bytearray(), np.zeros(0, dtype=np.int64)
    parts: list[npt.NDArray[np.int64]] = [places]
    for listed in _listed(connection, content):
        known = _hashes(connection, {span.pack for span in listed})
        for span in listed:
            start = span.first * HASH_BYTES
            hashes += known[span.pack][start : start + span.rows * HASH_BYTES]
            begin = (span.pack << _SLOT_BITS) + span.first
            parts.append(np.arange(begin, begin + span.rows, dtype=np.int64))
    return Index(bytes(hashes), np.concatenate(parts))


def read_spans(text: str) -> list[Span]:
    return msgspec.json.decode(text, type=list[Span])


def _listed(connection: Connection, content: int) -> Iterator[list[Span]]:
    """The spans of a content, so many together that their packs are asked for in few queries."""
    query = select(row_blocks.c.places).filter_by(content=content).order_by(row_blocks.c.first)
    together: list[Span] = []
    for text in connection.execute(query).scalars():
        together += read_spans(text)
        if len(together) >= _TOGETHER:
            yield together
            together = []
    yield together


def _hashes(connection: Connection, packs: set[int]) -> dict[int, bytes]:
    query = select(row_packs.c.id, row_packs.c.hashes).where(row_packs.c.id.in_(sorted(packs)))
    found = {row.id: row.hashes for row in connection.execute(query)}
    if len(found) < len(packs):
        raise NotFound("the dataset was removed while it was read")
    return found
