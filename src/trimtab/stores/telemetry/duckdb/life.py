"""The life of a store: prices corrected, spans erased, space given back, a copy made."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import duckdb
from msgspec.structs import replace

from trimtab.errors import StoreError
from trimtab.ports import Compacted, Cost, Erased, Erasure
from trimtab.stores.telemetry import rows
from trimtab.stores.telemetry.duckdb import erasing, statements
from trimtab.stores.telemetry.duckdb.connection import execute, fetch, roll_back
from trimtab.stores.telemetry.duckdb.engine import COMPACT, COPY, Engine
from trimtab.stores.telemetry.duckdb.files import Extent, PackFiles
from trimtab.stores.telemetry.duckdb.leftovers import Leftovers
from trimtab.stores.telemetry.filters import Where
from trimtab.stores.telemetry.queries import Query, fill

_log = logging.getLogger("trimtab.telemetry")

_AT_ONCE = 20_000
_DENSE = 0.7  # a file with less than this share in use is given up
_WHOLE_TRACES = "trace_id IN (SELECT trace_id FROM spans WHERE project = $project AND ({named}))"


def set_costs(connection: duckdb.DuckDBPyConnection, project: str, costs: Sequence[Cost]) -> int:
    """Store new prices, and put the difference into the rollups; how many changed."""
    wanted = {(cost.trace_id, cost.span_id): rows.amount(cost.cost_usd) for cost in costs}
    changed = 0
    for start in range(0, len(costs), _AT_ONCE):
        span_ids = [cost.span_id for cost in costs[start : start + _AT_ONCE]]
        found = fetch(connection, statements.seqs_of_calls(project, span_ids))
        prices = {seq: wanted[trace, span] for seq, trace, span in found if (trace, span) in wanted}
        with _transaction(connection):
            changed += _set_prices(connection, prices)
    return changed


def _set_prices(connection: duckdb.DuckDBPyConnection, prices: dict[int, Decimal | None]) -> int:
    if not prices:
        return 0
    execute(connection, statements.take_from_rollups(list(prices)))
    [(changed,)] = connection.execute(
        "UPDATE spans SET cost_usd = new.cost, cost_source = CASE WHEN new.cost IS NOT NULL"
        " THEN 'table' END FROM (SELECT unnest($seqs::BIGINT[]) AS seq,"
        " unnest($costs::DECIMAL(18, 9)[]) AS cost) AS new"
        " WHERE spans.seq = new.seq AND spans.cost_usd IS DISTINCT FROM new.cost",
        {"seqs": list(prices), "costs": list(prices.values())},
    ).fetchall()
    execute(connection, statements.put_into_rollups(list(prices)))
    return int(changed)


def erase(connection: duckdb.DuckDBPyConnection, engine: Engine, erasure: Erasure) -> Erased:
    """Remove what an erasure names, in portions; a crash in between leaves the rest for later."""
    where = _named(erasure)
    traces: set[str] = set()
    spans = payload_bytes = scores = 0
    blobs: list[str] = []
    seqs = Query(
        fill("SELECT seq, trace_id FROM spans WHERE {where} LIMIT $at_once", where=where.text),
        where.parameters | {"at_once": _AT_ONCE},
    )
    while found := fetch(connection, seqs):
        traces |= {trace_id for _, trace_id in found}
        with _transaction(connection):
            taken = erasing.take_out(connection, [seq for seq, _ in found], engine.files)
            scores += _erase_scores(connection, erasure.project, {trace for _, trace in found})
            engine.notes.add(_left_by(erasure, taken))
        spans += taken.spans
        payload_bytes += taken.payload_bytes
        blobs += taken.unreferenced
    with _transaction(connection):
        if own := _erase_own_scores(connection, erasure):
            engine.notes.add(Leftovers(rows=True, asked=erasure.rewrite))
        scores += own
    clear_away(connection, engine)
    return Erased(
        traces=len(traces),
        spans=spans,
        scores=scores,
        payload_bytes=payload_bytes,
        blobs=tuple(blobs),
        remaining=len(fetch(connection, seqs)),
    )


def clear_away(connection: duckdb.DuckDBPyConnection, engine: Engine) -> None:
    """Take off the disk what erasures left, those of an earlier process as well."""
    left = engine.notes.read()
    for file in sorted(left.files):
        _wipe(connection, engine, file)
    # In the writer's thread, where nobody stores a blob again meanwhile.
    for digest in erasing.unneeded(connection, sorted(left.blobs)):
        engine.blobs.delete(digest)
    engine.notes.keep(Leftovers(rows=left.rows, asked=left.asked))


def rewrite(connection: duckdb.DuckDBPyConnection, engine: Engine) -> None:
    """Take erased rows out of the database file and its log, if there may be any.

    DuckDB frees the blocks of deleted rows and leaves in them what they held: names, previews,
    errors, the reasons of scores.
    """
    if engine.notes.read().rows:
        _write_anew(connection, engine)


def _left_by(erasure: Erasure, taken: erasing.Taken) -> Leftovers:
    return Leftovers(
        files=frozenset(taken.files),
        blobs=frozenset(taken.unreferenced),
        rows=True,
        asked=erasure.rewrite,
    )


def _named(erasure: Erasure) -> Where:
    """The spans an erasure is about: whole traces, wherever one of their spans is named."""
    parts: list[str] = []
    where = Where()
    where.equal("project", erasure.project)
    for column, values in (
        ("trace_id", erasure.trace_ids),
        ("session", erasure.sessions),
        ('"user"', erasure.users),
    ):
        if values:
            parts.append(f"{column} IN (SELECT unnest({where.bind(list(values))}::VARCHAR[]))")
    if erasure.before_ns is not None:
        where.add(f"start_ns < {where.bind(erasure.before_ns)}")
        if not parts:
            return where
    named = " OR ".join(parts) or "false"
    where.add(fill(_WHOLE_TRACES, named=named))
    return where


def _erase_scores(connection: duckdb.DuckDBPyConnection, project: str, traces: set[str]) -> int:
    """The scores of traces of which no span is left, and of spans that are gone."""
    [(count,)] = connection.execute(
        "DELETE FROM scores WHERE project = $project"
        " AND coalesce(target_trace_id, target_id) IN (SELECT unnest($ids::VARCHAR[]))"
        " AND coalesce(target_trace_id, target_id) NOT IN (SELECT trace_id FROM spans"
        " WHERE project = $project AND trace_id IN (SELECT unnest($ids::VARCHAR[])))",
        {"project": project, "ids": list(traces)},
    ).fetchall()
    return int(count)


def _erase_own_scores(connection: duckdb.DuckDBPyConnection, erasure: Erasure) -> int:
    """Scores of sessions, and scores of traces that never came."""
    ids = [*erasure.trace_ids, *erasure.sessions]
    if not ids:
        return 0
    [(count,)] = connection.execute(
        "DELETE FROM scores WHERE project = $project AND target_kind IN ('session', 'trace')"
        " AND target_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"project": erasure.project, "ids": ids},
    ).fetchall()
    return int(count)


def _wipe(connection: duckdb.DuckDBPyConnection, engine: Engine, file: int) -> None:
    """Overwrite what no row names, once nobody reads it or copies it."""
    kept = [Extent(*row[1:]) for row in fetch(connection, statements.extents_of_file(file))]
    with engine.quiet():
        if kept:
            engine.files.wipe(file, kept)
        else:
            engine.files.delete(file)


def _move_out(connection: duckdb.DuckDBPyConnection, files: PackFiles, file: int) -> None:
    """Move the packs of a file to the end of the last one."""
    with _transaction(connection):
        for number, *at in fetch(connection, statements.extents_of_file(file)):
            try:
                body = files.read(Extent(*at))
            except StoreError as error:
                _log.error("a pack that is lost stays behind: %s", error)
                continue
            [moved] = files.append([body])
            execute(connection, statements.move_pack(number, *moved))


def compact(connection: duckdb.DuckDBPyConnection, engine: Engine) -> Compacted:
    """Write the database anew without its holes, and put the new file in the old one's place."""
    connection.execute("CHECKPOINT")
    before = engine.size_bytes
    files = engine.files
    for file, live in fetch(connection, statements.live_bytes()):
        if live < _DENSE * files.size(file):
            _move_out(connection, files, file)
        _wipe(connection, engine, file)
    with _transaction(connection):
        for query in statements.merge_rollups():
            execute(connection, query)
    _write_anew(connection, engine)
    return Compacted(before_bytes=before, after_bytes=engine.size_bytes)


