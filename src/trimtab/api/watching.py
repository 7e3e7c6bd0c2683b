"""What live traffic says: of a canary, of two releases of a route, and of a split's shares."""

from __future__ import annotations

import asyncio
import math
from typing import Literal

import msgspec

from trimtab.api.http import Endpoint, Request, Response, reply
from trimtab.dialects.filter import duration_ns
from trimtab.errors import InvalidRequest, NotFound
from trimtab.records import Release, Route, Watch, Watched
from trimtab.records.release import watch_complaint
from trimtab.releases.beside import Pair
from trimtab.releases.learning import LearntView
from trimtab.releases.watch_report import FigureReport, WatchReport

_PLAIN: dict[str, Literal["error", "blocked"]] = {"error": "error", "blocked": "blocked"}
_LIMITED: dict[str, Literal["slow", "cost"]] = {"slow": "slow", "cost": "cost"}
_FIGURES = "error,blocked"
_QUERY = {
    "figures": "with commas: error, blocked, slow=MILLISECONDS, cost=USD, score=NAME (default"
    f" {_FIGURES}; a watch brings its own)",
    "low": "the least value that the scores can have (default 0)",
    "high": "the greatest value that the scores can have (default 1)",
    "better": "of the scores: `higher` (default) or `lower`",
    "alpha": "how often the figures together may mislead (default 0.05)",
}


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """Two releases of a route, figure by figure, to be looked at at any time.

    `canary` of a figure is the release `new`, `main` is `base`.
    """

    route: str
    base: str
    new: str
    since_ns: int
    looked_ns: int
    figures: tuple[FigureReport, ...]


async def watch(request: Request) -> Response:
    release = await asyncio.to_thread(
        request.app.metadata.releases.get, request.project, request.path["ref"]
    )
    return reply(await request.app.watching.report(release, _asked(request)))


async def experiment(request: Request) -> Response:
    name = request.path["name"]
    asked = _asked(request)
    releases = await asyncio.to_thread(request.app.metadata.releases.list, request.project, name)
    base, new = _two(request, name, releases)
    now_ns = request.app.clock.now_ns()
    back_ns = duration_ns(request.query.get("since", "7d"))
    if not back_ns or back_ns < 0:
        raise InvalidRequest(
            f"{request.query['since'][:50]!r} is not a period",
            where="query parameter since",
            fix="send for example since=24h or since=7d",
        )
    # Only while both could answer: what one did before there was the other tells nothing.
    since_ns = max(now_ns - back_ns, base.created_ns, new.created_ns)
    pair = Pair(
        project=request.project,
        route=name,
        release=new.release_id,
        beside=frozenset([base.release_id]),
        names=(new.ref, base.ref),
        since_ns=since_ns,
    )
    found = await request.app.watching.compared(pair, asked)
    return reply(
        Experiment(
            route=name,
            base=base.ref,
            new=new.ref,
            since_ns=since_ns,
            looked_ns=now_ns,
            figures=found.report(),
        )
    )


async def shares(request: Request) -> Response:
    return reply(await request.app.learning.view(_route(request)))


async def forget(request: Request) -> Response:
    await request.app.learning.reset(_route(request), by=request.principal.id)
    return reply(await request.app.learning.view(_route(request)))


def _route(request: Request) -> Route:
    name = request.path["name"]
    route = request.app.settings.routes.get((request.project, name))
    if route is None:
        raise NotFound(f"no route {name[:200]!r} with settings", fix="GET /api/v1/routes")
    return route


def _two(request: Request, route: str, releases: list[Release]) -> tuple[Release, Release]:
    """The releases that are asked for, or the newest two that answer."""
    answering = [one for one in releases if one.state in ("canary", "live")]
    settings = request.app.settings.routes.get((request.project, route))
    split = {one.version for one in settings.split} if settings is not None else set()
    answering += [one for one in releases if one.version in split and one not in answering]
    answering.sort(key=lambda one: one.version)
    rest = [*answering]
    given = []
    for name in ("base", "new"):
        text = request.query.get(name)
        found = None
        if text is not None:
            found = next((one for one in releases if text in _names(one)), None)
            if found is None:
                raise NotFound(f"no release {text[:100]!r} of {route[:200]!r}", where=name)
            rest = [one for one in rest if one is not found]
        given.append(found)
    missing = given.count(None)
    if len(rest) < missing:
        raise InvalidRequest(
            f"fewer than two releases of {route[:200]!r} answer",
            where="route",
            fix="name two with base and new",
        )
    chosen = rest[len(rest) - missing :]
    base, new = (one if one is not None else chosen.pop(0) for one in given)
    if base is new:
        raise InvalidRequest(
            f"{new.ref} cannot be compared with itself", where="new", fix="name another release"
        )
    return base, new


def _names(release: Release) -> tuple[str, str, str]:
    return release.ref, release.release_id, str(release.version)


def _asked(request: Request) -> Watch:
    """The figures that a query names."""
    figures = []
    for text in request.query.get("figures", _FIGURES).split(","):
        name, _, value = text.strip().partition("=")
        if name in _PLAIN and not value:
            figures.append(Watched(figure=_PLAIN[name]))
        elif name in _LIMITED:
            figures.append(Watched(figure=_LIMITED[name], limit=_number(value, name)))
        elif name == "score" and value:
            figures.append(
                Watched(
                    figure="score",
                    score=value,
                    low=_number(request.query.get("low", "0"), "low"),
                    high=_number(request.query.get("high", "1"), "high"),
                    higher_is_better=request.choice("better", ("higher", "lower")) != "lower",
                )
            )
        else:
            raise InvalidRequest(
                f"{text[:100]!r} is no figure",
                where="query parameter figures",
                fix="send for example figures=error,slow=2000,score=helpful",
            )
    alpha = _number(request.query.get("alpha", "0.05"), "alpha")
    if not 0 < alpha < 1:
        raise InvalidRequest("alpha is between 0 and 1", where="query parameter alpha")
    watch = Watch(figures=tuple(figures), alpha=alpha)
    if complaint := watch_complaint(watch):
        raise InvalidRequest(f"a watch {complaint}", where="query parameter figures")
    return watch


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidRequest(f"{text[:50]!r} is no number", where=f"query parameter {name}")
    return value


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/releases/{ref}/watch",
        permission="releases:read",
        handler=watch,
        summary="A canary beside what it runs beside: every figure, with intervals for any time",
        gives=WatchReport,
        query=_QUERY,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/routes/{name}/experiment",
        permission="scores:read",
        handler=experiment,
        summary="Two releases of a route in live traffic, figure by figure",
        gives=Experiment,
        query={
            "base": "a release or its version (default: the older of the two newest that answer)",
            "new": "a release or its version (default: the newest that answers)",
            "since": "how far back (default 7d); only while both existed",
            **_QUERY,
        },
    ),
    Endpoint(
        method="GET",
        path="/api/v1/routes/{name}/shares",
        permission="routes:read",
        handler=shares,
        summary="What the bandit of a route has learnt, and the shares in force",
        gives=LearntView,
    ),
    Endpoint(
        method="DELETE",
        path="/api/v1/routes/{name}/shares",
        permission="routes:write",
        handler=forget,
        summary="Forget what a bandit has learnt; scores until now do not count any more",
        gives=LearntView,
    ),
]
