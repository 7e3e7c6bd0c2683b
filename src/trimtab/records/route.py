"""Route: how a name that applications ask for is answered, whichever release is live behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from trimtab.records.guard import RouteGuards
from trimtab.records.record import Record
from trimtab.records.release import ModelTarget

Choice = Literal["weighted", "latency", "cost", "least_busy"]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Retries(Record, frozen=True, kw_only=True):
    """Attempts after the first, all targets together.

    The pause before the n-th is drawn evenly from 0 to min(`max_s`, `base_s` * 2**n) ("full
    jitter"), or what the provider's Retry-After says if that is at most `max_s`.
    """

    attempts: Annotated[int, Meta(ge=0, le=10)] = 2
    base_s: Annotated[float, Meta(ge=0, le=60)] = 0.25
    max_s: Annotated[float, Meta(ge=0, le=600)] = 8.0


class Timeouts(Record, frozen=True, kw_only=True):
    """Seconds: to the first byte of content, between two pieces, and for the whole answer."""

    first_token_s: Seconds = 120.0
    idle_s: Seconds = 120.0
    total_s: Seconds = 600.0


class Breaker(Record, frozen=True, kw_only=True):
    """When a target is left alone: after `failures` in a row, for `cooldown_s`, then one probe."""

    failures: Annotated[int, Meta(ge=1, le=1000)] = 3
    cooldown_s: Annotated[float, Meta(gt=0, le=3600)] = 15.0


class RouteDefaults(Record, frozen=True, kw_only=True):
    """What holds for routes that do not say, and for models that are asked by their own names."""

    retries: Retries = Retries()
    timeouts: Timeouts = Timeouts()
    breaker: Breaker = Breaker()


class CacheSettings(Record, frozen=True, kw_only=True):
    """What may be answered from memory of earlier answers.

    `similarity` (cosine, 0 to 1) turns the semantic cache on; None means exact only. `shared` lets
    one user's answers go to another.
    """

    ttl_s: Annotated[float, Meta(gt=0, le=31_536_000)] = 3600.0
    similarity: Annotated[float, Meta(ge=0.5, le=1)] | None = None
    shared: bool = False


class Shadow(Record, frozen=True, kw_only=True):
    """A copy of a share of the requests, whose answers are recorded and go to nobody."""

    model: str
    share: Share = 1.0


class ReleaseShare(Record, frozen=True, kw_only=True):
    """A release's share of the route's requests, relative to its siblings."""

    version: int
    weight: Annotated[float, Meta(ge=0)] = 1.0


class Bandit(Record, frozen=True, kw_only=True):
    """A split whose shares follow what is learnt of its releases (Thompson sampling in batches).

    Every `every_s` seconds each release's share becomes the chance that its mean `score` is the
    best, given the scores so far, and at least `floor`. `low` and `high` bound the score. Scores
    older than `window_s` are forgotten.
    """

    score: str
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool = True
    every_s: Annotated[float, Meta(ge=5, le=86_400)] = 60.0
    floor: Annotated[float, Meta(ge=0, le=0.25)] = 0.05
    window_s: Annotated[float, Meta(gt=0, le=31_536_000)] = 2_592_000.0


class Route(Record, frozen=True, kw_only=True):
    """How requests for `name` (or one of `aliases`) find a model.

    Args:
        targets: models to choose from; a live release of this route brings its own instead.
        choose: `weighted` draws by weight; `latency` takes the faster of two drawn (EWMA of the
            time to the first byte), `least_busy` the one with fewer calls in flight, `cost` the
            cheapest that is up.
        fallbacks: models or routes asked in turn when no target answers.
        retries, timeouts, breaker: None leaves each to the gateway's defaults.
        sticky: a session stays with its target, and a user's previous response with its provider.
        split: releases that share the requests (A/B); empty means the live one answers all.
        bandit: lets the shares of the split follow a score; its weights are where they begin.
        shadows: copies for other models.
        guards: its policy of guards; None is the project's.
    """

    project: str = "default"
    name: str
    aliases: tuple[str, ...] = ()
    targets: tuple[ModelTarget, ...] = ()
    choose: Choice = "weighted"
    fallbacks: tuple[str, ...] = ()
    retries: Retries | None = None
    timeouts: Timeouts | None = None
    breaker: Breaker | None = None
    sticky: bool = False
    split: tuple[ReleaseShare, ...] = ()
    bandit: Bandit | None = None
    shadows: tuple[Shadow, ...] = ()
    cache: CacheSettings | None = None
    guards: RouteGuards | None = None


class Clash(NamedTuple):
    """A name that two routes of a project answer to, and their places among the routes."""

    at: int
    first: int
    name: str


def route_complaint(route: Route) -> str | None:
    """What is wrong with a route that its types allow.

    >>> route_complaint(Route(name="chat", targets=(ModelTarget(model="a/b", weight=0.0),)))
    'must give some target a weight above 0'
    """
    names = (route.name, *route.aliases)
    for name in names:
        if not name.strip() or len(name) > 200 or not name.isprintable() or set(name) & set("/@"):
            return "must have a `name` and `aliases` of 1 to 200 characters without / and @"
    if len(set(names)) < len(names):
        return "must not have an alias twice, nor its own name as one"
    if set(names) & set(route.fallbacks):
        return "must not have itself among its `fallbacks`"
    targets = [target.weight for target in route.targets]
    if any(not (math.isfinite(weight) and weight >= 0) for weight in targets):
        return "must have no negative or infinite weight"
    if targets and not sum(targets):
        return "must give some target a weight above 0"
    if complaint := _split_complaint(route):
        return complaint
    models = [*(one.model for one in route.targets), *(one.model for one in route.shadows)]
    if any(not model.strip() for model in (*models, *route.fallbacks)):
        return "must not name an empty model"
    return None


def _split_complaint(route: Route) -> str | None:
    sharing = {share.version for share in route.split if share.weight > 0}
    if route.split and not sharing:
        return "must give some release of its `split` a weight above 0"
    bandit = route.bandit
    if bandit is None:
        return None
    if len(sharing) < 2:
        return "must have a `split` of two releases or more for its `bandit`"
    if not bandit.score.strip() or not -math.inf < bandit.low < bandit.high < math.inf:
        return "must name the `score` of its `bandit`, with a finite `low` below its `high`"
    return None


def clashes(routes: Iterable[Route]) -> Iterator[Clash]:
    """Names and aliases that belong to an earlier route of the same project already."""
    owners: dict[tuple[str, str], int] = {}
    for index, route in enumerate(routes):
        for name in (route.name, *route.aliases):
            first = owners.setdefault((route.project, name), index)
            if first != index:
                yield Clash(index, first, name)
