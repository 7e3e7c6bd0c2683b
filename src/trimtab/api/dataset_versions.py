"""Versions of datasets compared, checked, and made of others or of recorded calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.api.datasets import Tags
from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.inputs import Line, require_path_name
from trimtab.api.queries import period
from trimtab.datasets.calls import Expected, examples_of_table, examples_of_traces
from trimtab.datasets.difference import Difference, differ
from trimtab.datasets.overlap import (
    GRAM_WORDS,
    Contamination,
    Repetition,
    contamination,
    repetition,
    without_repeated,
)
from trimtab.datasets.splitting import check_ratio, split
from trimtab.dialects import filter as language
from trimtab.errors import Forbidden, InvalidRequest, NotFound
from trimtab.ports import SpanQuery
from trimtab.records import Dataset, Example

_MOST_SHOWN = 1_000
_MOST_TRACES = 100_000
_MOST_SQL_ROWS = 10_000
_SQL_TIMEOUT_S = 10.0

Similarity = Annotated[float, Meta(gt=0, le=1)]


class CallsInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Recorded calls as the rows of the next version: those of a filter, or of one SELECT.

    With `filter`, `expected` says what becomes the expected answer: output, none or score:NAME.
    With `sql`, `columns` says which column is which field; names that say it need not be told.
    `append` keeps the rows of the version before, and those of its calls that it has already.
    """

    filter: str | None = None
    sql: Annotated[str, Meta(max_length=20_000)] | None = None
    columns: dict[str, str] = {}
    expected: str = "none"
    append: bool = False
    limit: Annotated[int, Meta(ge=1, le=_MOST_TRACES)] = 1_000
    note: Line = ""
    schema: dict[str, Any] | None = None
    tags: Tags = []


class SplitInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of each split, together 1. Another seed draws other splits."""

    ratio: dict[Annotated[str, Meta(min_length=1, max_length=100)], float]
    seed: Line = ""


class DedupeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows as much like an earlier one as `near` are left out; null: those with the same input."""

    near: Similarity | None = None


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What repeats itself in a version, and what of it another one knows (null: not asked)."""

    repetition: Repetition
    contamination: Contamination | None


async def difference(request: Request) -> Response:
    found = await asyncio.to_thread(
        differ,
        request.app.metadata.datasets,
        request.project,
        _base(request),
        request.path["ref"],
        limit=request.whole_number("limit", 100, low=0, high=_MOST_SHOWN),
    )
    return reply(found)


async def check(request: Request) -> Response:
    return reply(await asyncio.to_thread(_checked, request))


def _checked(request: Request) -> CheckReport:
    datasets, ref = request.app.metadata.datasets, request.path["ref"]
    shown = request.whole_number("limit", 20, low=0, high=_MOST_SHOWN)
    against = request.query.get("against")
    return CheckReport(
        repetition=repetition(
            datasets, request.project, ref, threshold=_similarity(request), shown=shown
        ),
        contamination=contamination(
            datasets,
            request.project,
            ref,
            against,
            gram_words=request.whole_number("gram_words", GRAM_WORDS, low=1, high=50),
            shown=shown,
        )
        if against
        else None,
    )


async def dedupe(request: Request) -> Response:
    given = request.json(DedupeInput)
    datasets, ref = request.app.metadata.datasets, request.path["ref"]
    rows = without_repeated(datasets, request.project, ref, threshold=given.near)
    return await _next_version(request, rows, f"without repeated rows of {ref}")


async def split_up(request: Request) -> Response:
    given = request.json(SplitInput)
    check_ratio(given.ratio)
    ref = request.path["ref"]
    source = await asyncio.to_thread(request.app.metadata.datasets.rows, request.project, ref)
    shares = ", ".join(f"{name} {share:g}" for name, share in given.ratio.items())
    rows = split(source, given.ratio, seed=given.seed)
    return await _next_version(request, rows, f"split into {shares}")


async def of_calls(request: Request) -> Response:
    given = request.json(CallsInput)
    name = request.path["ref"]
    require_path_name(name, where="name")
    if (given.filter is None) == (given.sql is None):
        raise InvalidRequest("give either a filter or sql", where="$", fix="send one of the two")
    _require(request, "traces:read" if given.sql is None else "sql:call")
    await request.app.tracing.flush()
    rows = await asyncio.to_thread(_of_calls, request, given)
    if given.append:
        rows = await asyncio.to_thread(_appended, request, rows)
    note = given.note or f"calls of {given.filter or 'a query'!r}"[:2_000]
    return await _next_version(request, rows, note, schema=given.schema, tags=given.tags)


def _require(request: Request, permission: str) -> None:
    """What a dataset is made of can be read in it, so its maker must be allowed to read that."""
    if not request.principal.may(permission):
        raise Forbidden(
            f"making a dataset of recorded calls needs the permission {permission}",
            fix="use a key that has it",
            permission=permission,
        )


def _of_calls(request: Request, given: CallsInput) -> Iterable[Example]:
    telemetry = request.app.telemetry
    if given.sql is not None:
        table = telemetry.sql(
            request.project,
            given.sql,
            max_rows=min(given.limit, _MOST_SQL_ROWS),
            timeout_s=_SQL_TIMEOUT_S,
        )
        return examples_of_table(table, given.columns)
    where = language.parse(given.filter or "", now_ns=request.app.clock.now_ns())
    where, since_ns, until_ns = period(where)
    query = SpanQuery(project=request.project, where=where, since_ns=since_ns, until_ns=until_ns)
    expected = Expected.parse(given.expected)
    return examples_of_traces(telemetry, query, expected, limit=given.limit)


def _appended(request: Request, rows: Iterable[Example]) -> Iterable[Example]:
    datasets, name = request.app.metadata.datasets, request.path["ref"].partition("@")[0]
    try:
        known = datasets.digests(request.project, name)
        before = datasets.rows(request.project, name)
    except NotFound:
        return rows
    return chain(before, (row for row in rows if row.example_id not in known))


async def _next_version(
    request: Request, rows: Iterable[Example], note: str, **more: Any
) -> Response:
    dataset = await asyncio.to_thread(
        request.app.metadata.datasets.add,
        request.project,
        request.path["ref"].partition("@")[0],
        rows,
        note=note,
        created_ns=request.app.clock.now_ns(),
        by=request.principal.id,
        **more,
    )
    return reply(dataset, status=201)


def _base(request: Request) -> str:
    """The version to compare with: what is named, else the one before."""
    against = request.query.get("against")
    if against:
        return against
    dataset = request.app.metadata.datasets.get(request.project, request.path["ref"])
    if dataset.version == 1:
        raise InvalidRequest(
            f"there is no version before {dataset.ref}",
            where="query parameter against",
            fix="name the version to compare with",
        )
    return f"{dataset.name}@{dataset.version - 1}"


def _similarity(request: Request) -> float:
    text = request.query.get("near", "0.8")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise InvalidRequest(
            f"near must be a number above 0 and up to 1, not {text[:50]!r}",
            where="query parameter near",
            fix="send for example near=0.8",
        )
    return value


_SHOWN = f"how many rows are shown, 0 to {_MOST_SHOWN}"
ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/datasets/{ref}/diff",
        permission="datasets:read",
        handler=difference,
        summary="Rows added, removed and changed since another version",
        gives=Difference,
        query={
            "against": "the version to compare with (default the one before)",
            "limit": f"{_SHOWN}, of each kind (default 100)",
        },
    ),
    Endpoint(
        method="GET",
        path="/api/v1/datasets/{ref}/check",
        permission="datasets:read",
        handler=check,
        summary="Rows that repeat each other, and rows that another set knows",
        gives=CheckReport,
        query={
            "against": "the set that may know the rows, for example what was trained on",
            "near": "how much alike rows are that count as repeated, up to 1 (default 0.8)",
            "gram_words": f"words of a run that both sets have, 1 to 50 (default {GRAM_WORDS})",
            "limit": f"{_SHOWN} (default 20)",
        },
    ),
    Endpoint(
        method="POST",
        path="/api/v1/datasets/{ref}/dedupe",
        permission="datasets:write",
        handler=dedupe,
        summary="Store the next version without rows that repeat an earlier one",
        takes=DedupeInput,
        gives=Dataset,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/datasets/{ref}/split",
        permission="datasets:write",
        handler=split_up,
        summary="Store the next version with each cluster of rows in a split",
        takes=SplitInput,
        gives=Dataset,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/datasets/{ref}/calls",
        permission="datasets:write",
        handler=of_calls,
        summary="Store recorded calls as the next version, each leading back to its span",
        takes=CallsInput,
        gives=Dataset,
    ),
]
