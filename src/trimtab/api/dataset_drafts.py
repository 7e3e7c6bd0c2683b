"""/api/v1/dataset-drafts: versions of any size, sent in pieces and committed at the end."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.api.datasets import Tags
from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.inputs import ExampleInput, Line, require_path_name
from trimtab.records import Dataset


class DraftInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The dataset whose next version it will be, and the schema of its rows as for a dataset."""

    name: str
    schema: dict[str, Any] | None = None


class DraftRows(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Further rows; `after` is how many the draft has, so that none is taken twice."""

    examples: list[ExampleInput]
    after: Annotated[int, Meta(ge=0)]


class CommitInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of the version."""

    note: Line = ""
    tags: Tags = []


class DraftState(msgspec.Struct, frozen=True, kw_only=True):
    """A draft by its id, and how many rows it has."""

    draft: str
    rows: int


async def begin(request: Request) -> Response:
    given = request.json(DraftInput)
    require_path_name(given.name, where="name")
    draft = await asyncio.to_thread(
        request.app.metadata.datasets.draft,
        request.project,
        given.name,
        created_ns=request.app.clock.now_ns(),
        schema=given.schema,
    )
    return reply(DraftState(draft=draft, rows=0), status=201)


async def extend(request: Request) -> Response:
    given = await asyncio.to_thread(request.json, DraftRows)
    draft = request.path["draft"]
    rows = await asyncio.to_thread(
        request.app.metadata.datasets.extend,
        request.project,
        draft,
        given.examples,
        after=given.after,
    )
    return reply(DraftState(draft=draft, rows=rows))


async def commit(request: Request) -> Response:
    given = request.json(CommitInput)
    dataset = await asyncio.to_thread(
        request.app.metadata.datasets.commit,
        request.project,
        request.path["draft"],
        note=given.note,
        created_ns=request.app.clock.now_ns(),
        tags=given.tags,
        by=request.principal.id,
    )
    return reply(dataset, status=201)


async def discard(request: Request) -> Response:
    draft = request.path["draft"]
    await asyncio.to_thread(request.app.metadata.datasets.discard, request.project, draft)
    return reply(DraftState(draft=draft, rows=0))


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/dataset-drafts",
        permission="datasets:write",
        handler=begin,
        summary="Begin the next version of a dataset, to be sent in pieces",
        takes=DraftInput,
        gives=DraftState,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/dataset-drafts/{draft}/examples",
        permission="datasets:write",
        handler=extend,
        summary="Add rows to a draft; they are durable when this answers",
        takes=DraftRows,
        gives=DraftState,
        bulk=True,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/dataset-drafts/{draft}/commit",
        permission="datasets:write",
        handler=commit,
        summary="Make a draft the next version of its dataset",
        takes=CommitInput,
        gives=Dataset,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/dataset-drafts/{draft}",
        permission="datasets:write",
        handler=discard,
        summary="Forget a draft",
        gives=DraftState,
    ),
]
