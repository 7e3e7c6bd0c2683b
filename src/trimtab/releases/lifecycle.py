"""The life of a release: candidate, canary, live, retired; and where it answers besides.

Promoted on evidence, and with the approval of others where rules ask for it; a canary to gather
evidence; rolled back at will.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET, UnsetType

from trimtab.ports import Clock, PromptStore, ReleaseStore, RunStore
from trimtab.records import Release, Run, Segment, Verdict, Watch
from trimtab.releases.approvals import Approvals, Approved, Person
from trimtab.releases.canaries import Canaries, Terms
from trimtab.releases.creating import Bundle, Creating, Policy
from trimtab.releases.evidence import Evidence
from trimtab.releases.history import Event, history
from trimtab.releases.moves import Moves
from trimtab.releases.promoting import Promoting
from trimtab.releases.rolling_back import RollingBack
from trimtab.releases.rules import Rules
from trimtab.releases.status import RouteStatus, route_status

_NO_RULES = Rules()


class Lifecycle:
    """Creates releases and moves them through their states.

    Args:
        confirmed: computes the verdict on a run anew, from the results that are stored.
        rules: what a release needs before it answers, as it is now.
        person: who is behind a principal.
        policy: the version that a policy of guards has now.
    """

    def __init__(
        self,
        *,
        releases: ReleaseStore,
        prompts: PromptStore,
        runs: RunStore,
        confirmed: Callable[[Run], Verdict],
        clock: Clock,
        rules: Callable[[], Rules] = lambda: _NO_RULES,
        person: Person = lambda _, principal: principal,
        policy: Policy = lambda _, name: name,
    ) -> None:
        moves = Moves(releases, clock)
        evidence = Evidence(runs, confirmed)
        self._moves = moves
        self._evidence = evidence
        self._creating = Creating(moves, prompts, policy)
        self._approvals = Approvals(moves, evidence, rules, person)
        self._promoting = Promoting(moves, evidence, self._approvals, rules, policy)
        self._canaries = Canaries(moves)
        self._rolling_back = RollingBack(moves, self._canaries)

    def create(self, project: str, bundle: Bundle, *, author: str | None = None) -> Release:
        """Store a candidate release; its prompt and its policy of guards are pinned to versions.

        Raises:
            InvalidRequest: no model would answer, a parameter is not the release's to set, or there
                is no such policy.
            NotFound: the prompt does not exist.
            Conflict: the route already has a release with this content.
        """
        return self._creating.create(project, bundle, author=author)

    def approve(
        self,
        project: str,
        ref: str,
        *,
        principal: str,
        reason: str,
        environment: str | None = None,
    ) -> Release:
        """Put on record that somebody approves of a release; no state changes.

        Args:
            environment: the one that it is approved for; None for everywhere.
        Raises:
            InvalidRequest: no reason.
            NotFound: there is no such release.
            Conflict: its author cannot approve it.
        """
        return self._approvals.approve(
            project, ref, principal=principal, reason=reason, environment=environment
        )

    def approved(
        self, release: Release, environment: str | None = None, *, principal: str | None = None
    ) -> Approved:
        """The approvals of a release that count for it to answer somewhere."""
        return self._approvals.of(release, environment, principal=principal)

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
        """Make a release live, in place of the one that is; or have it answer in an environment.

        The first release of a route has nothing to be compared with and needs no run. Any other
        needs a run of this very content whose verdict is pass, or `force` with a reason. The run
        must be vouched for, and its stored results must say pass again. What its verdict does not
        know goes on record with the reason. In an environment it is compared with what answers
        there, and the rules of that environment hold. Approvals cannot be forced.

        Raises:
            NotFound: there is no such release or run.
            Conflict: the evidence is missing, is about something else, or does not say pass; too
                few others approve; or the release answers there already.
        """
        return self._promoting.promote(
            project,
            ref,
            principal=principal,
            run_id=run_id,
            reason=reason,
            force=force,
            environment=environment,
        )

    def withdraw(
        self,
        project: str,
        ref: str,
        *,
        environment: str,
        principal: str,
        reason: str | None = None,
    ) -> Release:
        """Have a release answer in an environment no longer; what is live answers there again.

        Raises:
            NotFound: there is no such release.
            Conflict: it does not answer there.
        """
        return self._promoting.withdraw(
            project, ref, environment=environment, principal=principal, reason=reason
        )

    def canary(
        self,
        project: str,
        ref: str,
        *,
        share: float,
        principal: str,
        segment: Segment | UnsetType | None = UNSET,
        watch: Watch | UnsetType | None = UNSET,
        reason: str | None = None,
        beside_targets: bool = False,
    ) -> Release:
        """Have a release answer a share of the requests, or give the canary another share.

        It needs no verdict: it is how one comes to be. Whatever is live answers the rest.

        Args:
            share: above 0 and at most `canaries.MOST_SHARE`, or 1 of named users, teams or keys.
            segment, watch: those that a canary has stay unless others are given; None ends them.
            beside_targets: the route has targets of its own, which answer where nothing is live.
        Raises:
            InvalidRequest: the share is out of bounds, or the watch cannot be.
            NotFound: there is no such release.
            Conflict: it is live, nothing would answer the rest, or the route has another canary.
        """
        return self._canaries.begin(
            project,
            ref,
            Terms(share=share, segment=segment, watch=watch),
            principal=principal,
            reason=reason,
            beside_targets=beside_targets,
        )

    def end_canary(
        self, project: str, ref: str, *, principal: str, reason: str | None = None
    ) -> Release:
        """Take a canary's share away; it is a candidate again.

        Raises:
            NotFound: there is no such release.
            Conflict: it is no canary.
        """
        return self._canaries.end(project, ref, principal=principal, reason=reason)

    def roll_back(
        self,
        project: str,
        ref: str,
        *,
        principal: str,
        reason: str,
        environment: str | None = None,
    ) -> Release:
        """Take a release back: the one that answered before it answers again, and alone.

        The canary beside a live one ends; a canary that is taken back itself ends and nothing else.
        In an environment where nothing answered before, the release is withdrawn. It waits for no
        approval.

        Raises:
            Conflict: the release does not answer there, or there is none to go back to.
        """
        return self._rolling_back.roll_back(
            project, ref, principal=principal, reason=reason, environment=environment
        )

    def live(self, project: str, route: str) -> Release | None:
        return self._moves.live(project, route)

    def status(self, project: str, route: str) -> RouteStatus:
        """What answers where on a route, and what its newest release waits for.

        Raises NotFound for a route that has no release.
        """
        releases = self._moves.of_route(project, route)
        return route_status(route, releases, self._approvals, self._evidence)

    def history(self, project: str, route: str) -> list[Event]:
        """Everything that became of the releases of a route, newest first. Raises NotFound."""
        return history(route, self._moves.of_route(project, route))
