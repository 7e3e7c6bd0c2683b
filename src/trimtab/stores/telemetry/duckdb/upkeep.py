"""Upkeep between commits: sums by hour, and small packs gathered into large ones.

Both are work that was put off when spans came, done in portions, so that no append waits long.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import duckdb

from trimtab.errors import StoreError
from trimtab.stores.telemetry.duckdb import packs, statements
from trimtab.stores.telemetry.duckdb.connection import Appenders, execute, fetch, roll_back
from trimtab.stores.telemetry.duckdb.files import Extent, PackFiles
from trimtab.stores.telemetry.duckdb.transaction import PACK_COLUMNS, Counters, write_packs
from trimtab.stores.telemetry.rows import Row

_ROLL_SPANS = 50_000
_ROLL_SPANS_AT_REST = 5_000
_SMALL_BYTES = packs.PACK_BYTES // 8
_SMALL_PACKS = 256
_CHECK_EVERY = 64
_ROLLUP_ROWS = 100_000


class Upkeep:
    """What is due after a commit; used by the writer's thread."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, counters: Counters, files: PackFiles
    ) -> None:
        self._counters = counters
        self._files = files
        [(self._mark,)] = connection.execute("SELECT max(seq) FROM rollup_mark").fetchall()
        [(self._waiting,)] = connection.execute(
            "SELECT count(*) FROM spans WHERE seq > ?", [self._mark]
        ).fetchall()
        self._commits = 0
        self.due = False
        """Whether there were commits since the last rest."""

    def after_commit(self, connection: duckdb.DuckDBPyConnection, spans: int) -> None:
        """`spans` is how many the commit added."""
        self._waiting += spans
        self._commits += 1
        self.due = True
        if self._waiting >= _ROLL_SPANS:
            self.roll_up(connection)
        if self._commits % _CHECK_EVERY == 0:
            [(small,)] = fetch(connection, statements.count_small_packs(_SMALL_BYTES))
            if small >= _SMALL_PACKS:
                self.gather(connection)

    def at_rest(self, connection: duckdb.DuckDBPyConnection) -> None:
        """What makes reads, a restart and the files smaller, when nobody waits for a commit."""
        self.due = False
        if self._waiting >= _ROLL_SPANS_AT_REST:
            self.roll_up(connection)
        # The log is several times as large as its rows are in the database.
        connection.execute("CHECKPOINT")

    def roll_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Add what came since the mark to the sums, and move the mark."""
        last = self._counters.seq
        connection.begin()
        try:
            execute(connection, statements.add_rollups(self._mark, last))
            execute(connection, statements.set_rollup_mark(last))
            [(count,)] = connection.execute("SELECT count(*) FROM rollups").fetchall()
            if count > _ROLLUP_ROWS:
                for query in statements.merge_rollups():
                    execute(connection, query)
            connection.commit()
        except BaseException:
            roll_back(connection)
            raise
        self._mark, self._waiting = last, 0

    def gather(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Join small packs; their spans find their lines through the old pack's row."""
        found = fetch(connection, statements.small_packs(_SMALL_BYTES))
        connection.begin()
        try:
            for start in range(0, len(found), _SMALL_PACKS):
                self._join(connection, found[start : start + _SMALL_PACKS])
            connection.commit()
        except BaseException:
            roll_back(connection)
            raise

    def _join(
        self, connection: duckdb.DuckDBPyConnection, small: Sequence[tuple[int, ...]]
    ) -> None:
        small, raws = self._readable(small)
        if len(small) < 2:
            return
        children = self._with_children(connection, [number for number, *_ in small])
        members = iter(small)
        frames: list[tuple[int, int, bytes]] = []
        moved: list[Row] = []
        nowhere = (None, None, None)
        for raw, bases in packs.pack(raws):
            number = self._counters.next_pack()
            frames.append((number, len(raw), packs.compress(raw)))
            for base, (old, size, *_) in zip(bases, members, strict=False):
                moved.append((old, number, base, size, *nowhere))
                moved += [
                    (child, number, base + inner, length, *nowhere)
                    for child, inner, length in children.get(old, ())
                ]
        execute(connection, statements.delete_packs(row[0] for row in moved))
        appenders = Appenders(connection)
        write_packs(appenders, self._files, frames)
        appenders.insert("packs", PACK_COLUMNS, moved)

    def _readable(
        self, small: Sequence[tuple[int, ...]]
    ) -> tuple[list[tuple[int, ...]], list[bytes]]:
        """Packs with what is in them; a damaged one stays where it is."""
        found, raws = [], []
        for one in small:
            with contextlib.suppress(StoreError):
                raws.append(self._files.unpacked(Extent(*one[2:])))
                found.append(one)
        return found, raws

    def _with_children(
        self, connection: duckdb.DuckDBPyConnection, parents: list[int]
    ) -> dict[int, list[tuple[int, int, int]]]:
        """Packs gathered before into one of these: id, base, size."""
        found = connection.execute(
            "SELECT parent, id, base, raw_bytes FROM packs"
            " WHERE parent IN (SELECT unnest($ids::BIGINT[]))",
            {"ids": parents},
        ).fetchall()
        children: dict[int, list[tuple[int, int, int]]] = {}
        for parent, child, base, size in found:
            children.setdefault(parent, []).append((child, base, size))
        return children
