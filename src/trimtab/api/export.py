"""GET /api/v1/export: whatever a filter finds, as a stream of JSON lines, CSV or a Parquet file.

Records are read page by page while they are sent, so that an export of any size takes little
memory. A Parquet file is put together on disk first: its table of contents is at its end.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from trimtab.api.flat import COLUMNS, Column, flat
from trimtab.api.http import Endpoint, Request, Response
from trimtab.api.queries import FILTER, asked
from trimtab.kit import jsonx
from trimtab.ports import ScoreQuery, SpanQuery

_PAGE = 500
_MAX_ROWS: Final = 10_000_000
_MAX_SCORES: Final = 1_000_000
_CHUNK_BYTES = 1 << 20
SHAPES = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
Records = Iterable[msgspec.Struct]


async def export(request: Request) -> Response:
    what = request.choice("what", tuple(COLUMNS)) or "spans"
    shape = request.choice("format", tuple(SHAPES)) or "jsonl"
    limit = request.whole_number("limit", _MAX_ROWS, low=1, high=_MAX_ROWS)
    query = asked(request, limit=_PAGE)
    await request.app.tracing.flush()
    records = islice(_records(request, query, what), limit)
    return sent(request, records, COLUMNS[what], name=what, shape=shape)


def sent(
    request: Request, records: Records, columns: Sequence[Column], *, name: str, shape: str
) -> Response:
    """Records as a file of one of `SHAPES`, read as they are sent."""
    if shape == "parquet":
        stream = _file(request, records, columns)
    else:
        pieces = _lines(records) if shape == "jsonl" else _table(records, columns)
        stream = _threaded(pieces)
    return Response(
        media_type=SHAPES[shape],
        headers={"content-disposition": f'attachment; filename="{name}.{shape}"'},
        stream=stream,
    )


def _records(request: Request, query: SpanQuery, what: str) -> Iterator[msgspec.Struct]:
    """Everything the query finds, newest first, read as it is asked for."""
    telemetry = request.app.telemetry
    if what == "spans":
        while found := telemetry.spans(query):
            yield from found
            query = replace(query, page=(found[-1].start_ns, found[-1].span_id))
    elif what == "traces":
        while rows := telemetry.traces(query):
            yield from rows
            query = replace(query, page=(rows[-1].start_ns, rows[-1].trace_id))
    elif not request.query.get("filter"):
        yield from telemetry.scores(ScoreQuery(project=query.project, limit=_MAX_SCORES))
    else:
        while rows := telemetry.traces(query):
            for row in rows:
                of_trace = ScoreQuery(
                    project=query.project, trace_ids=(row.trace_id,), limit=10_000
                )
                yield from telemetry.scores(of_trace)
            query = replace(query, page=(rows[-1].start_ns, rows[-1].trace_id))


def _lines(records: Records) -> Iterator[bytes]:
    for record in records:
        yield jsonx.encode(record) + b"\n"


def _table(records: Records, columns: Sequence[Column]) -> Iterator[bytes]:
    """CSV as RFC 4180 has it, with a header; null is an empty cell, empty text a quoted one."""
    yield ",".join(column.name for column in columns).encode() + b"\r\n"
    for record in records:
        yield ",".join(map(_csv, flat(record, columns))).encode() + b"\r\n"


def _csv(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell)
    if text and not any(char in text for char in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


async def _threaded(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Pieces made in a thread, some at a time."""
    while chunk := await asyncio.to_thread(_chunk, pieces):
        yield chunk


def _chunk(pieces: Iterator[bytes]) -> bytes:
    taken: list[bytes] = []
    size = 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= _CHUNK_BYTES:
            break
    return b"".join(taken)


async def _file(
    request: Request, records: Records, columns: Sequence[Column]
) -> AsyncGenerator[bytes, None]:
    with tempfile.TemporaryDirectory(prefix="trimtab-export-") as folder:
        target = Path(folder) / "export.parquet"
        await asyncio.to_thread(_write, request, records, columns, target)
        with target.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk


def _write(request: Request, records: Records, columns: Sequence[Column], target: Path) -> None:
    lines = target.with_suffix(".jsonl")
    names = [column.name for column in columns]
    longest = 0
    with lines.open("wb") as file:
        for record in records:
            row: dict[str, Any] = dict(zip(names, flat(record, columns), strict=True))
            longest = max(longest, file.write(jsonx.encode(row) + b"\n"))
    types = {column.name: str(column.type) for column in columns}
    request.app.write_parquet(lines, target, types, longest_bytes=longest)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/export",
        permission="traces:read",
        handler=export,
        summary="Download everything that a filter finds",
        query={
            "what": "spans (default), traces or scores",
            "format": "jsonl (default), csv or parquet",
            **FILTER,
            "limit": f"at most how many, 1 to {_MAX_ROWS} (default all)",
        },
    ),
]
