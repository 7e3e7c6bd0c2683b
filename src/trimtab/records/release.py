"""Release: what answers behind a route name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.kit.hashing import digest
from trimtab.records.record import Record

ReleaseState = Literal["draft", "candidate", "canary", "live", "retired"]


class ModelTarget(Record, frozen=True, kw_only=True):
    """A model that may answer, and its share of the traffic relative to its siblings."""

    model: str
    weight: float = 1.0


class Retrieval(Record, frozen=True, kw_only=True):
    """How passages are found for a question: BM25 over a chunked corpus.

    `chunk_words` is the target size of a passage; `k1` and `b` are the BM25 parameters
    (Robertson & Zaragoza 2009, section 3.2); `stemmer` is a Snowball language or None.
    """

    corpus: str
    k: Annotated[int, Meta(ge=1, le=100)] = 4
    chunk_words: Annotated[int, Meta(ge=10, le=5000)] = 120
    k1: Annotated[float, Meta(ge=0, le=100)] = 1.2
    b: Annotated[float, Meta(ge=0, le=1)] = 0.75
    stemmer: str | None = "english"


class Segment(Record, frozen=True, kw_only=True):
    """The calls that a canary may answer: each of what is named must be one of its values.

    `attributes` are those that requests carry as metadata. An empty segment has every call.
    """

    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    attributes: dict[str, str] = {}


class Watched(Record, frozen=True, kw_only=True):
    """One figure that a canary is watched for, call by call.

    `error`, `blocked` (by a guard) and `slow` (over `limit` milliseconds) are rates; `cost` is US
    dollars a call, at most `limit`; `score` is the score of that name, with `low` and `high` its
    least and greatest value. `margin` is by how much the canary may be worse than what it runs
    beside, in the figure's own unit.
    """

    figure: Literal["error", "blocked", "slow", "cost", "score"]
    score: str | None = None
    limit: Annotated[float, Meta(gt=0)] | None = None
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool = True
    margin: Annotated[float, Meta(ge=0)] = 0.0

    @property
    def name(self) -> str:
        return self.score or self.figure


class Watch(Record, frozen=True, kw_only=True):
    """When a canary ends by itself: a figure of it is proved worse than the main release's.

    The chance that a canary no worse in any figure is ever taken back is at most `alpha`, however
    long it runs: the figures share it, and their intervals hold at every look. Looked at every
    `every_s` seconds, over the calls since the canary began, and over those of each `window_s` for
    themselves.
    """

    figures: tuple[Watched, ...]
    alpha: Annotated[float, Meta(gt=0, lt=1)] = 0.05
    every_s: Annotated[float, Meta(ge=1, le=86_400)] = 30.0
    window_s: Annotated[float, Meta(ge=60, le=31_536_000)] = 3600.0


def watch_complaint(watch: Watch) -> str | None:
    """What is wrong with a watch that its types allow.

    >>> watch_complaint(Watch(figures=(Watched(figure="slow"),)))
    'must have a `limit` for slow: the milliseconds above which a call is slow'
    """
    names = [one.name for one in watch.figures]
    if not names or len(set(names)) < len(names):
        return "must have `figures`, each once"
    for one in watch.figures:
        if (one.figure == "score") != (one.score is not None):
            return "must name the `score` of a figure that is one, and of no other"
        if one.limit is None and one.figure == "slow":
            return "must have a `limit` for slow: the milliseconds above which a call is slow"
        if one.limit is None and one.figure == "cost":
            return "must have a `limit` for cost: the most US dollars that a call counts with"
        if not one.low < one.high:
            return f"must have a `low` below the `high` of {one.name}"
    return None


Action = Literal["approve", "canary", "end_canary", "promote", "retire", "roll_back", "withdraw"]


class Approval(Record, frozen=True, kw_only=True):
    """Who moved a release on, when, and on what evidence.

    `share`, `segment` and `watch` are those of a canary; `environment` is the one a promotion, a
    withdrawal or a rollback is for, None for every other call.
    """

    principal: str
    time_ns: int
    action: Action
    run: str | None = None
    reason: str | None = None
    share: float | None = None
    segment: Segment | None = None
    watch: Watch | None = None
    environment: str | None = None


class Release(Record, frozen=True, kw_only=True):
    """A deployable bundle behind a route name.

    The content (prompt, targets, parameters, guard policy, retrieval) is immutable and hashed into
    `digest`; the rest is its life. At most one release of a route is live, and at most one is its
    canary, which answers `share` of the requests (above 0, below 1) of its `segment`. `live_in`
    are environments whose calls it answers before what is live; each has one release of a route.
    """

    release_id: str
    route: str
    version: int
    project: str = "default"
    prompt: str | None = None
    targets: tuple[ModelTarget, ...]
    parameters: dict[str, Any] = {}
    guard_policy: str | None = None
    retrieval: Retrieval | None = None
    state: ReleaseState = "draft"
    share: float | None = None
    segment: Segment | None = None
    watch: Watch | None = None
    live_in: tuple[str, ...] = ()
    author: str | None = None
    digest: str
    approvals: tuple[Approval, ...] = ()
    note: str = ""
    created_ns: int

    @property
    def ref(self) -> str:
        """`route@version`, the way people name a release."""
        return f"{self.route}@{self.version}"


def release_digest(
    prompt_digest: str | None,
    targets: tuple[ModelTarget, ...],
    parameters: dict[str, Any],
    guard_policy: str | None,
    retrieval: Retrieval | None,
) -> str:
    """Hash of everything that can change an answer."""
    return digest([prompt_digest, targets, parameters, guard_policy, retrieval])
