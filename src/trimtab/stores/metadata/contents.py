"""Reading the rows of a content, block by block; no transaction is open in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from trimtab.errors import NotFound, StoreError
from trimtab.records import Example
from trimtab.stores.metadata.chunks import unpacked_lines
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.places import HASH_BYTES, read_spans
from trimtab.stores.metadata.tables import row_blocks, row_packs

_DECODER = msgspec.json.Decoder(Example)


class StoredRow(NamedTuple):
    """A row as it is stored, and 16 bytes of its hash."""

    line: bytes
    hash: bytes


class _Pack(NamedTuple):
    lines: list[bytes]
    hashes: bytes

    def row(self, slot: int) -> StoredRow:
        start = slot * HASH_BYTES
        return StoredRow(self.lines[slot], self.hashes[start : start + HASH_BYTES])


def stored_rows(
    database: Database, content: int, *, rows: int, after: int = 0, limit: int | None = None
) -> Iterator[StoredRow]:
    """The rows of a content that has `rows` of them, from position `after` on.

    Raises:
        NotFound: they were removed while they were read.
    """
    position, end = after, rows if limit is None else min(rows, after + limit)
    packs: dict[int, _Pack] = {}
    while position < end:
        with database.read() as connection:
            block = _block(connection, content, position)
            spans = read_spans(block.places)
            packs = _packs(connection, {span.pack for span in spans}, packs)
        slots = ((span.pack, span.first + n) for span in spans for n in range(span.rows))
        for place, (pack, slot) in enumerate(slots, start=block.first):
            if position <= place < end:
                yield packs[pack].row(slot)
        position = block.first + block.rows


def example(line: bytes) -> Example:
    """Raises StoreError when the line is none."""
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"a stored example cannot be read: {error}",
            fix="restore the metadata database from a backup",
        ) from None


def _block(connection: Connection, content: int, position: int) -> Any:
    """The block that holds a position."""
    query = (
        select(row_blocks.c.first, row_blocks.c.rows, row_blocks.c.places)
        .filter_by(content=content)
        .where(row_blocks.c.first <= position)
        .order_by(row_blocks.c.first.desc())
        .limit(1)
    )
    block = connection.execute(query).first()
    if block is None:
        raise _removed()
    return block


def _packs(connection: Connection, wanted: set[int], kept: dict[int, _Pack]) -> dict[int, _Pack]:
    """The packs of a block: those that the block before had too are not read again."""
    packs = {pack: kept[pack] for pack in wanted & kept.keys()}
    missing = sorted(wanted - packs.keys())
    if missing:
        query = select(row_packs).where(row_packs.c.id.in_(missing))
        for row in connection.execute(query):
            packs[row.id] = _Pack(unpacked_lines(row.body), row.hashes)
    if len(packs) < len(wanted):
        raise _removed()
    return packs


def _removed() -> NotFound:
    return NotFound("the dataset was removed while it was read")
