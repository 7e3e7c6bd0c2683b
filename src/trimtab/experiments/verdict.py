"""From two finished runs to a verdict: comparable or not, then compared and judged. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from trimtab.errors import Conflict
from trimtab.experiments.decision import Measured, decide
from trimtab.experiments.suite import Slice, SuiteGate
from trimtab.records import Example, Run

_USUAL = SuiteGate()


def judged(
    candidate: Measured,
    baseline: Measured,
    examples: Sequence[Example],
    *,
    gate: SuiteGate = _USUAL,
    slices: Sequence[Slice] = (),
    uncalibrated: Collection[str] = (),
    notes: tuple[str, ...] = (),
) -> Run:
    """The candidate's run with the verdict of the gate.

    Args:
        examples: the rows both runs were made over, of which clusters come; rows of other splits
            than the runs' are left out.
        gate: without rules every pass-or-fail metric gates, with a margin of 2 points.
        uncalibrated: names of scorers that may not gate.
        notes: what is not known of the rows; copied into the verdict.
    Raises:
        Conflict: a run is not finished, or they were made over different examples.
    """
    require_comparable(candidate.run, baseline.run)
    split = candidate.run.split
    verdict = decide(
        candidate,
        [row for row in examples if split is None or row.split == split],
        gate,
        baseline=baseline,
        slices=slices,
        uncalibrated=uncalibrated,
    )
    if verdict is not None and notes:
        verdict = msgspec.structs.replace(verdict, notes=(*notes, *verdict.notes))
    return msgspec.structs.replace(candidate.run, verdict=verdict)


def require_comparable(candidate: Run, baseline: Run) -> None:
    """Raises Conflict unless both are done, over the same rows."""
    for run in (candidate, baseline):
        if run.status != "done":
            raise Conflict(
                f"run {run.run_id} is {run.status}, not done",
                fix="wait for it, or run it again",
            )
    if (candidate.dataset_digest, candidate.split) != (baseline.dataset_digest, baseline.split):
        raise Conflict(
            f"the runs are over different examples: {candidate.dataset} and {baseline.dataset}",
            fix="run both over the same version of the dataset",
        )
