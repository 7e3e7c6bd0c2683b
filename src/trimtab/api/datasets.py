"""/api/v1/datasets: write versions, curate from judged calls, read rows."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import ExampleInput, Identifier, Line, require_path_name
from trimtab.datasets.curate import Curation, curate
from trimtab.records import Dataset, Example

_LATEST_NS = 2**63 - 1
"""The last moment that a nanosecond timestamp of 64 bits can name, in the year 2262."""


class DatasetInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole content of the next version."""

    name: str
    examples: list[ExampleInput]
    note: Line = ""


class CurationInput(Curation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which calls to take: those whose score `score` did not pass, or is below `below`."""

    score: Identifier
    since_ns: Annotated[int, Meta(ge=0, le=_LATEST_NS)] | None = None
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 1000


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
    )
    return reply(dataset, status=201)


async def listed(request: Request) -> Response:
    datasets = request.app.metadata.datasets
    return reply(Page(data=await asyncio.to_thread(datasets.list, request.project)))


async def read(request: Request) -> Response:
    datasets = request.app.metadata.datasets
    return reply(await asyncio.to_thread(datasets.get, request.project, request.path["ref"]))


async def examples(request: Request) -> Response:
    datasets = request.app.metadata.datasets
    rows = await asyncio.to_thread(datasets.examples, request.project, request.path["ref"])
    return reply(Page(data=list(rows)))


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
    )
    return reply(dataset, status=201)


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
        method="GET",
        path="/api/v1/datasets/{ref}/examples",
        permission="datasets:read",
        handler=examples,
        summary="The rows of a version",
        gives=list[Example],
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
