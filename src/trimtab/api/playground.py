"""/api/v1/playground: columns streamed side by side, previewed, saved, run and replayed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.inputs import Identifier, Line, require_path_name
from trimtab.api.llm import caller_of
from trimtab.api.problem import members
from trimtab.api.runs import asked_for
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.governance import access
from trimtab.kit.ids import is_span_id, is_trace_id
from trimtab.playground.column import Column, numbered, require_words
from trimtab.playground.recorded import Recorded
from trimtab.prompts.preview import Preview
from trimtab.records import Prompt, Run


class StreamInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to sixteen columns to ask at once."""

    columns: tuple[Column, ...]


class RenderInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns to render and not to send; `models` empty means the column's own."""

    columns: tuple[Column, ...]
    models: Annotated[tuple[Identifier, ...], Meta(max_length=100)] = ()


class SaveInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column to write as the next version of the prompt `name`.

    `with_messages`: its conversation belongs to the prompt. `over` is the newest version there must
    be, 0 for none. `allow_secrets` stores what looks like a credential too.
    """

    column: Column
    name: Identifier
    note: Line = ""
    with_messages: bool = False
    over: int | None = None
    allow_secrets: bool = False


class ColumnRunsInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns over a dataset, a run for each; `scorers` empty means the default ones."""

    columns: tuple[Column, ...]
    dataset: str
    scorers: tuple[str, ...] = ()
    name: Annotated[str, Meta(max_length=150)] = ""
    split: str | None = None
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 4


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """What one column would send; `problem` says why it cannot be rendered."""

    column: str
    preview: Preview | None = None
    problem: Mapping[str, Any] | None = None


class RenderedColumns(msgspec.Struct, frozen=True, kw_only=True):
    data: list[Rendered]


class BegunRuns(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that were started, in the order of their columns."""

    data: list[Run]


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """What is being stopped; the stream tells when it has."""

    stream: str
    column: str | None = None


async def stream(request: Request) -> Response:
    columns = numbered(request.json(StreamInput).columns)
    opened = request.app.playground.open(columns, caller_of(request), members)
    return Response(
        media_type="text/event-stream",
        headers={
            "cache-control": "no-store",
            "x-accel-buffering": "no",
            "x-trimtab-stream": opened.stream_id,
        },
        stream=opened,
    )


async def stop(request: Request) -> Response:
    name, column = request.path["stream"], request.path.get("column")
    owner = request.project, request.principal.id
    found = request.app.playground.streams.find(name, owner=owner)
    if column is None:
        found.cancel_all()
    else:
        found.cancel(column)
    return reply(Stopping(stream=name, column=column), status=202)


async def render(request: Request) -> Response:
    given = request.json(RenderInput)
    columns = numbered(given.columns)

    def rendered(column: Column) -> Rendered:
        try:
            found = request.app.playground.preview(request.project, column, given.models)
        except TrimtabError as error:
            return Rendered(column=column.id, problem=members(error))
        return Rendered(column=column.id, preview=found)

    data = await asyncio.to_thread(lambda: [rendered(column) for column in columns])
    return reply(RenderedColumns(data=data))


async def save(request: Request) -> Response:
    given = request.json(SaveInput)
    require_path_name(given.name, where="name")
    require_words(given.column, "column")
    if given.column.prompt is not None:
        access.require(request.principal, "prompts:read")  # the answer holds its words
    prompt = await asyncio.to_thread(
        request.app.playground.save,
        caller_of(request),
        given.column,
        given.name,
        note=given.note,
        over=given.over,
        turns=given.with_messages,
        allow_secrets=given.allow_secrets,
    )
    await request.app.refresh()
    return reply(prompt, status=201)


async def run(request: Request) -> Response:
    given = request.json(ColumnRunsInput)
    columns = numbered(given.columns, over_rows=True)
    with asked_for():
        runs = await request.app.playground.start_runs(
            caller_of(request),
            columns,
            dataset=given.dataset,
            scorers=given.scorers,
            name=given.name,
            split=given.split,
            concurrency=given.concurrency,
        )
    return reply(BegunRuns(data=runs), status=202)


async def replay(request: Request) -> Response:
    trace_id, span_id = request.path["trace_id"].lower(), request.path["span_id"].lower()
    if not (is_trace_id(trace_id) and is_span_id(span_id)):
        raise InvalidRequest(
            "a trace id is 32 hexadecimal digits and a span id is 16",
            where="trace_id",
            fix="take them from GET /api/v1/spans",
        )
    await request.app.tracing.flush()
    recorded = request.app.playground.recorded
    return reply(await asyncio.to_thread(recorded, request.project, trace_id, span_id))


_STREAMS = "/api/v1/playground/streams"

ENDPOINTS = [
    Endpoint(
        method="POST",
        path=_STREAMS,
        permission="gateway:call",
        handler=stream,
        summary="Ask up to sixteen columns at once: server-sent events",
        takes=StreamInput,
        abandons=True,
    ),
    Endpoint(
        method="DELETE",
        path=_STREAMS + "/{stream}",
        permission="gateway:call",
        handler=stop,
        summary="Stop every column of a stream",
        gives=Stopping,
    ),
    Endpoint(
        method="DELETE",
        path=_STREAMS + "/{stream}/columns/{column}",
        permission="gateway:call",
        handler=stop,
        summary="Stop one column of a stream; the others go on",
        gives=Stopping,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/playground/render",
        permission="prompts:read",
        handler=render,
        summary="Columns as they would be sent, with tokens and costs; nothing is sent",
        takes=RenderInput,
        gives=RenderedColumns,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/playground/save",
        permission="prompts:write",
        handler=save,
        summary="Write a column as the next version of a prompt",
        takes=SaveInput,
        gives=Prompt,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/playground/runs",
        permission="runs:write",
        handler=run,
        summary="Start an experiment for each column: columns over a dataset",
        takes=ColumnRunsInput,
        gives=BegunRuns,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/playground/from-span/{trace_id}/{span_id}",
        permission="traces:read",
        handler=replay,
        summary="A recorded call as a column, to be edited and sent again",
        gives=Recorded,
    ),
]
