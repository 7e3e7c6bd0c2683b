"""Lines: which releases answered one after the other, on a route or in one of its environments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from trimtab.records import Release
from trimtab.records.release import Action

_BEGINNING: tuple[Action, ...] = ("promote", "roll_back")


class _Move(NamedTuple):
    time_ns: int
    action: Action
    release: Release


def before(
    current: Release, releases: Sequence[Release], environment: str | None = None
) -> Release | None:
    """The release that answered before `current`, passing over those that were taken back since.

    The line of releases grows with a promotion and a rollback cuts it back. In an environment None
    is an answer too: before, or after a withdrawal, what is live answered there.
    """
    line: list[Release | None] = []
    for move in _moves(releases, environment):
        if move.action == "withdraw":
            line.append(None)
            continue
        while move.action == "roll_back" and line and _id(line[-1]) != move.release.release_id:
            line.pop()
        if move.action == "promote" or not line:
            line.append(move.release)
    while line and _id(line[-1]) == current.release_id:
        line.pop()
    return line[-1] if line else None


def taken_back_ns(release: Release, releases: Iterable[Release]) -> int | None:
    """When a release was last taken from where it answered, and not because another was promoted.

    None when it never was.
    """
    promotions = {
        (move.time_ns, move.environment)
        for other in releases
        for move in other.approvals
        if move.action == "promote"
    }
    found = [
        move.time_ns
        for move in release.approvals
        if move.action in ("retire", "withdraw")
        and (move.time_ns, move.environment) not in promotions
    ]
    return max(found, default=None)


def _moves(releases: Sequence[Release], environment: str | None) -> Iterator[_Move]:
    """What moved the line, the oldest first.

    Whoever is replaced is withdrawn in the moment of the move that replaces it, which is no move
    of its own.
    """
    found = [
        _Move(approval.time_ns, approval.action, release)
        for release in releases
        for approval in release.approvals
        if approval.environment == environment
    ]
    began = {move.time_ns for move in found if move.action in _BEGINNING}
    for move in sorted(found, key=lambda move: move.time_ns):
        withdrawn = move.action == "withdraw" and environment is not None
        if move.action in _BEGINNING or (withdrawn and move.time_ns not in began):
            yield move


def _id(release: Release | None) -> str | None:
    return None if release is None else release.release_id
