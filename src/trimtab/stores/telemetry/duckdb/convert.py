"""Rows of schema 1 carried over into schema 2: payloads from rows of their own into packs.

Scores stay as they are, under another primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import msgspec

from trimtab.ports import BlobStore
from trimtab.records import Span, Usage
from trimtab.stores.telemetry import rows
from trimtab.stores.telemetry.duckdb.connection import Appenders, roll_back
from trimtab.stores.telemetry.duckdb.files import PackFiles
from trimtab.stores.telemetry.duckdb.transaction import Counters, NewSpan, Transaction
from trimtab.stores.telemetry.queries import fill

_PORTION = 2_000
_NEXT = "SELECT seq, {columns} FROM spans_0001 WHERE seq > $seq ORDER BY seq LIMIT $limit"
_PLAIN = (
    "trace_id",
    "span_id",
    "parent_id",
    "project",
    "name",
    "kind",
    "start_ns",
    "end_ns",
    "status",
    "error",
    "session",
    "user",
    "environment",
    "service",
    "route",
    "release",
    "run",
    "provider",
    "model",
    "first_token_ns",
    "cost_usd",
)
_JSON = ("attributes", "events", "tags")
_PAYLOADS = ("input_payloads", "input_is_list", "output_payloads", "output_is_list")


def convert(connection: duckdb.DuckDBPyConnection, blobs: BlobStore, files: PackFiles) -> None:
    """Carry scores over, and spans in order of arrival, and drop the old tables.

    It may be stopped and started again: what is there already is not written twice.
    """
    _carry_scores(connection)
    counters = Counters.read(connection, now_ns=lambda: 0)
    for portion in _portions(connection, blobs):
        new = [NewSpan.of(rows.encode_span(span), blobs.put) for span in portion]
        Transaction(Appenders(connection), counters, files).run([new], [[]])
    for table in ("spans_0001", "payloads_0001"):
        connection.execute(f"DROP TABLE {table}")


def is_due(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether there are rows of schema 1."""
    return _is_there(connection, "payloads_0001")


def _is_there(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    [(count,)] = connection.execute(
        "SELECT count(*) FROM duckdb_tables()"
        " WHERE database_name = current_database() AND table_name = $table",
        {"table": table},
    ).fetchall()
    return bool(count)


def _carry_scores(connection: duckdb.DuckDBPyConnection) -> None:
    if not _is_there(connection, "scores_0001"):
        return
    connection.begin()
    try:
        connection.execute("INSERT INTO scores BY NAME SELECT * FROM scores_0001")
        connection.execute("DROP TABLE scores_0001")
        connection.commit()
    except BaseException:
        roll_back(connection)
        raise


def _portions(connection: duckdb.DuckDBPyConnection, blobs: BlobStore) -> Iterator[Sequence[Span]]:
    buckets = [f"{bucket}_tokens" for bucket in rows.BUCKETS]
    columns = [*_PLAIN, *_JSON, *_PAYLOADS, *buckets, "usage_estimated"]
    listed = ", ".join(f'"{column}"' for column in columns)
    last = 0
    while True:
        found = connection.execute(
            fill(_NEXT, columns=listed), {"seq": last, "limit": _PORTION}
        ).fetchall()
        if not found:
            return
        last = found[-1][0]
        cells = [dict(zip(columns, row[1:], strict=True)) for row in found]
        body = _reader(connection, blobs, cells)
        yield [_span(cell, body) for cell in cells]


def _reader(
    connection: duckdb.DuckDBPyConnection, blobs: BlobStore, cells: Sequence[dict[str, Any]]
) -> Callable[[int], str]:
    ids = {
        key
        for cell in cells
        for column in ("input_payloads", "output_payloads")
        for key in cell[column] or ()
    }
    bodies = connection.execute(
        "SELECT id, body, lower(hex(hash)) FROM payloads_0001"
        " WHERE id IN (SELECT unnest($ids::BIGINT[]))",
        {"ids": list(ids)},
    ).fetchall()
    found = {
        key: blobs.get(digest).decode() if body is None else body for key, body, digest in bodies
    }
    return found.__getitem__


def _span(cell: dict[str, Any], body: Callable[[int], str]) -> Span:
    counts = {bucket: cell[f"{bucket}_tokens"] for bucket in rows.BUCKETS}
    estimated = cell["usage_estimated"]
    return Span(
        **{name: cell[name] for name in _PLAIN if name != "cost_usd"},
        cost_usd=rows.money(cell["cost_usd"]),
        cost_source=None if cell["cost_usd"] is None else "table",
        usage=None if estimated is None else Usage(**counts, estimated=estimated),
        input=_value(cell["input_payloads"], cell["input_is_list"], body),
        output=_value(cell["output_payloads"], cell["output_is_list"], body),
        tags=tuple(cell["tags"]),
        attributes=msgspec.json.decode(cell["attributes"]),
        events=tuple(msgspec.json.decode(cell["events"])),
    )


def _value(ids: Sequence[int] | None, is_list: bool, body: Callable[[int], str]) -> Any:
    if ids is None:
        return None
    bodies = [body(key) for key in ids]
    return msgspec.json.decode(f"[{','.join(bodies)}]" if is_list else bodies[0])
