"""/api/v1/sql and /api/v1/filter: questions in SQL, and help with writing a filter."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.queries import GROUP_FIELDS
from trimtab.dialects.filter import Place, Suggestion, complete, place
from trimtab.ports import SpanQuery, Table

_TIMEOUT_S = 10.0
_RECENT_NS = 7 * 24 * 3_600_000_000_000
_VALUES = 50


class SQLInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One SELECT over the tables `spans` and `scores`."""

    sql: Annotated[str, Meta(max_length=20_000)]
    max_rows: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


async def sql(request: Request) -> Response:
    asked = request.json(SQLInput)
    await request.app.tracing.flush()
    table = await asyncio.to_thread(
        request.app.telemetry.sql,
        request.project,
        asked.sql,
        max_rows=asked.max_rows,
        timeout_s=_TIMEOUT_S,
    )
    table.rows[:] = [[_spelt(cell) for cell in row] for row in table.rows]
    return reply(table)


def _spelt(cell: Any) -> Any:
    """A cell with its decimals in plain digits, not as 0E-9."""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, list):
        return [_spelt(one) for one in cell]
    if isinstance(cell, dict):
        return {key: _spelt(one) for key, one in cell.items()}
    return cell


async def completion(request: Request) -> Response:
    text = request.query.get("text", "")
    cursor = request.whole_number("cursor", len(text), low=0, high=100_000)
    here = place(text, cursor)
    values = await asyncio.to_thread(_values, request, here) if here else []
    return reply(Page(data=list(complete(text, cursor, values=values))))


def _values(request: Request, here: Place) -> list[str]:
    """What an open field was in the last week, the commonest first."""
    field = next((name for name in GROUP_FIELDS if name == here.field), None)
    if here.part != "value" or field is None:
        return []
    since_ns = request.app.clock.now_ns() - _RECENT_NS
    query = SpanQuery(project=request.project, since_ns=since_ns)
    found = request.app.telemetry.facets(query, [field], limit=_VALUES)
    return [facet.value for facet in found[field]]


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/sql",
        permission="sql:call",
        handler=sql,
        summary="Answer one SELECT over the project's spans and scores; nothing is changed",
        takes=SQLInput,
        gives=Table,
        abandons=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/filter/complete",
        permission="traces:read",
        handler=completion,
        summary="What could stand at a place of a filter that is being written",
        gives=list[Suggestion],
        query={
            "text": "the filter so far",
            "cursor": "a character of it, from 0 (default its end)",
        },
    ),
]
