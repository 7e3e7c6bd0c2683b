"""Promoting: a release begins to answer, live or in an environment, and ends to answer there."""

from __future__ import annotations

from collections.abc import Callable

from trimtab.errors import Conflict, InvalidRequest
from trimtab.records import Release
from trimtab.releases.approvals import Approvals
from trimtab.releases.creating import Policy
from trimtab.releases.evidence import Evidence
from trimtab.releases.moves import Moves, require_reason
from trimtab.releases.rules import Rules


class Promoting:
    def __init__(
        self,
        moves: Moves,
        evidence: Evidence,
        approvals: Approvals,
        rules: Callable[[], Rules],
        policy: Policy,
    ) -> None:
        self._moves = moves
        self._evidence = evidence
        self._approvals = approvals
        self._rules = rules
        self._policy = policy

    def promote(
        self,
        project: str,
        ref: str,
        *,
        principal: str,
        run_id: str | None = None,
        reason: str | None = None,
        force: bool = False,
        environment: str | None = None,
    ) -> Release:
        """See `Lifecycle.promote`."""
        release = self._moves.get(project, ref)
        self._rules().require_known(environment, lambda: self._moves.environments(project))
        placed = self._placed(release, environment)
        current = placed or self._moves.live(project, release.route)
        if run_id is not None:
            self._evidence.require_exists(project, run_id)  # what goes on record exists
        elif current is not None and not force and self._is_judged(release, current, environment):
            run_id = self._evidence.newest(release, current)
        why = self._why(release, current, environment, run_id=run_id, reason=reason, force=force)
        self._approvals.require(release, environment, principal)
        approval = self._moves.by(
            "promote", principal, run=run_id, reason=why, environment=environment
        )
        store, release_id = self._moves.releases, release.release_id
        if environment is not None:
            over = placed.release_id if placed else ""
            return store.place(project, release_id, approval, over=over)
        over = current.release_id if current else ""
        return store.transition(project, release_id, "live", approval, over=over)

    def withdraw(
        self,
        project: str,
        ref: str,
        *,
        environment: str,
        principal: str,
        reason: str | None = None,
    ) -> Release:
        """See `Lifecycle.withdraw`."""
        release = self._moves.get(project, ref)
        require_placed(release, environment)
        approval = self._moves.by("withdraw", principal, reason=reason, environment=environment)
        return self._moves.releases.place(project, release.release_id, approval, withdraw=True)

    def _placed(self, release: Release, environment: str | None) -> Release | None:
        """What has the environment now. Raises Conflict when the release answers there already."""
        if environment is None:
            if release.state == "live":
                raise Conflict(f"{release.ref} is live already")
            return None
        if environment in release.live_in:
            raise Conflict(f"{release.ref} answers in {environment!r} already")
        return self._moves.placed(release.project, release.route, environment)

    def _why(
        self,
        release: Release,
        current: Release | None,
        environment: str | None,
        *,
        run_id: str | None,
        reason: str | None,
        force: bool,
    ) -> str | None:
        """What goes on record as the reason, of a promotion whose evidence is enough."""
        if current is None:
            return reason or f"the first release of its {'environment' if environment else 'route'}"
        if force:
            require_reason(reason, "a forced promotion")
            return reason
        if not self._is_judged(release, current, environment):
            return reason
        notes = self._evidence.required_pass(release.project, release, current, run_id)
        self._require_judged_policy(release)
        return "; ".join(filter(None, [reason, *notes])) or None

    def _is_judged(self, release: Release, current: Release, environment: str | None) -> bool:
        """Whether a verdict says if a release may answer in place of another."""
        return self._rules().of(environment).gate and current.digest != release.digest

    def _require_judged_policy(self, release: Release) -> None:
        """Raises Conflict when other guards would hold than those that were judged with it."""
        if release.guard_policy is None:
            return
        name = release.guard_policy.partition("@")[0]
        try:
            now = self._policy(release.project, name)
        except InvalidRequest as error:
            raise Conflict(f"{release.ref} cannot be guarded: {error.what}") from None
        if now != release.guard_policy:
            raise Conflict(
                f"{release.ref} was judged with {release.guard_policy}, and {now} would guard it",
                fix="create the release again, which pins the policy as it is, and judge that; or"
                " force with a reason",
            )


def require_placed(release: Release, environment: str) -> None:
    """Raises Conflict for a release that does not answer in an environment."""
    if environment not in release.live_in:
        places = f"only in {', '.join(release.live_in)}" if release.live_in else "in none yet"
        raise Conflict(
            f"{release.ref} does not answer in {environment!r}, {places}",
            where="environment",
            fix=f"look at `trimtab releases status {release.route}`",
        )
