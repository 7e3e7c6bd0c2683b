"""History: everything that became of the releases of a route. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from trimtab.errors import NotFound
from trimtab.records import Approval, Release, Segment, Watch
from trimtab.records.release import Action


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One move of one release; `add` is how it came to be. The fields are those of `Approval`."""

    time_ns: int
    release: str
    action: Action | Literal["add"]
    principal: str | None
    environment: str | None = None
    run: str | None = None
    reason: str | None = None
    share: float | None = None
    segment: Segment | None = None
    watch: Watch | None = None


def history(route: str, releases: Sequence[Release]) -> list[Event]:
    """Newest first. Raises NotFound for a route that has no release."""
    require_some(route, releases)
    found = [event for release in releases for event in _of(release)]
    # Of one moment, the last move of a release stays the last.
    return sorted(found, key=lambda event: event.time_ns)[::-1]


def require_some(route: str, releases: Sequence[Release]) -> None:
    """Raises NotFound for a route that has no release."""
    if not releases:
        raise NotFound(
            f"no release of a route {route[:200]!r}", fix="`trimtab releases list` shows all"
        )


def _of(release: Release) -> Iterator[Event]:
    yield Event(
        time_ns=release.created_ns,
        release=release.ref,
        action="add",
        principal=release.author,
        reason=release.note or None,
    )
    for approval in release.approvals:
        yield _event(release, approval)


def _event(release: Release, approval: Approval) -> Event:
    return Event(
        time_ns=approval.time_ns,
        release=release.ref,
        action=approval.action,
        principal=approval.principal,
        environment=approval.environment,
        run=approval.run,
        reason=approval.reason,
        share=approval.share,
        segment=approval.segment,
        watch=approval.watch,
    )
