"""One gating metric: from its comparison and its rule to an outcome, with the finding. Pure."""

from __future__ import annotations

import msgspec

from trimtab.experiments import findings
from trimtab.experiments.rules import Gate, GateRule
from trimtab.records import Comparison, Estimate
from trimtab.records.run import Outcome


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One gating metric on its way to a decision; bounds are oriented so that more is better."""

    comparison: Comparison
    rule: GateRule
    gate: Gate
    low: float | None
    high: float | None
    p_adjusted: float | None = None
    floor_adjusted: float | None = None
    outcome: Outcome = "inconclusive"
    finding: str = ""

    @property
    def metric(self) -> str:
        return self.rule.metric

    @property
    def covered(self) -> bool:
        return bool(self.comparison.difference.n) and (
            self.comparison.difference.coverage >= self.gate.min_coverage
        )

    @property
    def better(self) -> bool:
        """Proved better: the adjusted test rejects and the interval lies above 0."""
        return self._rejected and self.low is not None and self.low > 0

    @property
    def worse(self) -> bool:
        return self._rejected and self.high is not None and self.high < 0

    @property
    def _rejected(self) -> bool:
        return self.covered and self.p_adjusted is not None and self.p_adjusted < self.gate.alpha

    @property
    def sentence(self) -> str:
        return f"{findings.numbers(self.comparison)}: {self.finding}"

    def filled(self) -> Comparison:
        return msgspec.structs.replace(
            self.comparison,
            p_adjusted=self.p_adjusted,
            floor=self.rule.floor,
            must_improve=self.rule.must_improve,
            outcome=self.outcome,
            proved="better" if self.better else "worse" if self.worse else None,
            reason=self.sentence,
        )


def case_of(comparison: Comparison, rule: GateRule, gate: Gate) -> Case:
    higher = comparison.higher_is_better if rule.direction is None else rule.direction == "higher"
    comparison = msgspec.structs.replace(comparison, higher_is_better=higher, margin=rule.margin)
    low, high = comparison.difference.low, comparison.difference.high
    if not higher:
        low, high = _negative(high), _negative(low)
    return Case(comparison=comparison, rule=rule, gate=gate, low=low, high=high)


def _negative(number: float | None) -> float | None:
    return None if number is None else -number


def decided(case: Case) -> Case:
    for rule in (_covered, _floored, _compared, _cleared, _gained, _survived):
        decision = rule(case)
        if decision is not None:
            outcome, finding = decision
            return msgspec.structs.replace(case, outcome=outcome, finding=finding)
    finding = "proved better" if case.better else findings.tolerated(case.comparison, case.worse)
    if case.comparison.failures is not None:
        finding = f"{finding}, even {findings.failures(case.comparison.failures.cases)}"
    return msgspec.structs.replace(case, outcome="pass", finding=finding)


Decision = tuple[Outcome, str] | None


def _covered(case: Case) -> Decision:
    if case.covered:
        return None
    p = case.p_adjusted
    if case.comparison.p_at_best is not None and p is not None and p < case.gate.alpha:
        return "fail", findings.worse_at_best(case.comparison, p)
    return "inconclusive", findings.uncovered(case.comparison, case.gate.min_coverage)


def _floored(case: Case) -> Decision:
    """Fails below the floor, whatever the baseline did."""
    p = case.floor_adjusted
    if case.rule.floor is None or p is None or p >= case.gate.alpha / 2:
        return None
    return "fail", findings.below_floor(case.comparison, case.rule.floor)


def _compared(case: Case) -> Decision:
    """Non-inferior goes on; what is not fails if proved worse."""
    if case.low is None:
        return "inconclusive", findings.unbounded(case.comparison.difference)
    if case.low > -case.rule.margin and not (case.worse and case.rule.must_improve):
        return None
    if case.worse:
        return "fail", findings.worse(case.p_adjusted)
    return "inconclusive", findings.straddles(case.comparison)


def _cleared(case: Case) -> Decision:
    """Passing a floor takes an interval on its right side, as failing it does."""
    floor, candidate = case.rule.floor, case.comparison.candidate
    if floor is None:
        return None
    bound = candidate.low if case.comparison.higher_is_better else candidate.high
    if bound is None:
        return "inconclusive", findings.unbounded(candidate)
    met = bound >= floor if case.comparison.higher_is_better else bound <= floor
    return None if met else ("inconclusive", findings.at_floor(case.comparison, floor))


def _survived(case: Case) -> Decision:
    """What passes must do so with what the candidate failed to answer taken as the worst."""
    comparison, failures = case.comparison, case.comparison.failures
    if failures is None:
        return None
    limit = 0.0 if case.rule.must_improve else -case.rule.margin
    if (low := _least(failures.difference, comparison)) is None or low <= limit:
        return "inconclusive", findings.hidden(comparison, gain=case.rule.must_improve)
    floor = case.rule.floor
    if floor is None:
        return None
    bound, side = _least(failures.candidate, comparison), 1 if comparison.higher_is_better else -1
    if bound is not None and bound >= side * floor:
        return None
    said = findings.failures(failures.cases)
    return "inconclusive", f"{said}, {findings.at_floor(comparison, floor)}"


def _least(estimate: Estimate, comparison: Comparison) -> float | None:
    """The worse bound, oriented so that more is better."""
    return estimate.low if comparison.higher_is_better else _negative(estimate.high)


def _gained(case: Case) -> Decision:
    if not case.rule.must_improve or case.better:
        return None
    return "inconclusive", findings.no_gain(case.comparison)
