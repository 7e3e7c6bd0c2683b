"""Rolling back: what answered before answers again."""

from __future__ import annotations

from trimtab.errors import Conflict
from trimtab.records import Release
from trimtab.releases.canaries import Canaries
from trimtab.releases.lines import before
from trimtab.releases.moves import Moves, require_reason
from trimtab.releases.promoting import require_placed


class RollingBack:
    def __init__(self, moves: Moves, canaries: Canaries) -> None:
        self._moves = moves
        self._canaries = canaries

    def roll_back(
        self, project: str, ref: str, *, principal: str, reason: str, environment: str | None
    ) -> Release:
        """See `Lifecycle.roll_back`."""
        require_reason(reason, "a rollback")
        current = self._moves.get(project, ref)
        if environment is not None:
            return self._in_environment(current, environment, principal, reason)
        if current.state == "canary":
            return self._canaries.end(project, ref, principal=principal, reason=reason)
        if current.state != "live":
            raise Conflict(f"{current.ref} is {current.state}, not live", fix=_elsewhere(current))
        former = before(current, self._moves.of_route(project, current.route))
        if former is None:
            raise Conflict(
                f"route {current.route!r} has no earlier release to go back to",
                fix=f"promote another release of {current.route}",
            )
        approval = self._moves.by("roll_back", principal, reason=reason)
        return self._moves.releases.transition(
            project,
            former.release_id,
            "live",
            approval,
            over=current.release_id,
            ends_canary=True,
        )

    def _in_environment(
        self, current: Release, environment: str, principal: str, reason: str
    ) -> Release:
        """The release that answered there before; without one, what is live answers there."""
        require_placed(current, environment)
        project, store = current.project, self._moves.releases
        former = before(current, self._moves.of_route(project, current.route), environment)
        action = self._moves.by
        if former is None:
            approval = action("withdraw", principal, reason=reason, environment=environment)
            return store.place(project, current.release_id, approval, withdraw=True)
        approval = action("roll_back", principal, reason=reason, environment=environment)
        return store.place(project, former.release_id, approval, over=current.release_id)


def _elsewhere(release: Release) -> str | None:
    if not release.live_in:
        return None
    return f"name where: --environment {release.live_in[0]}"
