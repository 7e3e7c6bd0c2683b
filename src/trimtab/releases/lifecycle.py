"""The life of a release: candidate, canary, live, retired.

Promoted on evidence; a canary to gather it; rolled back at will.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from trimtab.dialects.llm import openai_chat
from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.kit import ids
from trimtab.ports import Clock, PromptStore, ReleaseStore, RunStore
from trimtab.records import Approval, ModelTarget, Release, Retrieval, Run, Verdict
from trimtab.records.release import ReleaseState, release_digest

MOST_SHARE = 0.5
"""Of a canary: what has more than half of the requests is no trial, and needs a verdict."""

_MAY_BE_CANARY: tuple[ReleaseState, ...] = ("draft", "candidate", "canary", "retired")
_CANARY: tuple[ReleaseState, ...] = ("canary",)


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a release: everything that can change an answer."""

    route: str
    targets: tuple[ModelTarget, ...]
    prompt: str | None = None
    parameters: dict[str, Any] = {}
    guard_policy: str | None = None
    retrieval: Retrieval | None = None
    note: str = ""


class Lifecycle:
    """Creates releases and moves them through their states.

    Args:
        confirmed: computes the verdict on a run anew, from the results that are stored.
    """

    def __init__(
        self,
        *,
        releases: ReleaseStore,
        prompts: PromptStore,
        runs: RunStore,
        confirmed: Callable[[Run], Verdict],
        clock: Clock,
    ) -> None:
        self._releases = releases
        self._prompts = prompts
        self._runs = runs
        self._confirmed = confirmed
        self._clock = clock

    def create(self, project: str, bundle: Bundle) -> Release:
        """Store a candidate release; its prompt reference is pinned to a version.

        Raises:
            InvalidRequest: no model would answer, or a parameter is not the release's to set.
            NotFound: the prompt does not exist.
            Conflict: the route already has a release with this content.
        """
        _check(bundle)
        prompt = self._prompts.get(project, bundle.prompt) if bundle.prompt else None
        return self._releases.add(
            Release(
                release_id=ids.uuid7(self._clock.now_ns()),
                route=bundle.route,
                version=0,
                project=project,
                prompt=prompt.ref if prompt else None,
                targets=bundle.targets,
                parameters=bundle.parameters,
                guard_policy=bundle.guard_policy,
                retrieval=bundle.retrieval,
                state="candidate",
                digest=release_digest(
                    prompt.digest if prompt else None,
                    bundle.targets,
                    bundle.parameters,
                    bundle.guard_policy,
                    bundle.retrieval,
                ),
                note=bundle.note,
                created_ns=self._clock.now_ns(),
            )
        )

    def promote(
        self,
        project: str,
        ref: str,
        *,
        principal: str,
        run_id: str | None = None,
        reason: str | None = None,
        force: bool = False,
    ) -> Release:
        """Make a release live; the one that was live retires.

        The first release of a route has nothing to be compared with and needs no run. Any other
        needs a run of this very content whose verdict is pass, or `force` with a reason. The run
        must be vouched for, and its stored results must say pass again. What its verdict does not
        know goes on record with the reason.

        Raises:
            NotFound: there is no such release or run.
            Conflict: the evidence is missing, is about something else, or does not say pass.
        """
        release = self._releases.get(project, ref)
        current = self.live(project, release.route)
        if current is not None and current.release_id == release.release_id:
            raise Conflict(f"{release.ref} is live already")
        if run_id is not None:
            self._runs.get(project, run_id)  # what goes on record as evidence exists
        if current is None:
            reason = reason or "the first release of its route"
        elif force:
            _require_reason(reason, "a forced promotion")
        else:
            notes = self._require_pass(project, release, current, run_id)
            reason = "; ".join(filter(None, [reason, *notes])) or None
        over = current.release_id if current else ""
        approval = self._approval("promote", principal, run_id=run_id, reason=reason)
        return self._releases.transition(project, release.release_id, "live", approval, over=over)

    def canary(
        self,
        project: str,
        ref: str,
        *,
        share: float,
        principal: str,
        reason: str | None = None,
        beside_targets: bool = False,
    ) -> Release:
        """Have a release answer a share of the requests, or give the canary another share.

        It needs no verdict: it is how one comes to be. Whatever is live answers the rest.

        Args:
            share: of the requests, above 0 and at most `MOST_SHARE`.
            beside_targets: the route has targets of its own, which answer where nothing is live.
        Raises:
            InvalidRequest: the share is out of bounds.
            NotFound: there is no such release.
            Conflict: it is live, nothing would answer the rest, or the route has another canary.
        """
        if not 0 < share <= MOST_SHARE:
            raise InvalidRequest(
                f"a canary's share is above 0 and at most {MOST_SHARE:g}, not {share:.6g}",
                where="share",
                fix="send 0.05 for five in a hundred; promote the release to give it all",
            )
        release = self._releases.get(project, ref)
        if not beside_targets and self.live(project, release.route) is None:
            raise Conflict(
                f"nothing of {release.route!r} is live to answer the rest of the requests",
                fix="promote a release of it, or give the route targets of its own",
            )
        approval = self._approval("canary", principal, reason=reason, share=share)
        return self._releases.transition(
            project, release.release_id, "canary", approval, among=_MAY_BE_CANARY
        )

    def end_canary(
        self, project: str, ref: str, *, principal: str, reason: str | None = None
    ) -> Release:
        """Take a canary's share away; it is a candidate again.

        Raises:
            NotFound: there is no such release.
            Conflict: it is no canary.
        """
        release = self._releases.get(project, ref)
        approval = self._approval("end_canary", principal, reason=reason)
        return self._releases.transition(
            project, release.release_id, "candidate", approval, among=_CANARY
        )

    def roll_back(self, project: str, ref: str, *, principal: str, reason: str) -> Release:
        """Take a live release back: the one that was live before it answers again, and alone.

        The canary beside it ends; a canary that is taken back itself ends and nothing else.

        Raises:
            Conflict: the release is not live, or there is none to go back to.
        """
        _require_reason(reason, "a rollback")
        current = self._releases.get(project, ref)
        route = current.route
        if current.state == "canary":
            return self.end_canary(project, ref, principal=principal, reason=reason)
        if current.state != "live":
            raise Conflict(f"{current.ref} is {current.state}, not live")
        former = _before(current, self._releases.list(project, route))
        if former is None:
            raise Conflict(
                f"route {route!r} has no earlier release to go back to",
                fix=f"promote another release of {route}",
            )
        over = current.release_id
        approval = self._approval("roll_back", principal, reason=reason)
        return self._releases.transition(
            project, former.release_id, "live", approval, over=over, ends_canary=True
        )

    def live(self, project: str, route: str) -> Release | None:
        found = [r for r in self._releases.list(project, route) if r.state == "live"]
        return found[0] if found else None

    def _require_pass(
        self, project: str, release: Release, current: Release, run_id: str | None
    ) -> Sequence[str]:
        """What the verdict that says pass does not know."""
        if run_id is None:
            raise Conflict(
                f"{release.ref} has no evidence to replace {current.ref} on",
                fix=f"run `trimtab eval --release {release.ref} --dataset DATASET --baseline "
                f"{current.ref}` and name "
                "its run, or force with a reason",
            )
        run = self._runs.get(project, run_id)
        if run.release_digest != release.digest:
            raise Conflict(
                f"run {run_id} judged {run.release or 'something else'}, not {release.ref}",
                fix="name a run of this release",
            )
        if not run.vouched:
            raise Conflict(
                f"run {run_id} was brought by {run.author or 'somebody'}, who may not promote: it"
                " is no evidence",
                fix="let the server run it (POST /api/v1/runs, then compare it), bring it with a "
                "key that has releases:promote, or force with a reason",
            )
        self._require_verdict(project, run, release, current)
        return self._confirmed_pass(run, release).notes

    def _require_verdict(self, project: str, run: Run, release: Release, current: Release) -> None:
        if run.verdict is None:
            raise Conflict(
                f"run {run.run_id} was not compared with a baseline",
                fix=f"compare it with a run of {current.ref}",
            )
        if run.verdict.outcome != "pass":
            raise Conflict(
                f"the gate says {run.verdict.outcome} for {release.ref}: "
                + "; ".join(run.verdict.reasons),
                fix="improve the release, add examples, or force with a reason",
                outcome=run.verdict.outcome,
            )
        baseline = run.verdict.baseline_run
        try:
            compared = self._runs.get(project, baseline) if baseline else None
        except NotFound:
            compared = None
        if compared is None or compared.release_digest != current.digest:
            raise Conflict(
                f"run {run.run_id} was not compared with {current.ref}, which is live",
                fix=f"compare it with a run of {current.ref}",
            )

    def _confirmed_pass(self, run: Run, release: Release) -> Verdict:
        """The verdict computed anew, which must say what the stored one says."""
        found = self._confirmed(run)
        if found.outcome != "pass":
            raise Conflict(
                f"the verdict on run {run.run_id} says pass, but its stored results say"
                f" {found.outcome} for {release.ref}: {'; '.join(found.reasons)}",
                fix="compare the run again, or force with a reason",
                outcome=found.outcome,
            )
        return found

    def _approval(
        self,
        action: Literal["canary", "end_canary", "promote", "roll_back"],
        principal: str,
        *,
        run_id: str | None = None,
        reason: str | None = None,
        share: float | None = None,
    ) -> Approval:
        return Approval(
            principal=principal,
            time_ns=self._clock.now_ns(),
            action=action,
            run=run_id,
            reason=reason,
            share=share,
        )


def _check(bundle: Bundle) -> None:
    if not bundle.targets:
        raise InvalidRequest(
            "a release needs a model that answers",
            where="targets",
            fix='name one, like {"model": "trimtab/extract"}',
        )
    openai_chat.check_parameters(bundle.parameters)


def _before(current: Release, releases: Sequence[Release]) -> Release | None:
    """The release that was live before `current`, passing over those that were taken back since.

    The line of releases that were live grows with a promotion; a rollback cuts it back.
    """
    moves = [
        (approval.time_ns, approval.action, release)
        for release in releases
        for approval in release.approvals
        if approval.action in ("promote", "roll_back")
    ]
    line: list[Release] = []
    for _, action, release in sorted(moves, key=lambda move: move[0]):
        while action == "roll_back" and line and line[-1].release_id != release.release_id:
            line.pop()
        line.append(release)
    earlier = [release for release in line if release.release_id != current.release_id]
    return earlier[-1] if earlier else None


def _require_reason(reason: str | None, what: str) -> None:
    if not reason or not reason.strip():
        raise InvalidRequest(f"{what} needs a reason", where="reason", fix="say why")
