"""Approvals: what other people said of a release, and whether that is enough.

An approval is of one release, whose content never changes. It counts unless it is older than a
comparison that the release failed, than the end that its watch put to it as a canary, or than the
day it was taken from where it answered. One for an environment counts there; one that names none
counts everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from trimtab.errors import Conflict
from trimtab.records import Approval, Release
from trimtab.records.principal import LOCAL
from trimtab.releases.evidence import Evidence
from trimtab.releases.lines import taken_back_ns
from trimtab.releases.moves import WATCHER, Moves, require_reason
from trimtab.releases.rules import Rules

Person = Callable[[str, str], str]
"""Who is behind a principal of a project: two keys of one user are one person."""


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of the approvals that a move needs.

    `by` are the principals whose approvals count; `stale` those who would have to look again, and
    `why` they would.
    """

    needed: int
    by: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    why: str | None = None

    @property
    def missing(self) -> int:
        return max(0, self.needed - len(self.by))


class Approvals:
    """Takes approvals and counts them."""

    def __init__(
        self, moves: Moves, evidence: Evidence, rules: Callable[[], Rules], person: Person
    ) -> None:
        self._moves = moves
        self._evidence = evidence
        self._rules = rules
        self._person = person

    def approve(
        self, project: str, ref: str, *, principal: str, reason: str, environment: str | None
    ) -> Release:
        """See `Lifecycle.approve`."""
        require_reason(reason, "an approval")
        release = self._moves.get(project, ref)
        self._rules().require_known(environment, lambda: self._moves.environments(project))
        if self._is_author(release, principal):
            raise Conflict(
                f"{release.ref} was made by {principal}, whose approval of it does not count",
                fix=_alone(principal) or "let somebody else approve it",
            )
        said = self._moves.by("approve", principal, reason=reason, environment=environment)
        return self._moves.releases.note(project, release.release_id, said)

    def of(
        self, release: Release, environment: str | None, *, principal: str | None = None
    ) -> Approved:
        """What counts for a release to answer somewhere.

        Args:
            principal: who would promote it, whose own approval does not count.
        """
        needed = self._rules().of(environment).approvals
        given = self._given(release, environment, principal)
        if not given:
            return Approved(needed=needed)
        since_ns, why = self._otherwise(release)
        fresh = [one for one in given if one.time_ns > since_ns]
        counted = self._persons(release.project, fresh)
        stale = [one for one in self._persons(release.project, given) if one not in counted]
        return Approved(
            needed=needed, by=tuple(counted), stale=tuple(stale), why=why if stale else None
        )

    def require(self, release: Release, environment: str | None, principal: str) -> None:
        """Raises Conflict when too few other people approve of a release."""
        if not self._rules().of(environment).approvals:
            return
        found = self.of(release, environment, principal=principal)
        if not found.missing:
            return
        where = "to go live" if environment is None else f"to answer in {environment!r}"
        has = f"it has those of {', '.join(found.by)}" if found.by else "it has none"
        if found.stale:
            has += f"; {', '.join(found.stale)} must look again: {found.why}"
        option = f" --environment {environment}" if environment is not None else ""
        raise Conflict(
            f"{release.ref} needs {_counted(found.needed)} {where}, of people other than its author"
            f" and whoever promotes it; {has}",
            fix=_alone(principal)
            or f"let them run `trimtab releases approve {release.ref}{option} --reason WHY`",
            needed=found.needed,
            missing=found.missing,
        )

    def _given(
        self, release: Release, environment: str | None, principal: str | None
    ) -> Sequence[Approval]:
        """Approvals by others than the author and the one who promotes."""
        outside = {self._person(release.project, who) for who in (release.author, principal) if who}
        return [
            one
            for one in release.approvals
            if one.action == "approve"
            and one.environment in (None, environment)
            and self._person(release.project, one.principal) not in outside
        ]

    def _persons(self, project: str, given: Sequence[Approval]) -> list[str]:
        """The principals of some approvals, one for each person."""
        found: dict[str, str] = {}
        for one in given:
            found.setdefault(self._person(project, one.principal), one.principal)
        return list(found.values())

    def _otherwise(self, release: Release) -> tuple[int, str | None]:
        """Since when approvals count, and what made the earlier ones stale."""
        reasons: list[tuple[int, str | None]] = [(0, None)]
        reasons += [
            (run.ended_ns or run.started_ns, f"run {run.run_id} failed its comparison since")
            for run in self._evidence.of(release)
            if run.verdict is not None and run.verdict.outcome == "fail"
        ]
        reasons += [
            (one.time_ns, "its watch ended it as a canary since")
            for one in release.approvals
            if one.action == "end_canary" and one.principal == WATCHER
        ]
        beside = self._moves.of_route(release.project, release.route)
        back_ns = taken_back_ns(release, beside)
        if back_ns is not None:
            reasons.append((back_ns, "it was taken back since"))
        return max(reasons, key=lambda reason: reason[0])

    def _is_author(self, release: Release, principal: str) -> bool:
        if release.author is None:
            return False
        person, project = self._person, release.project
        return person(project, release.author) == person(project, principal)


def _counted(needed: int) -> str:
    return "1 approval" if needed == 1 else f"{needed} approvals"


def _alone(principal: str) -> str | None:
    """What to do where everybody is the same principal."""
    if principal != LOCAL:
        return None
    return (
        "without credentials everybody is `local`, and nobody else can approve: issue a key for"
        " each person (trimtab keys issue NAME --user NAME), or set access.keys"
    )
