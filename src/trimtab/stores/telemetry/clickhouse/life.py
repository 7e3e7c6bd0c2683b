"""The life of a store on ClickHouse: prices corrected, spans erased, parts merged, a copy made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trimtab.ports import Compacted, Cost, Erased, Erasure
from trimtab.stores.telemetry import rows
from trimtab.stores.telemetry.clickhouse.connection import Connection
from trimtab.stores.telemetry.filters import Where
from trimtab.stores.telemetry.queries import Query, fill
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS

_AT_ONCE = 2_000
_TABLES = ("spans", "score_versions")
_CALLS = """
    SELECT seq, trace_id, span_id, cost_usd FROM spans
    WHERE project = $project AND span_id IN (SELECT unnest($ids::VARCHAR[]))"""
_PRICE = """
    ALTER TABLE spans UPDATE
        cost_usd = toDecimal64OrNull(
            transform(seq, {seqs:Array(Int64)}, {costs:Array(String)}, ''), 9),
        cost_source = if(
            transform(seq, {seqs:Array(Int64)}, {costs:Array(String)}, '') = '', NULL, 'table')
    WHERE project = {project:String} AND seq IN {seqs:Array(Int64)}"""
_WHOLE_TRACES = "trace_id IN (SELECT trace_id FROM spans WHERE project = $project AND ({named}))"
_GONE = """
    SELECT count(*), coalesce(sum({bytes}), 0) FROM spans
    WHERE project = {project:String} AND trace_id IN {ids:Array(String)} AND {floor}"""
_DELETE_TRACES = """
    DELETE FROM spans
    WHERE project = {project:String} AND trace_id IN {ids:Array(String)} AND {floor}"""
_SCORE_IDS = "SELECT score_id FROM scores WHERE {where}"
_SCORES_GONE = """
    project = {project:String} AND coalesce(target_trace_id, target_id) IN {ids:Array(String)}"""


def set_costs(connection: Connection, project: str, costs: Sequence[Cost]) -> int:
    """Store new prices; how many changed. Sums by hour are of the rows, so they follow."""
    wanted = {(cost.trace_id, cost.span_id): rows.amount(cost.cost_usd) for cost in costs}
    changed = 0
    for start in range(0, len(costs), _AT_ONCE):
        span_ids = [cost.span_id for cost in costs[start : start + _AT_ONCE]]
        found = connection.fetch(Query(_CALLS, {"project": project, "ids": span_ids}))
        prices = {
            seq: wanted[trace, span]
            for seq, trace, span, cost in found
            if (trace, span) in wanted and wanted[trace, span] != cost
        }
        if prices:
            texts = ["" if cost is None else str(cost) for cost in prices.values()]
            values = {"project": project, "seqs": list(prices), "costs": texts}
            connection.run(_PRICE, values)
        changed += len(prices)
    return changed


def erase(connection: Connection, erasure: Erasure) -> Erased:
    """Remove what an erasure names, in portions; a crash in between leaves the rest for later.

    Rows are gone from every answer at once. The parts that hold them are then written anew, where
    the erasure says so; else they leave when parts are merged, which `compact` does. ClickHouse
    deletes the files of old parts some minutes later, so `compacted` is never true.
    """
    where = _named(erasure)
    traces = spans = payload_bytes = scores = 0
    portion = Query(
        fill("SELECT DISTINCT trace_id FROM spans WHERE {where} LIMIT $at_once", where=where.text),
        where.parameters | {"at_once": _AT_ONCE},
    )
    while found := connection.fetch(portion):
        ids = [trace_id for (trace_id,) in found]
        count, size = _erase_traces(connection, erasure, ids)
        scores += _erase_scores(connection, erasure.project, ids)
        traces, spans, payload_bytes = traces + len(ids), spans + count, payload_bytes + size
    scores += _erase_own_scores(connection, erasure)
    if erasure.rewrite:
        _write_out(connection)
    return Erased(
        traces=traces,
        spans=spans,
        scores=scores,
        payload_bytes=payload_bytes,
        remaining=len(connection.fetch(portion)),
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
    where.add(fill(_WHOLE_TRACES, named=" OR ".join(parts) or "false"))
    return where


def _erase_traces(connection: Connection, erasure: Erasure, ids: Sequence[str]) -> tuple[int, int]:
    """Delete the spans of these traces: how many, and their bytes."""
    values: dict[str, Any] = {"project": erasure.project, "ids": list(ids)}
    floor = "true"
    if erasure.before_ns is not None:
        floor = "start_ns < {before:Int64}"
        values["before"] = erasure.before_ns
    size = " + ".join(f"length({field})" for field in PAYLOAD_FIELDS)
    [(count, total)] = connection.ask(fill(_GONE, bytes=size, floor=floor), values).rows
    connection.run(fill(_DELETE_TRACES, floor=floor), values)
    return count, total


def _erase_scores(connection: Connection, project: str, ids: Sequence[str]) -> int:
    """The scores of traces of which no span is left."""
    left = connection.ask(
        "SELECT DISTINCT trace_id FROM spans"
        " WHERE project = {project:String} AND trace_id IN {ids:Array(String)}",
        {"project": project, "ids": list(ids)},
    ).rows
    gone = set(ids) - {trace_id for (trace_id,) in left}
    return _delete_scores(connection, _SCORES_GONE, project, list(gone))


def _erase_own_scores(connection: Connection, erasure: Erasure) -> int:
    """Scores of sessions, and scores of traces that never came."""
    ids = [*erasure.trace_ids, *erasure.sessions]
    where = """project = {project:String} AND target_kind IN ('session', 'trace')
        AND target_id IN {ids:Array(String)}"""
    return _delete_scores(connection, where, erasure.project, ids)


def _delete_scores(connection: Connection, where: str, project: str, ids: list[str]) -> int:
    """Every version of the scores whose newest one meets a condition."""
    if not ids:
        return 0
    values = {"project": project, "ids": ids}
    found = connection.ask(fill(_SCORE_IDS, where=where), values).rows
    if found:
        connection.run(
            "DELETE FROM score_versions"
            " WHERE project = {project:String} AND score_id IN {ids:Array(String)}",
            {"project": project, "ids": [score_id for (score_id,) in found]},
        )
    return len(found)


def compact(connection: Connection) -> Compacted:
    """Merge all parts, and leave out of them what was erased or replaced."""
    before = _size_bytes(connection)
    _write_out(connection)
    for table in _TABLES:
        connection.run(f"OPTIMIZE TABLE {table} FINAL")
    return Compacted(before_bytes=before, after_bytes=_size_bytes(connection))


def _write_out(connection: Connection) -> None:
    """Rewrite the parts that hold rows which were deleted."""
    for table in _TABLES:
        connection.run(f"ALTER TABLE {table} APPLY DELETED MASK")


def _size_bytes(connection: Connection) -> int:
    [(size,)] = connection.ask(
        "SELECT coalesce(sum(bytes_on_disk), 0) FROM system.parts"
        " WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}",
        {"tables": list(_TABLES)},
    ).rows
    return int(size)


def copy_to(connection: Connection, directory: Path) -> None:
    """Both tables as Parquet files that are on disk."""
    for table in _TABLES:
        with (directory / f"{table}.parquet").open("wb") as file:
            for piece in connection.stream(fill("SELECT * FROM {table}", table=table), "Parquet"):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
