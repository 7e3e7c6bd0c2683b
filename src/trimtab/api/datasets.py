"""/api/v1/datasets: write versions, curate from judged calls, read rows."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import ExampleInput, Identifier, Line, require_path_name
from trimtab.datasets.curate import Curation, curate
from trimtab.kit import jsonx
from trimtab.records import Dataset, Example

_LATEST_NS = 2**63 - 1
"""The last moment that a nanosecond timestamp of 64 bits can name, in the year 2262."""
_MOST_ROWS = 10_000
_ROWS = 1_000
_PAGE_BYTES = 16 << 20

Tag = Annotated[str, Meta(min_length=1, max_length=100)]
Tags = Annotated[list[Tag], Meta(max_length=50)]


class DatasetInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole content of the next version.

    `schema` is a JSON Schema of an object of a row's input, expected and metadata; null keeps that
    of the version before, {} is none.
    """

    name: str
    examples: list[ExampleInput]
    note: Line = ""
    schema: dict[str, Any] | None = None
    tags: Tags = []


class CurationInput(Curation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls to take: those whose score `score` did not pass, or is below `below`."""

    score: Identifier
    since_ns: Annotated[int, Meta(ge=0, le=_LATEST_NS)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 1000


class ExamplePage(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the version `ref` in order; `next` is the `after` of the next page, null on the last.

    Ask for the next page of `ref`, so that all are of one version.
    """

    ref: str
    data: list[Example]
    next: int | None


class SourcePage(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls rows were made from; `ref` and `next` as for the rows themselves."""

    ref: str
    data: list[Source]
    next: int | None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A row and the call it was made from; null where it was made from none."""

    example_id: str
    source_trace: str | None
    source_span: str | None


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """How many versions were removed."""

    versions: int


async def add(request: Request) -> Response:
    given = request.json(DatasetInput)
    require_path_name(given.name, where="name")
    dataset = await asyncio.to_thread(
        request.app.metadata.datasets.add,
        request.project,
        given.name,
        given.examples,
        note=given.note,
        created_ns=request.app.clock.now_ns(),
        schema=given.schema,
        tags=given.tags,
        by=request.principal.id,
    )
    return reply(dataset, status=201)


async def listed(request: Request) -> Response:
    datasets = request.app.metadata.datasets
    return reply(Page(data=await asyncio.to_thread(datasets.list, request.project)))


async def read(request: Request) -> Response:
    datasets = request.app.metadata.datasets
    return reply(await asyncio.to_thread(datasets.get, request.project, request.path["ref"]))


async def versions(request: Request) -> Response:
    datasets = request.app.metadata.datasets
    found = await asyncio.to_thread(datasets.versions, request.project, request.path["ref"])
    return reply(Page(data=found))


async def examples(request: Request) -> Response:
    return reply(await asyncio.to_thread(_page, request))


async def lineage(request: Request) -> Response:
    page = await asyncio.to_thread(_page, request)
    sources = [
        Source(
            example_id=row.example_id,
            source_trace=row.source_trace,
            source_span=row.source_span,
        )
        for row in page.data
    ]
    return reply(SourcePage(ref=page.ref, data=sources, next=page.next))


def _page(request: Request) -> ExamplePage:
    after = request.whole_number("after", 0, low=0, high=10**12)
    limit = request.whole_number("limit", _ROWS, low=1, high=_MOST_ROWS)
    datasets = request.app.metadata.datasets
    # The version is named, so that a page is of one version however many are added meanwhile.
    dataset = datasets.get(request.project, request.path["ref"])
    rows, size_bytes = [], 0
    for row in datasets.rows(request.project, dataset.ref, after=after, limit=limit):
        rows.append(row)
        size_bytes += len(jsonx.encode(row))
        if size_bytes >= _PAGE_BYTES:
            break
    end = after + len(rows)
    following = end if rows and end < dataset.size else None
    return ExamplePage(ref=dataset.ref, data=rows, next=following)


async def remove(request: Request) -> Response:
    datasets = request.app.metadata.datasets
    name, by = request.path["ref"], request.principal.id
    removed = await asyncio.to_thread(datasets.remove, request.project, name, by=by)
    return reply(Removed(versions=removed))


async def curated(request: Request) -> Response:
    curation = request.json(CurationInput)
    await request.app.tracing.flush()
    dataset = await asyncio.to_thread(
        curate,
        request.app.telemetry,
        request.app.metadata.datasets,
        request.app.clock,
        project=request.project,
        name=request.path["ref"],
        curation=curation,
        by=request.principal.id,
    )
    return reply(dataset, status=201)


PAGED = {
    "after": "how many rows come before the page (default 0): `next` of the page before",
    "limit": f"at most how many rows, 1 to {_MOST_ROWS} (default {_ROWS})",
}

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/datasets",
        permission="datasets:write",
        handler=add,
        summary="Store the next version of a dataset; unchanged rows are the same version",
        takes=DatasetInput,
        gives=Dataset,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/datasets",
        permission="datasets:read",
        handler=listed,
        summary="List the newest version of each dataset",
        gives=list[Dataset],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/datasets/{ref}",
        permission="datasets:read",
        handler=read,
        summary="One dataset: name for the newest version, name@3 for a version",
        gives=Dataset,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/datasets/{ref}",
        permission="datasets:write",
        handler=remove,
        summary="Remove all versions of a dataset",
        gives=Removed,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/datasets/{ref}/versions",
        permission="datasets:read",
        handler=versions,
        summary="The versions of a dataset, newest first",
        gives=list[Dataset],
    ),
    Endpoint(
        method="GET",
        path="/api/v1/datasets/{ref}/examples",
        permission="datasets:read",
        handler=examples,
        summary="The rows of a version, page by page",
        gives=ExamplePage,
        query=PAGED,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/datasets/{ref}/lineage",
        permission="datasets:read",
        handler=lineage,
        summary="Which calls the rows of a version were made from, page by page",
        gives=SourcePage,
        query=PAGED,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/datasets/{ref}/curate",
        permission="datasets:write",
        handler=curated,
        summary="Add the calls that failed a score to a dataset, as its next version",
        takes=CurationInput,
        gives=Dataset,
    ),
]
