"""Canaries: releases that answer some of the calls, so that evidence comes to be."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from trimtab.errors import Conflict, InvalidRequest
from trimtab.records import Release, Segment, Watch
from trimtab.records.release import ReleaseState, watch_complaint
from trimtab.releases.moves import Moves

MOST_SHARE = 0.5
"""Of a canary: what has more than half of the requests is no trial, and needs a verdict."""

T = TypeVar("T")

_MAY_BE: tuple[ReleaseState, ...] = ("draft", "candidate", "canary", "retired")
_CANARY: tuple[ReleaseState, ...] = ("canary",)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a canary answers; what is not set is as it was, and nothing in a new canary."""

    share: float
    segment: Segment | UnsetType | None = UNSET
    watch: Watch | UnsetType | None = UNSET


class Canaries:
    def __init__(self, moves: Moves) -> None:
        self._moves = moves

    def begin(
        self,
        project: str,
        ref: str,
        terms: Terms,
        *,
        principal: str,
        reason: str | None = None,
        beside_targets: bool = False,
    ) -> Release:
        """See `Lifecycle.canary`."""
        release = self._moves.get(project, ref)
        was = release if release.state == "canary" else None
        segment = _or_before(terms.segment, was.segment if was is not None else None)
        watch = _or_before(terms.watch, was.watch if was is not None else None)
        if segment is not None and segment == Segment():
            segment = None
        if watch is not None and not watch.figures:
            watch = None
        require_possible(terms.share, segment, watch)
        if not beside_targets and self._moves.live(project, release.route) is None:
            raise Conflict(
                f"nothing of {release.route!r} is live to answer the rest of the requests",
                fix="promote a release of it, or give the route targets of its own",
            )
        approval = self._moves.by(
            "canary", principal, reason=reason, share=terms.share, segment=segment, watch=watch
        )
        return self._moves.releases.transition(
            project, release.release_id, "canary", approval, among=_MAY_BE
        )

    def end(self, project: str, ref: str, *, principal: str, reason: str | None = None) -> Release:
        """See `Lifecycle.end_canary`."""
        release = self._moves.get(project, ref)
        approval = self._moves.by("end_canary", principal, reason=reason)
        return self._moves.releases.transition(
            project, release.release_id, "candidate", approval, among=_CANARY
        )


def _or_before(given: T | UnsetType | None, before: T | None) -> T | None:
    return before if isinstance(given, UnsetType) else given


def require_possible(share: float, segment: Segment | None, watch: Watch | None) -> None:
    """Refuse what no canary can have. Raises InvalidRequest."""
    most = 1.0 if segment is not None and names_people(segment) else MOST_SHARE
    if not 0 < share <= most:
        raise InvalidRequest(
            f"a canary's share is above 0 and at most {most:g}, not {share:.6g}",
            where="share",
            fix="send 0.05 for five in a hundred; promote the release to give it all, or name the"
            " users, teams or keys that are to have all of it",
        )
    if watch is None:
        return
    if complaint := watch_complaint(watch):
        raise InvalidRequest(f"a watch {complaint}", where="watch", fix="correct it")
    if share > MOST_SHARE:
        raise InvalidRequest(
            "a watch compares with calls that the canary does not answer, and there are too few",
            where="share",
            fix=f"send at most {MOST_SHARE:g}, or no watch",
        )


def names_people(segment: Segment) -> bool:
    """Whether a segment says whose calls it has, and not only where they come from."""
    return bool(segment.users or segment.teams or segment.keys)
