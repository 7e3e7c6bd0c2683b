"""Floors of a run that is compared with nothing: the worst that its own numbers may be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from trimtab.experiments import findings
from trimtab.experiments.compare import summarise
from trimtab.experiments.measured import Measured, Said
from trimtab.experiments.missing import worst_score
from trimtab.experiments.repeats import (
    clusters_of,
    headlines,
    is_of,
    ruled_direction,
    scale_in,
    vectors_of,
)
from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import SuiteGate
from trimtab.experiments.vectors import Vector
from trimtab.measures.distributions import normal_cdf, normal_quantile
from trimtab.measures.significance import holm
from trimtab.records import Estimate, Example


def floors(
    candidate: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    *,
    uncalibrated: Collection[str] = (),
) -> list[Said]:
    """What each floor of the gate's rules says.

    A floor is missed where a one-sided test of the run's own interval says so, adjusted by Holm
    (1979) over all floors, at alpha / 2; it is met where the interval lies on its right side, and
    does so too with each answer that the task failed to give taken to have the worst score.
    """
    rules = [
        rule
        for rule in gate.rules
        if rule.floor is not None and not is_of(rule.metric, uncalibrated)
    ]
    if not rules:
        return []
    found = headlines(candidate.results, examples, candidate.run.scorers, gate.confidence)
    higher = {scorer.name: scorer.higher_is_better for scorer in candidate.run.scorers}
    vectors = vectors_of(candidate.results, [example.example_id for example in examples])
    cases = []
    for rule in rules:
        vector = vectors.get(rule.metric)
        more = ruled_direction(rule, rule.metric, higher, vector)
        at_worst = None
        if vector is not None and vector.failed:
            at_worst = _at_worst(rule.metric, vector, more, candidate, examples, gate.confidence)
        cases.append(
            _Floor(
                rule=rule,
                estimate=found.get(rule.metric),
                higher=more,
                failed=len(vector.failed) if vector is not None else 0,
                at_worst=at_worst,
            )
        )
    tests = {case.rule.metric: p for case in cases if (p := case.p_value) is not None}
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    return [case.said(adjusted.get(case.rule.metric), gate) for case in cases]


def _at_worst(
    metric: str,
    vector: Vector,
    higher: bool,
    candidate: Measured,
    examples: Sequence[Example],
    confidence: float,
) -> Estimate | None:
    """The headline with each answer that the task failed to give as the worst; None if unknown."""
    scale = scale_in(metric, candidate.run.scorers, vector)
    worst = worst_score(vector, higher_is_better=higher, scale=scale)
    if worst is None:
        return None
    numbers = vector.with_failed_as(worst)
    return summarise(
        metric,
        numbers,
        binary=vector.binary and all(number in (None, 0.0, 1.0) for number in numbers.values()),
        higher_is_better=higher,
        scale=scale,
        clusters=clusters_of(examples),
        confidence=confidence,
    )


class _Floor(NamedTuple):
    rule: GateRule
    estimate: Estimate | None
    higher: bool
    failed: int
    at_worst: Estimate | None

    @property
    def p_value(self) -> float | None:
        """One-sided p of "the floor is met", where the interval's bound is taken to be normal."""
        found, floor = self.estimate, self.rule.floor
        if found is None or floor is None:
            return None
        if found.value is None or found.low is None or found.high is None:
            return None
        missed = floor - found.value if self.higher else found.value - floor
        reach = found.high - found.value if self.higher else found.value - found.low
        if reach <= 0:
            return 0.0 if missed > 0 else 1.0
        return normal_cdf(-normal_quantile((1 + found.confidence) / 2) * missed / reach)

    def said(self, p_adjusted: float | None, gate: SuiteGate) -> Said:
        name, found, floor = self.rule.metric, self.estimate, self.rule.floor
        limit = f"the {'floor' if self.higher else 'ceiling'} {floor:g}"
        if found is None:
            return Said("inconclusive", f"{name}: was not measured")
        numbers = f"{name}: {_numbers(found)}"
        if found.coverage < gate.coverage:
            return Said("inconclusive", f"{numbers}: {findings.not_covered(found, gate.coverage)}")
        bound = found.low if self.higher else found.high
        if bound is None or p_adjusted is None:
            return Said("inconclusive", f"{numbers}: {findings.unbounded(found)}")
        if p_adjusted < gate.alpha / 2:
            return Said("fail", f"{numbers}: misses {limit}")
        if not self._is_met(found):
            return Said("inconclusive", f"{numbers}: the interval reaches across {limit}")
        if self.at_worst is None:
            return Said("pass", f"{numbers}: meets {limit}")
        failures = findings.failures(self.failed)
        if not self._is_met(self.at_worst):
            return Said("inconclusive", f"{numbers}: {failures}, {limit} is not proved to be met")
        return Said("pass", f"{numbers}: meets {limit}, even {failures}")

    def _is_met(self, estimate: Estimate) -> bool:
        bound, floor = estimate.low if self.higher else estimate.high, self.rule.floor
        if bound is None or floor is None:
            return False
        return bound >= floor if self.higher else bound <= floor


def _numbers(estimate: Estimate) -> str:
    size = f"n={estimate.n}/{estimate.total}"
    if estimate.value is None:
        return size
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3g}, {size}"
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}], {size}"
