"""Status: what answers where on a route, what its newest release waits for, and what comes next."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trimtab.records import Release, Segment, Watch
from trimtab.records.run import Outcome
from trimtab.releases.approvals import Approvals, Approved
from trimtab.releases.evidence import Evidence
from trimtab.releases.history import require_some
from trimtab.releases.moves import WATCHER


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """A release that answers: in an environment, or where that is None every other call."""

    release: str
    environment: str | None = None
    since_ns: int | None = None
    by: str | None = None


class CanaryStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`since_ns` is when it became a canary, whatever its share was then."""

    release: str
    share: float
    segment: Segment | None = None
    watch: Watch | None = None
    since_ns: int | None = None


class TakenBack(msgspec.Struct, frozen=True, kw_only=True):
    """A canary that its watch ended and nobody tried again since; `reason` has the figure."""

    release: str
    time_ns: int
    reason: str | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The newest release that is not live: its last comparison, and its approvals to go live."""

    release: str
    state: str
    run: str | None = None
    verdict: Outcome | None = None
    approved: Approved


class RouteStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`next` says in words what to do now."""

    route: str
    live: Answering | None = None
    environments: tuple[Answering, ...] = ()
    canary: CanaryStatus | None = None
    taken_back: TakenBack | None = None
    waiting: Waiting | None = None
    next: str = ""


def route_status(
    route: str, releases: Sequence[Release], approvals: Approvals, evidence: Evidence
) -> RouteStatus:
    """Raises NotFound for a route that has no release.

    Args:
        releases: all of the route, newest first.
    """
    require_some(route, releases)
    live = next((one for one in releases if one.state == "live"), None)
    waiting = _waiting(releases, live, approvals, evidence)
    canary = next((one for one in releases if one.state == "canary"), None)
    return RouteStatus(
        route=route,
        live=_answering(live, None) if live is not None else None,
        environments=tuple(
            sorted(
                (_answering(one, place) for one in releases for place in one.live_in),
                key=lambda one: one.environment or "",
            )
        ),
        canary=_canary(canary) if canary is not None else None,
        taken_back=_taken_back(releases, live),
        waiting=waiting,
        next=_next(live, canary, waiting),
    )


def _answering(release: Release, environment: str | None) -> Answering:
    began = [
        one
        for one in release.approvals
        if one.action in ("promote", "roll_back") and one.environment == environment
    ]
    last = began[-1] if began else None
    return Answering(
        release=release.ref,
        environment=environment,
        since_ns=last.time_ns if last is not None else None,
        by=last.principal if last is not None else None,
    )


def _canary(release: Release) -> CanaryStatus:
    return CanaryStatus(
        release=release.ref,
        share=release.share or 0.0,
        segment=release.segment,
        watch=release.watch,
        since_ns=canary_since_ns(release),
    )


def canary_since_ns(release: Release) -> int | None:
    """When a canary began; a change of its share is no new beginning."""
    since_ns = None
    for approval in release.approvals:
        if approval.action == "canary":
            since_ns = since_ns or approval.time_ns
        elif approval.action in ("end_canary", "promote", "roll_back", "retire") and (
            approval.environment is None
        ):
            since_ns = None
    return since_ns


def _taken_back(releases: Sequence[Release], live: Release | None) -> TakenBack | None:
    """The last that a watch ended, of the candidates that may still go live next."""
    found = []
    for release in releases:
        moves = [one for one in release.approvals if one.action in ("canary", "end_canary")]
        ended = moves[-1] if moves else None
        newer = live is None or release.version > live.version
        if (
            newer
            and release.state == "candidate"
            and ended is not None
            and ended.action == "end_canary"
            and ended.principal == WATCHER
        ):
            found.append(TakenBack(release=release.ref, time_ns=ended.time_ns, reason=ended.reason))
    return max(found, key=lambda one: one.time_ns, default=None)


def _waiting(
    releases: Sequence[Release], live: Release | None, approvals: Approvals, evidence: Evidence
) -> Waiting | None:
    """The newest release that may go live next; none older than the one that is."""
    found = [
        one
        for one in releases
        if one.state in ("draft", "candidate", "canary")
        and (live is None or one.version > live.version)
    ]
    if not found:
        return None
    release = max(found, key=lambda one: one.version)
    runs = evidence.of(release)
    verdict = runs[0].verdict if runs else None
    return Waiting(
        release=release.ref,
        state=release.state,
        run=runs[0].run_id if runs else None,
        verdict=verdict.outcome if verdict is not None else None,
        approved=approvals.of(release, None),
    )


def _next(live: Release | None, canary: Release | None, waiting: Waiting | None) -> str:
    if waiting is None:
        return "nothing waits: create a release to change what answers"
    ref, run = waiting.release, waiting.run
    if live is not None and waiting.verdict is None:
        return f"trimtab eval --release {ref} --dataset DATASET --baseline {live.ref}"
    if live is not None and waiting.verdict != "pass":
        return f"the gate said {waiting.verdict} of {ref}: improve it, or add cases and judge again"
    if waiting.approved.missing:
        more = waiting.approved.missing
        return f"{more} more to approve: trimtab releases approve {ref} --reason WHY"
    if canary is not None and canary.ref == ref:
        return f"it is being tried; then trimtab releases promote {ref}{_with(run)}"
    return f"trimtab releases promote {ref}{_with(run)}"


def _with(run: str | None) -> str:
    return f" --run {run}" if run else ""
