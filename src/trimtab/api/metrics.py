"""/api/v1/metrics, sessions, users and facets: what recorded spans add up to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.queries import FILTER, GROUP_FIELDS, asked, group_field, moment, sort_of
from trimtab.dialects.filter import duration_ns
from trimtab.errors import InvalidRequest
from trimtab.measures.distributions import student_quantile
from trimtab.measures.intervals import wilson
from trimtab.ports import (
    Group,
    GroupField,
    Overview,
    Point,
    ScoreSummary,
    StepCount,
    TraceSort,
)

_NS_PER_S = 1_000_000_000
_NS_PER_HOUR = 3_600 * _NS_PER_S
_MAX_POINTS = 20_000
_FEWEST = 2  # scores of which an interval says something
_FACETS = "status,kind,model,user,session,environment,route,tag"
_LIMIT = {"limit": "how many, 1 to 1000 (default 100)"}
_SORTS: Sequence[TraceSort] = ("cost", "tokens", "spans", "errors")
_SORT = {"sort": f"by what, the greatest first: {', '.join(_SORTS)}"}
_BY = "the field: " + ", ".join(GROUP_FIELDS)
_STEPS = {
    "step": "how long a step is, for example 5m (default 1h)",
    "by": _BY + " (default none)",
    "filter": FILTER["filter"] + " (default since:24h)",
}


class FacetCount(msgspec.Struct, frozen=True, kw_only=True):
    """A value and how many traces have it."""

    value: str
    traces: int


class ScoreFigures(ScoreSummary, frozen=True, kw_only=True):
    """Scores of one name, with the 95 % interval of the share that passed, or else of the mean.

    Wilson's for a share, Student's for a mean, as if no score depended on another; null below two.
    """

    low: float | None
    high: float | None


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    """The commonest values of a field."""

    field: str
    values: list[FacetCount]


async def overview(request: Request) -> Response:
    hours = request.whole_number("hours", 24, low=1, high=24 * 366)
    since_ns, until_ns = moment(request, "since"), moment(request, "until")
    if until_ns is None:
        until_ns = request.app.clock.now_ns() + 1
    if since_ns is None:
        since_ns = until_ns - hours * _NS_PER_HOUR
    if since_ns > until_ns:
        raise InvalidRequest(
            "the period ends before it begins", where="query parameter since", fix="send them right"
        )
    await request.app.tracing.flush()
    figures = await asyncio.to_thread(
        request.app.telemetry.overview, request.project, since_ns=since_ns, until_ns=until_ns
    )
    return reply(figures)


async def scores(request: Request) -> Response:
    query = asked(request, limit=1)
    await request.app.tracing.flush()
    found = await asyncio.to_thread(request.app.telemetry.score_summaries, query)
    return reply(Page(data=[_with_interval(summary) for summary in found]))


def _with_interval(summary: ScoreSummary) -> ScoreFigures:
    low, high = _interval(summary) or (None, None)
    return ScoreFigures(**msgspec.structs.asdict(summary), low=low, high=high)


def _interval(summary: ScoreSummary) -> tuple[float, float] | None:
    if summary.scored < _FEWEST:
        return None
    if summary.passed is not None:
        return wilson(summary.passed, summary.scored)
    if summary.mean is None or summary.deviation is None:
        return None
    error = summary.deviation / math.sqrt(summary.scored)
    half = student_quantile(0.975, summary.scored - 1) * error
    return summary.mean - half, summary.mean + half


async def groups(request: Request) -> Response:
    return await _groups(request, group_field(request, "by") or "model", named=False)


async def sessions(request: Request) -> Response:
    return await _groups(request, "session", named=True)


async def users(request: Request) -> Response:
    return await _groups(request, "user", named=True)


async def _groups(request: Request, by: GroupField, *, named: bool) -> Response:
    limit = request.whole_number("limit", 100, low=1, high=1000)
    # One more, for what has no name: leaving it out here costs less than a condition.
    query = asked(request, limit=limit + named, sort=sort_of(request, _SORTS))
    await request.app.tracing.flush()
    found = await asyncio.to_thread(request.app.telemetry.groups, query, by)
    wanted = [group for group in found if group.key is not None or not named]
    return reply(Page(data=wanted[:limit]))


async def series(request: Request) -> Response:
    return await _over_time(request, request.app.telemetry.series)


async def counts(request: Request) -> Response:
    return await _over_time(request, request.app.telemetry.counts)


async def _over_time(request: Request, add_up: Callable[..., Sequence[object]]) -> Response:
    query = asked(request, limit=_MAX_POINTS)
    by = group_field(request, "by")
    text = request.query.get("step", "1h")
    step_ns = duration_ns(text)
    if step_ns is None or step_ns < _NS_PER_S:
        raise InvalidRequest(
            f"{text[:50]!r} is not a step of a second or more",
            where="query parameter step",
            fix="send for example step=5m, step=1h or step=1d",
        )
    if query.since_ns is None:
        query = replace(query, since_ns=request.app.clock.now_ns() - 24 * _NS_PER_HOUR)
    await request.app.tracing.flush()
    found = await asyncio.to_thread(add_up, query, step_ns=step_ns, by=by)
    return reply(Page(data=list(found)))


async def facets(request: Request) -> Response:
    query = asked(request, limit=1)
    fields = [_facet_field(name) for name in request.query.get("fields", _FACETS).split(",")]
    limit = request.whole_number("limit", 20, low=1, high=200)
    await request.app.tracing.flush()
    found = await asyncio.to_thread(request.app.telemetry.facets, query, fields, limit=limit)
    data = [
        Facet(field=field, values=[FacetCount(value=v.value, traces=v.traces) for v in values])
        for field, values in found.items()
    ]
    return reply(Page(data=data))


def _facet_field(name: str) -> GroupField:
    found = next((field for field in GROUP_FIELDS if field == name.strip()), None)
    if found is None:
        raise InvalidRequest(
            f"{name[:50]!r} is not a field to count",
            where="query parameter fields",
            fix=f"send some of {', '.join(GROUP_FIELDS)}, with commas between them",
        )
    return found


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/metrics/overview",
        permission="metrics:read",
        handler=overview,
        summary="Calls, errors, latency, tokens, cost and scores of the last hours",
        gives=Overview,
        query={
            "hours": "how far back, 1 to 8784 (default 24)",
            "since": "from when on instead, for example 7d or 2026-11-01",
            "until": "up to when (default now)",
        },
    ),
    Endpoint(
        method="GET",
        path="/api/v1/metrics/scores",
        permission="metrics:read",
        handler=scores,
        summary="Scores of the traces that a filter finds, by name, with intervals",
        gives=list[ScoreFigures],
        query=FILTER,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/metrics/groups",
        permission="metrics:read",
        handler=groups,
        summary="What spans add up to by a field, the most expensive first",
        gives=list[Group],
        query={"by": _BY + " (default model)", **FILTER, **_LIMIT, **_SORT},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/metrics/series",
        permission="metrics:read",
        handler=series,
        summary="What spans add up to over time, oldest first; steps without a span are left out",
        gives=list[Point],
        query=_STEPS,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/metrics/counts",
        permission="metrics:read",
        handler=counts,
        summary="How many spans there were over time, which costs less than all of their figures",
        gives=list[StepCount],
        query=_STEPS,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/sessions",
        permission="traces:read",
        handler=sessions,
        summary="List sessions with their figures, the newest first",
        gives=list[Group],
        query={**FILTER, **_LIMIT, **_SORT},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/users",
        permission="traces:read",
        handler=users,
        summary="List users with their figures, the newest first",
        gives=list[Group],
        query={**FILTER, **_LIMIT, **_SORT},
    ),
    Endpoint(
        method="GET",
        path="/api/v1/facets",
        permission="traces:read",
        handler=facets,
        summary="The commonest values of some fields, with how many traces have them",
        gives=list[Facet],
        query={
            "fields": f"which, with commas between them, of {', '.join(GROUP_FIELDS)} "
            f"(default {_FACETS})",
            **FILTER,
            "limit": "how many values of each, 1 to 200 (default 20)",
        },
    ),
]
