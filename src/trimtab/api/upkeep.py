"""/api/v1/erase, reprice and admin: what becomes of records after they were written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.inputs import Identifier
from trimtab.errors import InvalidRequest
from trimtab.ports import Compacted, Erasure, SpanQuery, TraceSummary
from trimtab.records import AnyOf, Condition, Filter

_PAGE = 1_000
Names = Annotated[tuple[Identifier, ...], Meta(max_length=10_000)]


class ErasureInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to erase: whole traces, by their id or by a session or user of one of their spans.

    With `before_ns` only their spans that started before it; alone it means all such spans.
    `dry_run` counts and changes nothing.
    """

    trace_ids: Names = ()
    sessions: Names = ()
    users: Names = ()
    before_ns: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None = None
    dry_run: bool = False


class ErasureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased, or in a dry run would be; null is what only an erasure finds out.

    `remaining` counts the spans of it that are still there afterwards: 0 is the proof.
    `compacted` says that the files hold nothing of it either, free parts included; false means that
    rows of it leave them later. `plan_runs` are records of plans' runs that had these traces.
    """

    dry_run: bool
    traces: int
    spans: int
    scores: int | None
    payload_bytes: int | None
    blobs: int | None
    remaining: int
    compacted: bool | None
    plan_runs: int | None = None


class RepriceInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls from when on."""

    since_ns: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] = 0


class RepriceReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls were looked at, and how many of them cost something else now."""

    calls: int
    changed: int


class CompactInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose: all of the store is compacted."""


class BackupInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A directory of the server's machine: absolute, and empty or not there yet."""

    directory: Annotated[str, Meta(min_length=1, max_length=4_096)]


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """Where the copy is."""

    directory: str


async def erase(request: Request) -> Response:
    asked = request.json(ErasureInput)
    erasure = Erasure(
        project=request.project,
        trace_ids=tuple(trace_id.lower() for trace_id in asked.trace_ids),
        sessions=request.app.guarding.known_as(request.project, asked.sessions),
        users=request.app.guarding.known_as(request.project, asked.users),
        before_ns=asked.before_ns,
    )
    named = _named(erasure)
    if named is None and erasure.before_ns is None:
        raise InvalidRequest(
            "nothing is named that should be erased",
            where="$",
            fix="send trace_ids, sessions, users or before_ns",
        )
    await request.app.tracing.empty()
    if asked.dry_run:
        return reply(await asyncio.to_thread(_foreseen, request, erasure, named))
    # First, so that none of them goes on and writes more.
    plan_runs = await asyncio.to_thread(_erased_runs, request, erasure, named)
    if named is not None:
        erasure = replace(erasure, trace_ids=(*erasure.trace_ids, *plan_runs))
    erased = await asyncio.to_thread(request.app.telemetry.erase, erasure)
    # Whose answers they are is not known any more, only in which project.
    await request.app.clear_cache(request.project)
    return reply(
        ErasureReport(
            dry_run=False,
            traces=erased.traces,
            spans=erased.spans,
            scores=erased.scores,
            payload_bytes=erased.payload_bytes,
            blobs=len(erased.blobs),
            remaining=erased.remaining,
            compacted=erased.compacted,
            plan_runs=len(plan_runs),
        )
    )


def _erased_runs(request: Request, erasure: Erasure, named: Filter | None) -> Sequence[str]:
    """Erase the records of plans' runs whose traces an erasure means.

    Returns the traces of those and of the runs that replayed them.
    """
    plans, project = request.app.metadata.plans, erasure.project
    if named is None:
        return plans.erase_runs(project, before_ns=erasure.before_ns)
    if not plans.runs(project, limit=1):
        return ()
    found = {row.trace_id for page in _pages(request, erasure, named) for row in page}
    # A run's own spans may be gone before it.
    found.update(erasure.trace_ids)
    return plans.erase_runs(project, trace_ids=found, before_ns=erasure.before_ns)


def _named(erasure: Erasure) -> Filter | None:
    """The traces that an erasure names, as a filter; None when it names none."""
    parts = [
        Condition(field=field, values=values)
        for field, values in (
            ("trace_id", erasure.trace_ids),
            ("session", erasure.sessions),
            ("user", erasure.users),
        )
        if values
    ]
    return AnyOf(of=tuple(parts)) if parts else None


def _pages(
    request: Request, erasure: Erasure, named: Filter | None
) -> Iterator[Sequence[TraceSummary]]:
    """The traces that an erasure means, page by page."""
    query = SpanQuery(project=erasure.project, where=named, until_ns=erasure.before_ns, limit=_PAGE)
    while found := request.app.telemetry.traces(query):
        yield found
        query = replace(query, page=(found[-1].start_ns, found[-1].trace_id))


def _foreseen(request: Request, erasure: Erasure, named: Filter | None) -> ErasureReport:
    """Count what an erasure would remove, trace by trace where traces are named."""
    traces = spans = 0
    for found in _pages(request, erasure, named):
        traces += len(found)
        spans += sum(row.spans for row in found)
    return ErasureReport(
        dry_run=True,
        traces=traces,
        spans=spans,
        scores=None,
        payload_bytes=None,
        blobs=None,
        remaining=spans,
        compacted=None,
    )


async def reprice(request: Request) -> Response:
    asked = request.json(RepriceInput) if request.body.strip() else RepriceInput()
    await request.app.tracing.flush()
    done = await asyncio.to_thread(request.app.reprice, request.project, since_ns=asked.since_ns)
    return reply(RepriceReport(calls=done.calls, changed=done.changed))


async def compact(request: Request) -> Response:
    if request.body.strip():
        request.json(CompactInput)
    return reply(await asyncio.to_thread(request.app.telemetry.compact))


async def backup(request: Request) -> Response:
    directory = Path(request.json(BackupInput).directory)
    if not directory.is_absolute() or "\0" in str(directory):
        raise InvalidRequest(
            "the directory is not an absolute path", where="directory", fix="send all of its path"
        )
    await asyncio.to_thread(_require_empty, directory)
    await request.app.tracing.flush()
    await asyncio.to_thread(request.app.backup, directory)
    return reply(Backup(directory=str(directory)))


def _require_empty(directory: Path) -> None:
    try:
        taken = directory.exists() and (not directory.is_dir() or any(directory.iterdir()))
    except OSError as error:
        raise InvalidRequest(
            f"the directory cannot be used: {error.strerror}",
            where="directory",
            fix="name one that the server may write to",
        ) from None
    if taken:
        raise InvalidRequest(
            "the directory is not empty", where="directory", fix="name a new or an empty one"
        )


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/erase",
        permission="traces:delete",
        handler=erase,
        summary="Erase traces, sessions or users for good, or count what that would be",
        takes=ErasureInput,
        gives=ErasureReport,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/reprice",
        permission="traces:write",
        handler=reprice,
        summary="Compute the costs of recorded calls anew",
        takes=RepriceInput,
        gives=RepriceReport,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/admin/compact",
        permission="admin:write",
        handler=compact,
        summary="Give the space of deleted records back to the disk",
        takes=CompactInput,
        gives=Compacted,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/admin/backup",
        permission="admin:write",
        handler=backup,
        summary="Write a copy of all data into a directory of the server's machine",
        takes=BackupInput,
        gives=Backup,
    ),
]
