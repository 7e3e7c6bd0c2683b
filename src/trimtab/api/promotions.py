"""/api/v1/releases: a release is approved, tried, promoted, withdrawn and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.api.inputs import Line, as_record
from trimtab.records import Release, Segment, Watch, Watched
from trimtab.signals.secrets.places import masked

Environment = Annotated[str, Meta(min_length=1, max_length=100)]


class Approving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`environment` is the one that the release is approved for; null is everywhere."""

    reason: Line
    environment: Environment | None = None


class Promotion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`run` is the evidence, by default the newest run of the release that was compared with what
    answers; `force` goes without it and needs a `reason`.

    `environment` is the one whose calls the release answers from then on; null makes it live.
    """

    run: str | None = None
    reason: Line | None = None
    force: bool = False
    environment: Environment | None = None


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    environment: Environment
    reason: Line | None = None


class RollBack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Line
    environment: Environment | None = None


class SegmentInput(Segment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The calls that a canary may answer: each of what is named must be one of its values."""


class WatchedInput(Watched, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure that a canary is watched for."""


class WatchInput(Watch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a canary ends by itself."""

    figures: tuple[WatchedInput, ...]


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`share` is the part of the requests that the release answers: 0.05 is 5 %.

    `segment` is whose requests it shares, and `watch` when it ends by itself. A canary keeps those
    that it has where they are left out; null ends them.
    """

    share: Annotated[float, Meta(gt=0, le=1)]
    segment: SegmentInput | UnsetType | None = UNSET
    watch: WatchInput | UnsetType | None = UNSET
    reason: Line | None = None


async def approve(request: Request) -> Response:
    given = request.json(Approving)
    return await _moved(
        request,
        request.app.releases.approve,
        reason=given.reason,
        environment=given.environment,
    )


async def canary(request: Request) -> Response:
    given = request.json(Canary)
    candidate = await _found(request)
    if candidate.state != "canary":  # its share may shrink whatever it is short of
        await asyncio.to_thread(request.app.answerable.require, candidate)
    route = request.app.settings.routes.get((request.project, candidate.route))
    segment, watch = given.segment, given.watch
    return await _moved(
        request,
        request.app.releases.canary,
        share=given.share,
        segment=as_record(segment, Segment) if isinstance(segment, Segment) else segment,
        watch=as_record(watch, Watch) if isinstance(watch, Watch) else watch,
        reason=given.reason,
        beside_targets=route is not None and bool(route.targets),
    )


async def end_canary(request: Request) -> Response:
    reason = request.query.get("reason")
    return await _moved(request, request.app.releases.end_canary, reason=reason)


async def promote(request: Request) -> Response:
    given = request.json(Promotion) if request.body.strip() else Promotion()
    await asyncio.to_thread(request.app.answerable.require, await _found(request))
    return await _moved(
        request,
        request.app.releases.promote,
        run_id=given.run,
        reason=given.reason,
        force=given.force,
        environment=given.environment,
    )


async def withdraw(request: Request) -> Response:
    given = request.json(Withdrawal)
    return await _moved(
        request,
        request.app.releases.withdraw,
        environment=given.environment,
        reason=given.reason,
    )


async def roll_back(request: Request) -> Response:
    given = request.json(RollBack)
    return await _moved(
        request,
        request.app.releases.roll_back,
        reason=given.reason,
        environment=given.environment,
    )


async def _moved(request: Request, move: Callable[..., Release], **how: Any) -> Response:
    """The release after a move, which every process of this server answers by from now on."""
    ref, principal = request.path["ref"], request.principal.id
    if (reason := how.get("reason")) is not None:
        how["reason"] = await asyncio.to_thread(masked, reason)  # the history never forgets it
    release = await asyncio.to_thread(move, request.project, ref, principal=principal, **how)
    await request.app.refresh()
    return reply(release)


async def _found(request: Request) -> Release:
    """The release that is asked for. Raises NotFound."""
    return await asyncio.to_thread(
        request.app.metadata.releases.get, request.project, request.path["ref"]
    )


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/approve",
        permission="releases:approve",
        handler=approve,
        summary="Put on record that you approve of a release",
        takes=Approving,
        gives=Release,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/canary",
        permission="releases:promote",
        handler=canary,
        summary="Have a release answer a share of its route's requests, or another share",
        takes=Canary,
        gives=Release,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/releases/{ref}/canary",
        permission="releases:promote",
        handler=end_canary,
        summary="Take its share from a canary, which is a candidate again",
        gives=Release,
        query={"reason": "why, for the record"},
    ),
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/promote",
        permission="releases:promote",
        handler=promote,
        summary="Make a release live, or let it answer in an environment, on the evidence of a run",
        takes=Promotion,
        gives=Release,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/withdraw",
        permission="releases:promote",
        handler=withdraw,
        summary="Have a release answer in an environment no longer",
        takes=Withdrawal,
        gives=Release,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/releases/{ref}/rollback",
        permission="releases:promote",
        handler=roll_back,
        summary="Take a release or a canary back: what answered before it answers again",
        takes=RollBack,
        gives=Release,
    ),
]
