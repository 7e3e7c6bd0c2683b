"""Evidence: a run with a verdict, and whether it is one on which a release may replace another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.errors import Conflict, NotFound
from trimtab.ports import RunStore
from trimtab.records import Release, Run, Verdict

_MOST_RUNS = 2_000


class Evidence:
    """Looks at runs that somebody names as evidence.

    Args:
        confirmed: computes the verdict on a run anew, from the results that are stored.
    """

    def __init__(self, runs: RunStore, confirmed: Callable[[Run], Verdict]) -> None:
        self._runs = runs
        self._confirmed = confirmed

    def require_exists(self, project: str, run_id: str) -> None:
        """Raises NotFound."""
        self._runs.get(project, run_id)

    def of(self, release: Release) -> Sequence[Run]:
        """The runs of a release's content that were compared with something, newest first."""
        found = self._runs.list(release.project, limit=_MOST_RUNS)
        return [
            run for run in found if run.release_digest == release.digest and run.verdict is not None
        ]

    def newest(self, release: Release, current: Release) -> str | None:
        """The run to judge a release by where nobody names one.

        The newest that was compared with what answers now and is vouched for; else the newest that
        was compared at all, of which `required_pass` says why it is not enough.
        """
        runs = self.of(release)
        project = release.project
        for run in runs:
            baseline = self._baseline(project, run)
            if run.vouched and baseline is not None and baseline.release_digest == current.digest:
                return run.run_id
        return runs[0].run_id if runs else None

    def required_pass(
        self, project: str, release: Release, current: Release, run_id: str | None
    ) -> Sequence[str]:
        """What the verdict that says pass does not know."""
        if run_id is None:
            raise Conflict(
                f"{release.ref} has no evidence to replace {current.ref} on",
                fix=f"run `trimtab eval --release {release.ref} --dataset DATASET --baseline "
                f"{current.ref}` and name its run, or force with a reason",
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
        compared = self._baseline(project, run)
        if compared is None or compared.release_digest != current.digest:
            raise Conflict(
                f"run {run.run_id} was not compared with {current.ref}, which is live",
                fix=f"compare it with a run of {current.ref}",
            )
        if not compared.vouched:
            raise Conflict(
                f"run {run.run_id} was compared with run {compared.run_id}, which was brought by"
                f" {compared.author or 'somebody'}, who may not promote: it is no evidence",
                fix=f"run {current.ref} again on the server, compare with that run, or force with"
                " a reason",
            )

    def _baseline(self, project: str, run: Run) -> Run | None:
        """What a run was compared with, where that is still there."""
        baseline = run.verdict.baseline_run if run.verdict is not None else None
        try:
            return self._runs.get(project, baseline) if baseline else None
        except NotFound:
            return None

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
