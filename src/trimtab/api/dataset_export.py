"""GET /api/v1/datasets/{ref}/export: the rows of a version as a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec

from trimtab.api.export import SHAPES, sent
from trimtab.api.flat import Column
from trimtab.api.http import Endpoint, Request, Response
from trimtab.kit import jsonx
from trimtab.records import Example
from trimtab.records.record import Json

_COLUMNS = [Column(name, "text", (name,)) for name in Example.__struct_fields__]


class FlatExample(msgspec.Struct, frozen=True, kw_only=True):
    """A row of texts, for tables: what is no text is in JSON."""

    example_id: str
    input: str
    expected: str | None
    context: str | None
    metadata: str | None
    tags: str | None
    split: str | None
    cluster: str | None
    source_trace: str | None
    source_span: str | None


async def export(request: Request) -> Response:
    shape = request.choice("format", tuple(SHAPES)) or "jsonl"
    datasets = request.app.metadata.datasets
    dataset = await asyncio.to_thread(datasets.get, request.project, request.path["ref"])
    rows = datasets.rows(request.project, dataset.ref)
    records: Iterator[msgspec.Struct] = rows if shape == "jsonl" else map(_flat, rows)
    # Not the dataset's name: it may hold what no header can.
    return sent(request, records, _COLUMNS, name=f"dataset-{dataset.version}", shape=shape)


def _flat(row: Example) -> FlatExample:
    return FlatExample(
        example_id=row.example_id,
        input=_text(row.input) or "null",
        expected=_text(row.expected),
        context=_text(list(row.context)) if row.context else None,
        metadata=_text(row.metadata) if row.metadata else None,
        tags=_text(list(row.tags)) if row.tags else None,
        split=row.split,
        cluster=row.cluster,
        source_trace=row.source_trace,
        source_span=row.source_span,
    )


def _text(value: Json) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return jsonx.encode(value).decode()


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/datasets/{ref}/export",
        permission="datasets:read",
        handler=export,
        summary="Download the rows of a version",
        query={"format": "jsonl (default), csv or parquet"},
    ),
]
