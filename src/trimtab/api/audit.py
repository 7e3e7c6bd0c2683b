"""/api/v1/audit: who changed what, and when."""

from __future__ import annotations

import asyncio

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.records import AuditEntry

_LAST = 2**53


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Changes, newest first; `next` is what `before` is for the page after, null at the end."""

    data: list[AuditEntry]
    next: int | None = None


async def listed(request: Request) -> Response:
    limit = request.whole_number("limit", 100, low=1, high=1_000)
    before = None
    if "before" in request.query:
        before = request.whole_number("before", _LAST, low=0, high=_LAST)
    found = await asyncio.to_thread(
        request.app.metadata.audit,
        request.project,
        limit=limit + 1,  # one more says whether there is a page after this one
        before=before,
        object=request.query.get("object"),
        action=request.query.get("action"),
        principal=request.query.get("principal"),
    )
    page = list(found[:limit])
    return reply(AuditPage(data=page, next=page[-1].seq if len(found) > limit else None))


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/audit",
        permission="audit:read",
        handler=listed,
        summary="Changes to what is stored: who made which, and when, newest first",
        gives=AuditPage,
        query={
            "object": "only of this reference (docs@3), or of every version of a name (docs)",
            "action": "only this (release.promote), or every change of a noun (release)",
            "principal": "only what this one did",
            "limit": "how many, 1 to 1000 (default 100)",
            "before": "only those older than this `seq`: `next` of the page before",
        },
    ),
]
