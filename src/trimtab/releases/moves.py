"""Moves: what answers on a route at this moment, and the record of what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.ports import Clock, ReleaseStore
from trimtab.records import Approval, Release
from trimtab.records.release import Action

WATCHER = "trimtab:watch"
"""The principal that takes canaries back."""


class Moves:
    """Looks releases up, and says who moves them when."""

    def __init__(self, releases: ReleaseStore, clock: Clock) -> None:
        self.releases = releases
        self.clock = clock

    def get(self, project: str, ref: str) -> Release:
        """Raises NotFound."""
        return self.releases.get(project, ref)

    def of_route(self, project: str, route: str) -> Sequence[Release]:
        """Newest first."""
        return self.releases.list(project, route)

    def live(self, project: str, route: str) -> Release | None:
        found = [one for one in self.of_route(project, route) if one.state == "live"]
        return found[0] if found else None

    def placed(self, project: str, route: str, environment: str) -> Release | None:
        """What answers the calls of an environment before what is live."""
        found = [one for one in self.of_route(project, route) if environment in one.live_in]
        return found[0] if found else None

    def environments(self, project: str) -> set[str]:
        """Those that releases of a project answer in, or once did."""
        return {
            approval.environment
            for release in self.releases.list(project)
            for approval in release.approvals
            if approval.action == "promote" and approval.environment is not None
        }

    def by(self, action: Action, principal: str, **said: Any) -> Approval:
        """The record of a move that is made now; `said` are further fields of it."""
        return Approval(principal=principal, time_ns=self.clock.now_ns(), action=action, **said)


def require_reason(reason: str | None, what: str) -> None:
    """Raises InvalidRequest for a reason that says nothing."""
    if not reason or not reason.strip():
        raise InvalidRequest(f"{what} needs a reason", where="reason", fix="say why")
