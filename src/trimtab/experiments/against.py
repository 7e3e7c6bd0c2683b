"""A run against its baseline: what gates, what may be compared, and what the gate says. Pure.

Scores are compared where the same scorer gave both, over the same rows. Cases on which both runs
made no claim that a metric could judge are left out of it; those on which one did not are lacking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from trimtab.experiments.bounded import Scale
from trimtab.experiments.compare import Scores, compare
from trimtab.experiments.debiasing import compared_as_sure
from trimtab.experiments.gate import Gate, GateRule, judge
from trimtab.experiments.measured import Measured, Said
from trimtab.experiments.missing import with_missing, worst_score
from trimtab.experiments.repeats import (
    clusters_of,
    is_of,
    ruled_direction,
    scale_in,
    vectors_of,
)
from trimtab.experiments.suite import SuiteGate
from trimtab.experiments.vectors import Vector, compared
from trimtab.records import Comparison, Example, Run

DEFAULT_MARGIN = 0.02


class Against(NamedTuple):
    """What a baseline says of a run; nothing is `said` where no metric was to gate."""

    comparisons: tuple[Comparison, ...]
    said: Sequence[Said]
    improved: bool


def against(
    candidate: Measured,
    baseline: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    *,
    uncalibrated: Collection[str] = (),
) -> Against:
    """Every metric of both runs compared, and what the gate says of those that gate.

    Args:
        gate: without rules every pass-or-fail metric gates, with a margin of 2 points.
        uncalibrated: names of scorers that may not gate.
    """
    ids = [example.example_id for example in examples]
    before, after = vectors_of(baseline.results, ids), vectors_of(candidate.results, ids)
    pairs = _pairs(candidate, baseline, examples, gate, before, after)
    declared = gate.rules or [*_usual(pairs), *_vanished(candidate.run, before, after)]
    wanted = [rule for rule in declared if not is_of(rule.metric, uncalibrated)]
    exchanged = [rule for rule in wanted if _by_another(rule.metric, candidate.run, baseline.run)]
    if _rows_of(candidate.run) != _rows_of(baseline.run):
        rules, said = [], [_over_other_rows(candidate.run, baseline.run)]
    else:
        rules = [rule for rule in wanted if rule not in exchanged]
        said = [Said("inconclusive", _EXCHANGED.format(metric=rule.metric)) for rule in exchanged]
    found = judge(
        [pair.comparison(gate.confidence) for pair in pairs],
        Gate(
            rules=tuple(rules),
            min_coverage=gate.coverage,
            alpha=gate.alpha,
            confidence=gate.confidence,
        ),
    )
    if rules or not (said or gate.rules or gate.cases):
        said = [*map(Said, found.outcomes, found.reasons), *said]
    return Against(found.comparisons, said, found.improved)


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of both runs, without the cases on which both made no claim."""

    metric: str
    before: Vector
    after: Vector
    higher: bool
    scale: Scale | None
    clusters: Mapping[str, str]
    as_sure: Callable[[Comparison], Comparison]

    def comparison(self, confidence: float) -> Comparison:
        again = partial(self._again, confidence)
        found = again(self.before.values, self.after.values)
        worst = worst_score(self.before, self.after, higher_is_better=self.higher, scale=self.scale)
        return with_missing(
            compared(found, self.before, self.after), self.before, self.after, again, worst=worst
        )

    def _again(self, confidence: float, baseline: Scores, candidate: Scores) -> Comparison:
        whole = all(value in (None, 0.0, 1.0) for value in candidate.values())
        found = compare(
            self.metric,
            baseline,
            candidate,
            binary=self.before.binary and self.after.binary and whole,
            higher_is_better=self.higher,
            scale=self.scale,
            clusters=self.clusters,
            confidence=confidence,
        )
        return self.as_sure(found)


def _pairs(
    candidate: Measured,
    baseline: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    before: Mapping[str, Vector],
    after: Mapping[str, Vector],
) -> list[_Pair]:
    scorers, clusters = candidate.run.scorers, clusters_of(examples)
    higher = {scorer.name: scorer.higher_is_better for scorer in scorers}
    rules = {rule.metric: rule for rule in gate.rules}
    judges = [scorer.name for scorer in scorers if scorer.tier == "judge"]
    as_sure = partial(
        compared_as_sure, before=baseline.results, after=candidate.results, groups=clusters
    )
    found = []
    for name in after:
        if name not in before:
            continue
        silent = set(before[name].abstained) & set(after[name].abstained)
        sides = before[name].without(silent), after[name].without(silent)
        scale = scale_in(name, scorers, *sides)
        found.append(
            _Pair(
                metric=name,
                before=sides[0],
                after=sides[1],
                higher=ruled_direction(rules.get(name), name, higher, *sides),
                scale=scale,
                clusters=clusters,
                as_sure=partial(as_sure, scale=scale) if is_of(name, judges) else _as_it_is,
            )
        )
    return found


def _as_it_is(comparison: Comparison) -> Comparison:
    return comparison


def _usual(pairs: Sequence[_Pair]) -> list[GateRule]:
    """One for each metric that passes or fails, in whichever run."""
    return [
        GateRule(metric=pair.metric, margin=DEFAULT_MARGIN)
        for pair in pairs
        if pair.before.verdicts or pair.after.verdicts
    ]


def _vanished(
    candidate: Run, before: Mapping[str, Vector], after: Mapping[str, Vector]
) -> list[GateRule]:
    """One for each pass-or-fail metric of the baseline of which the candidate has nothing at all,
    although the same scorer was applied: it went wrong on every answer, and is not passed over."""
    applied = [scorer.name for scorer in candidate.scorers]
    return [
        GateRule(metric=name, margin=DEFAULT_MARGIN)
        for name, vector in before.items()
        if name not in after and vector.verdicts and is_of(name, applied)
    ]


_EXCHANGED = (
    "{metric}: another scorer gave it than in the baseline (its code, its parameters or its judge"
    " changed): nothing was compared; run the baseline again with this one"
)


def _by_another(metric: str, candidate: Run, baseline: Run) -> bool:
    """Whether the two runs have scores of the metric by different scorers."""
    new, old = (
        {scorer.digest for scorer in run.scorers if is_of(metric, [scorer.name])}
        for run in (candidate, baseline)
    )
    return bool(new and old) and new != old


def _rows_of(run: Run) -> tuple[str, str | None]:
    return run.dataset_digest, run.split


def _over_other_rows(candidate: Run, baseline: Run) -> Said:
    names = " and ".join(dict.fromkeys((baseline.dataset, candidate.dataset)))
    return Said(
        "inconclusive",
        f"the baseline is over other rows ({names}): nothing was compared; run it over these",
    )
