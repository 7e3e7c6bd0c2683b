"""Versions of datasets in the making: rows come in pieces, each durable when it was taken.

A draft is a content with a name of its own. Each piece is a transaction, so that a million rows,
however slowly they come, keep no other writer waiting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from trimtab.errors import Conflict, NotFound
from trimtab.kit import jsonx
from trimtab.kit.hashing import canonical
from trimtab.kit.ids import uuid7
from trimtab.records import Example
from trimtab.stores.metadata.census import Census
from trimtab.stores.metadata.chunks import Chunk, chunks, lines
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.faults import unstorable
from trimtab.stores.metadata.places import (
    BLOCK_ROWS,
    HASH_BYTES,
    Index,
    Place,
    index,
    spans,
    worth_fetching,
)
from trimtab.stores.metadata.row_schema import RowSchema
from trimtab.stores.metadata.tables import contents, row_blocks, row_packs

ABANDONED_NS = 24 * 3600 * 10**9


class Draft(NamedTuple):
    """`base` is the content of the version that was the newest when the draft was begun."""

    id: int
    name: str
    rows: int
    base: int | None
    schema: str


class Drafts:
    """The contents that are no versions yet."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[int, Index] | None = None

    def begin(
        self,
        connection: Connection,
        project: str,
        name: str,
        *,
        base: int | None,
        schema: Mapping[str, Any],
        created_ns: int,
    ) -> str:
        draft = uuid7(created_ns)
        connection.execute(
            insert(contents).values(
                project=project,
                name=name,
                draft=draft,
                rows=0,
                base=base,
                schema=jsonx.encode(schema).decode(),
                created_ns=created_ns,
            )
        )
        return draft

    def discard_abandoned(self, connection: Connection, project: str, now_ns: int) -> None:
        old = select(contents.c.id).filter_by(project=project).where(contents.c.draft.is_not(None))
        old = old.where(contents.c.created_ns < now_ns - ABANDONED_NS)
        for number in connection.execute(old).scalars().all():
            delete_content(connection, number)

    def find(
        self, connection: Connection, project: str, draft: str, *, lock: bool = False
    ) -> Draft:
        """Raises NotFound. Others who would lock the draft wait from now on."""
        query = select(
            contents.c.id, contents.c.name, contents.c.rows, contents.c.base, contents.c.schema
        ).filter_by(project=project, draft=draft)
        found = connection.execute(query.with_for_update() if lock else query).first()
        if found is None:
            raise NotFound(
                f"there is no draft {draft[:100]!r} in project {project!r}",
                fix="begin one; drafts are discarded when they are committed, and after a day",
            )
        return Draft(*found)

    def extend(
        self,
        project: str,
        draft: str,
        examples: Sequence[Example],
        *,
        after: int,
        census: Census | None = None,
    ) -> int:
        with self._database.read() as connection:
            found = self.find(connection, project, draft)
            _require_rows(found, after)
            known = self._index(connection, found.base)
        schema = RowSchema(jsonx.decode(found.schema.encode()))
        for position, example in enumerate(examples, start=after):
            schema.check(example, position)
        # Hashed and compressed before the transaction, which other writers wait for.
        blocks = [
            _prepared(examples[start : start + BLOCK_ROWS], known, census)
            for start in range(0, len(examples), BLOCK_ROWS)
        ]
        rows = after + len(examples)
        with self._database.write() as connection:
            _require_rows(self.find(connection, project, draft, lock=True), after)
            first = after
            for block in blocks:
                _insert(connection, found.id, first, block)
                first += len(block.places)
            connection.execute(update(contents).filter_by(id=found.id).values(rows=rows))
        return rows

    def _index(self, connection: Connection, base: int | None) -> Index | None:
        """The rows of the version before. Kept for the pieces that follow: it never changes."""
        if base is None:
            return None
        if self._known is None or self._known[0] != base:
            self._known = base, index(connection, base)
        return self._known[1]


class _Block(NamedTuple):
    """Rows to be written: the place of each that is stored already, and packs of the others."""

    places: list[Place | None]
    packs: list[Chunk]
    hashes: list[bytes]


def delete_content(connection: Connection, content: int) -> None:
    for table in (row_blocks, row_packs):
        connection.execute(delete(table).filter_by(content=content))
    connection.execute(delete(contents).filter_by(id=content))


def row_hash(content: bytes) -> bytes:
    """The first bytes of SHA-256 of a row's canonical JSON."""
    return hashlib.sha256(content).digest()[:HASH_BYTES]


def content_of(example: Example) -> bytes:
    """Raises InvalidRequest for a text that cannot be encoded."""
    try:
        return canonical(example)
    except UnicodeEncodeError:
        raise unstorable() from None


def _prepared(examples: Sequence[Example], known: Index | None, census: Census | None) -> _Block:
    hashes = []
    for example in examples:
        content = content_of(example)
        hashes.append(row_hash(content))
        if census is not None:
            census.add(example, content)
    places: list[Place | None] = [None] * len(hashes)
    if known is not None:
        places = worth_fetching(known.find(hashes))
    new = [place for place, found in enumerate(places) if found is None]
    packs = chunks(lines(examples[place] for place in new), records=BLOCK_ROWS)
    return _Block(places, list(packs), [hashes[place] for place in new])


def _insert(connection: Connection, content: int, first: int, block: _Block) -> None:
    new: list[Place] = []
    for pack in block.packs:
        hashes = block.hashes[len(new) : len(new) + pack.records]
        row = {"content": content, "hashes": b"".join(hashes), "body": pack.body}
        statement = insert(row_packs).values(row).returning(row_packs.c.id)
        number: int = connection.execute(statement).scalar_one()
        new += [Place(number, slot) for slot in range(pack.records)]
    fresh = iter(new)
    places = [place or next(fresh) for place in block.places]
    connection.execute(
        insert(row_blocks).values(
            content=content,
            first=first,
            rows=len(places),
            places=jsonx.encode(spans(places)).decode(),
        )
    )


def _require_rows(draft: Draft, rows: int) -> None:
    if draft.rows != rows:
        raise Conflict(
            f"the draft has {draft.rows} rows, not {rows}",
            where="after",
            fix=f"go on after row {draft.rows}",
            rows=draft.rows,
        )
