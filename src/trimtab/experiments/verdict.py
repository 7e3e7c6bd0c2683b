"""From two finished runs to a verdict: their scores as vectors, compared and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from trimtab.errors import Conflict
from trimtab.experiments.compare import compare
from trimtab.experiments.gate import Gate, GateRule, judge
from trimtab.experiments.vectors import Vector, vectors
from trimtab.ports import ScoreQuery, TelemetryStore
from trimtab.records import Example, Run

_EVERY = 10_000_000
_DEFAULT_MARGIN = 0.02


def judged(
    candidate: Run,
    baseline: Run,
    *,
    telemetry: TelemetryStore,
    examples: Sequence[Example],
    rules: Sequence[GateRule] = (),
) -> Run:
    """The candidate's run with the verdict of the gate.

    Args:
        examples: the rows of the dataset both runs were made over; clusters come from them.
        rules: which metrics gate; none means every pass-or-fail metric that judges every answer,
            abstentions included, with a margin of 2 points.
    Raises:
        Conflict: a run is not finished, or they were made over different examples.
    """
    _require_comparable(candidate, baseline)
    split = candidate.split
    clusters = {
        row.example_id: row.cluster or row.example_id
        for row in examples
        if split is None or row.split == split
    }
    before = _vectors(telemetry, baseline, list(clusters))
    after = _vectors(telemetry, candidate, list(clusters))
    shared = [name for name in after if name in before]
    gate = Gate(rules=tuple(rules) or _default_rules(shared, before, after))
    margins = {rule.metric: rule.margin for rule in gate.rules}
    higher = {scorer.name: scorer.higher_is_better for scorer in candidate.scorers}
    comparisons = [
        compare(
            name,
            before[name].values,
            after[name].values,
            binary=before[name].binary and after[name].binary,
            higher_is_better=higher.get(name.partition(".")[0], True),
            clusters=clusters,
            margin=margins.get(name),
            confidence=gate.confidence,
        )
        for name in shared
    ]
    verdict = judge(comparisons, gate, baseline_run=baseline.run_id, cost_usd=candidate.cost_usd)
    return msgspec.structs.replace(candidate, verdict=verdict)


def _require_comparable(candidate: Run, baseline: Run) -> None:
    for run in (candidate, baseline):
        if run.status != "done":
            raise Conflict(
                f"run {run.run_id} is {run.status}, not done",
                fix="wait for it, or run it again",
            )
    if (candidate.dataset_digest, candidate.split) != (baseline.dataset_digest, baseline.split):
        raise Conflict(
            f"the runs are over different examples: {candidate.dataset} and {baseline.dataset}",
            fix="run both releases over the same version of the dataset",
        )


def _vectors(telemetry: TelemetryStore, run: Run, example_ids: Sequence[str]) -> dict[str, Vector]:
    """What the run's own scorers said; a score of another name is no evidence about the run."""
    found = telemetry.scores(ScoreQuery(project=run.project, run=run.run_id, limit=_EVERY))
    own = {scorer.name for scorer in run.scorers}
    scores = [score for score in found if score.name.partition(".")[0] in own]
    return vectors(scores, example_ids)


def _default_rules(
    names: Sequence[str], before: Mapping[str, Vector], after: Mapping[str, Vector]
) -> tuple[GateRule, ...]:
    """A metric that could judge only one of the runs gates too: its coverage speaks.

    One that abstentions leave unscored does not: it could never pass, however good the answers.
    """
    return tuple(
        GateRule(metric=name, margin=_DEFAULT_MARGIN)
        for name in names
        if (before[name].binary or after[name].binary)
        and not (before[name].abstained or after[name].abstained)
    )
