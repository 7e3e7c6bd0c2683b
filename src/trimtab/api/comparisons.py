"""Stored runs looked at together: changed cases, slices, a ladder, and live releases."""

from __future__ import annotations

import asyncio
import math

import msgspec

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.dialects.filter import duration_ns
from trimtab.errors import InvalidRequest, MeasureError
from trimtab.experiments.examples import Change
from trimtab.experiments.ladder import Standing
from trimtab.experiments.live import LiveComparison
from trimtab.experiments.slices import Sliced
from trimtab.experiments.suite import Slice
from trimtab.experiments.words import Told

_MOST_CHANGES = 10_000


class ChangePage(msgspec.Struct, frozen=True, kw_only=True):
    """Changed cases, losses first. `total` counts all, `regressions` those that got worse."""

    data: list[Change]
    total: int
    regressions: int


async def changed(request: Request) -> Response:
    baseline = _needed(request, "baseline")
    only = request.choice("only", ("regressions", "all")) or "all"
    limit = request.whole_number("limit", 100, low=1, high=_MOST_CHANGES)
    gating = [name.strip() for name in request.query.get("gating", "").split(",") if name.strip()]
    found = await asyncio.to_thread(
        request.app.comparisons.changes,
        request.project,
        request.path["run_id"],
        baseline,
        gating=gating,
    )
    worse = [change for change in found if change.is_regression]
    shown = worse if only == "regressions" else found
    return reply(ChangePage(data=shown[:limit], total=len(found), regressions=len(worse)))


async def told(request: Request) -> Response:
    found = await asyncio.to_thread(
        request.app.comparisons.told,
        request.project,
        request.path["run_id"],
        request.query.get("baseline"),
    )
    return reply(found)


async def by_slices(request: Request) -> Response:
    fields = [by.strip() for by in _needed(request, "by").split(",") if by.strip()]
    metric = request.query.get("metric")
    least = request.whole_number("min_cases", 20, low=1, high=1_000_000)
    asked = [Slice(by=by, metric=metric, min_cases=least) for by in fields]
    found = await asyncio.to_thread(
        request.app.comparisons.slices,
        request.project,
        request.path["run_id"],
        asked,
        baseline=request.query.get("baseline"),
    )
    return reply(Page(data=found))


async def ladder(request: Request) -> Response:
    names = [name.strip() for name in _needed(request, "runs").split(",") if name.strip()]
    try:
        found = await asyncio.to_thread(
            request.app.comparisons.ladder, request.project, names, request.query.get("metric")
        )
    except MeasureError as error:
        raise InvalidRequest(error.what, where="runs", fix=error.fix) from None
    return reply(found)


async def live(request: Request) -> Response:
    since = request.query.get("since")
    since_ns = None
    if since is not None:
        back_ns = duration_ns(since)
        if back_ns is None:
            raise InvalidRequest(
                f"{since[:50]!r} is not a period",
                where="query parameter since",
                fix="send for example since=24h or since=7d",
            )
        since_ns = request.app.clock.now_ns() - back_ns
    await request.app.tracing.flush()
    found = await asyncio.to_thread(
        request.app.comparisons.live,
        request.project,
        request.path["name"],
        _needed(request, "score"),
        base=request.query.get("base"),
        new=request.query.get("new"),
        since_ns=since_ns,
        bounds=(_number(request, "low", 0.0), _number(request, "high", 1.0)),
        higher_is_better=request.choice("better", ("higher", "lower")) != "lower",
    )
    return reply(found)


def _needed(request: Request, name: str) -> str:
    found = request.query.get(name)
    if not found:
        raise InvalidRequest(f"{name} is missing", where=f"query parameter {name}", fix="send it")
    return found


def _number(request: Request, name: str, default: float) -> float:
    text = request.query.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequest(
            f"{name} must be a number", where=f"query parameter {name}", fix="send for example 1"
        )
    return value


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/runs/{run_id}/comparison",
        permission="runs:read",
        handler=told,
        summary="What came of a run in words: against a baseline, or by the verdict it has",
        gives=Told,
        query={"baseline": "the run it is compared with (default: that of its own verdict)"},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/runs/{run_id}/changes",
        permission="runs:read",
        handler=changed,
        summary="The cases of a run that are not as in a baseline run: both answers, both scores",
        gives=ChangePage,
        query={
            "baseline": "the run it is compared with: an id, a name, or `last`",
            "gating": "metrics that say which way a case went (default: those of its verdict)",
            "only": "`regressions` or `all` (default)",
            "limit": "how many, 1 to 10000 (default 100)",
        },
    ),
    Endpoint(
        method="GET",
        path="/api/v1/runs/{run_id}/slices",
        permission="runs:read",
        handler=by_slices,
        summary="The metrics of a run by groups of cases, with intervals",
        gives=list[Sliced],
        query={
            "by": "tag, split, cluster, language, length or metadata.KEY; several with commas",
            "metric": "only this metric",
            "baseline": "a run to show the differences from",
            "min_cases": "from how many scored cases a group is tested (default 20)",
        },
    ),
    Endpoint(
        method="GET",
        path="/api/v1/ladder",
        permission="runs:read",
        handler=ladder,
        summary="Several runs over the same rows, the strongest first (Bradley and Terry)",
        gives=Standing,
        query={
            "runs": "two or more runs with commas: ids, names, or `last`",
            "metric": "what decides a case; `pairwise` takes a judge's word",
        },
    ),
    Endpoint(
        method="GET",
        path="/api/v1/routes/{name}/comparison",
        permission="scores:read",
        handler=live,
        summary="The live scores of two releases of a route, to be looked at at any time",
        gives=LiveComparison,
        query={
            "score": "the name of the score",
            "base": "a release or its version (default: the older of the two newest)",
            "new": "a release or its version (default: the newest)",
            "since": "how far back, for example 24h or 7d (default: all)",
            "low": "the least value the score can have (default 0)",
            "high": "the greatest value the score can have (default 1)",
            "better": "`higher` (default) or `lower`",
        },
    ),
]
