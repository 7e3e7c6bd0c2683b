"""/api/v1/guards: what guards did and would have done, and the thresholds of signals."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from trimtab.api.http import Endpoint, Page, Request, Response, reply
from trimtab.api.inputs import Identifier
from trimtab.api.queries import FILTER, filter_of, moment, period
from trimtab.dialects import filter as language
from trimtab.dialects.filter import duration_ns
from trimtab.errors import ConfigError, InvalidRequest
from trimtab.guards.calibrate import Calibration, calibrated
from trimtab.guards.report import (
    GUARD,
    Event,
    RuleReport,
    event,
    reported,
    rule_names,
)
from trimtab.guards.traffic import Side, texts_of
from trimtab.ports import ScoreQuery, SpanQuery
from trimtab.records import AllOf, Condition, Not, Score
from trimtab.signals.catalogue import signal

MOST = 20_000  # verdicts of a rule that a report counts
_TRACES = 1_000
_SINCE = "7d"
_LIVE = Not(of=Condition(field="run", op="exists"))  # no experiment, and no red-teaming
PERIOD = {"since": f"from when on, for example 24h or 2026-11-01 (default {_SINCE})"}


class GuardReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules of a project said in a period; of each the newest verdicts are counted."""

    since_ns: int
    until_ns: int
    rules: list[RuleReport]


class CalibrateInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which signal a threshold is sought, at which false-positive rate, and on which calls.

    `on` is the side of the calls: what users asked, or what models answered. The newest `limit`
    calls that `filter` means are read, of the last 7 days if it does not say since when.
    """

    signal: Identifier
    fpr: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    on: Side = "input"
    filter: Annotated[str, Meta(max_length=10_000)] = ""
    limit: Annotated[int, Meta(ge=1, le=20_000)] = 5_000


async def report(request: Request) -> Response:
    since_ns, until_ns = since_of(request), request.app.clock.now_ns() + 1
    await request.app.tracing.flush()
    rules = await asyncio.to_thread(_report, request, since_ns, until_ns)
    return reply(GuardReport(since_ns=since_ns, until_ns=until_ns, rules=rules))


async def events(request: Request) -> Response:
    limit = request.whole_number("limit", 50, low=1, high=1_000)
    since_ns = since_of(request)
    rule = request.query.get("rule")
    await request.app.tracing.flush()
    return reply(Page(data=await asyncio.to_thread(_events, request, since_ns, rule, limit)))


async def calibrate(request: Request) -> Response:
    asked = request.json(CalibrateInput)
    try:
        chosen = signal(asked.signal)
    except ConfigError as error:
        raise InvalidRequest(error.what, where="signal", fix=error.fix) from None
    await request.app.tracing.flush()
    query = _calls(request, asked)

    def work() -> Calibration:
        spans = request.app.telemetry.spans(query)
        return calibrated(chosen, texts_of(spans, asked.on), asked.fpr)

    return reply(await asyncio.to_thread(work))


def _calls(request: Request, asked: CalibrateInput) -> SpanQuery:
    now_ns = request.app.clock.now_ns()
    where, since_ns, until_ns = period(language.parse(asked.filter, now_ns=now_ns))
    default_ns = now_ns - (duration_ns(_SINCE) or 0)
    return SpanQuery(
        project=request.project,
        kind="llm",
        where=_LIVE if where is None else AllOf(of=(where, _LIVE)),
        since_ns=default_ns if since_ns is None else since_ns,
        until_ns=until_ns,
        limit=asked.limit,
    )


def since_of(request: Request) -> int:
    since_ns = moment(request, "since", _SINCE)
    if since_ns is None:
        raise InvalidRequest(
            "nothing is not a time",
            where="query parameter since",
            fix="send for example since=24h or since=2026-11-01",
        )
    return max(since_ns, 0)


def totals_of(request: Request, since_ns: int, until_ns: int) -> dict[str, int]:
    """How many scores there are of each name of guards."""
    found = request.app.telemetry.overview(
        request.project, since_ns=since_ns, until_ns=until_ns
    ).scores
    totals: dict[str, int] = {}
    for one in found:
        if one.name.startswith(GUARD):
            totals[one.name] = totals.get(one.name, 0) + one.total
    return totals


def _report(request: Request, since_ns: int, until_ns: int) -> list[RuleReport]:
    totals = totals_of(request, since_ns, until_ns)
    found: list[RuleReport] = []
    for rule in rule_names(totals):
        name = f"{GUARD}{rule}"
        found += reported(rule, scores_of(request, name, since_ns, MOST), totals[name])
    return found


def scores_of(request: Request, name: str, since_ns: int, limit: int) -> list[Score]:
    query = ScoreQuery(project=request.project, name=name, since_ns=since_ns, limit=limit)
    return request.app.telemetry.scores(query)


def _events(request: Request, since_ns: int, rule: str | None, limit: int) -> list[Event]:
    until_ns = request.app.clock.now_ns() + 1
    names = [rule] if rule else rule_names(totals_of(request, since_ns, until_ns))
    traces = _traces(request, since_ns)
    found: list[Event] = []
    for name in names:
        for score in scores_of(request, f"{GUARD}{name}", since_ns, MOST):
            one = event(score)
            if one is not None and (traces is None or one.trace_id in traces):
                found.append(one)
    return sorted(found, key=lambda one: (-one.time_ns, one.rule))[:limit]


def _traces(request: Request, since_ns: int) -> set[str] | None:
    """The newest traces that the filter means; None without one."""
    where, since, until = period(filter_of(request))
    if where is None and since is None and until is None:
        return None
    query = SpanQuery(project=request.project, where=where, until_ns=until, limit=_TRACES)
    query = replace(query, since_ns=since_ns if since is None else since)
    return {one.trace_id for one in request.app.telemetry.traces(query)}


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/guards/report",
        permission="guards:read",
        handler=report,
        summary="What each rule of guards did, and what it would have done if it were enforced",
        gives=GuardReport,
        query=PERIOD,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/guards/events",
        permission="guards:read",
        handler=events,
        summary="The newest calls on which a rule fired or failed, with places and no texts",
        gives=list[Event],
        query={
            **PERIOD,
            "rule": "only this one",
            **FILTER,
            "limit": "how many, 1 to 1000 (default 50)",
        },
    ),
    Endpoint(
        method="POST",
        path="/api/v1/guards/calibrate",
        permission="guards:call",
        handler=calibrate,
        summary="The threshold of a false-positive rate, on recorded calls; nothing is changed",
        takes=CalibrateInput,
        gives=Calibration,
        abandons=True,
    ),
]