def _write_anew(connection: duckdb.DuckDBPyConnection, engine: Engine) -> None:
    """Put a copy of what the database holds in its place: some 7 s for a million spans."""
    connection.execute("CHECKPOINT")
    fresh = Path(f"{engine.place}{COMPACT}")
    try:
        fresh.unlink(missing_ok=True)
        _copy(connection, fresh)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    engine.replace_file(fresh)
    engine.notes.keep(replace(engine.notes.read(), rows=False, asked=False))


def copy_to(connection: duckdb.DuckDBPyConnection, engine: Engine, path: Path) -> None:
    """A copy of the database, as it is at one moment, in a new file that is on disk."""
    # DuckDB may open no file anywhere else.
    link = Path(f"{engine.place}{COPY}")
    link.unlink(missing_ok=True)
    link.symlink_to(path.absolute())
    try:
        _copy(connection, link)
    finally:
        link.unlink(missing_ok=True)


def _copy(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    # A log that an earlier attempt left would be taken for one of this copy.
    Path(f"{path}.wal").unlink(missing_ok=True)
    quoted = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS copied (ROW_GROUP_SIZE {Engine.ROW_GROUP})")
    try:
        connection.execute("COPY FROM DATABASE telemetry TO copied")
    finally:
        connection.execute("DETACH copied")
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException:
        roll_back(connection)
        raise
