"""The gate: what comparisons of a candidate with a baseline say about shipping it.

Comparisons flow in, a `Verdict` of pass, fail or inconclusive flows out, with the reasons in
sentences. Pure and deterministic; it measures nothing and changes no release.

The procedure, per gating metric, with the difference oriented so that more is better:

- *pass* is non-inferiority: the interval's lower bound is above -margin. The verdict passes only if
  every metric passes, so these tests need no correction (intersection-union test, Berger 1982): a
  candidate that is worse by the margin on any metric passes with at most half of 1 - confidence,
  2.5 % by default, the one-sided level of ICH E9, sec. 5.5.
- *proved worse* (or better) is the two-sided paired test, adjusted by Holm (1979) over all gating
  metrics, below alpha, together with an interval that excludes 0. The verdict fails if any metric
  does, which is what the adjustment pays for: without a true change it fails at most alpha of the
  time, however many metrics gate. A metric proved worse by less than its margin still passes.
- *below the floor* is a one-sided test of the candidate's own interval, Holm-adjusted over the
  floors alone, at alpha / 2.
- anything else, and coverage below the minimum before anything else, is *inconclusive*; except a
  loss that is proved with every case that only the baseline lacks taken in the candidate's favour,
  which fails. So is what would not pass with the answers that the candidate's task failed to give
  taken to be the worst there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trimtab.errors import MeasureError
from trimtab.experiments import findings
from trimtab.experiments.rules import Gate, GateRule
from trimtab.measures.distributions import normal_cdf, normal_quantile
from trimtab.measures.significance import holm
from trimtab.records import Comparison, Estimate, Verdict
from trimtab.records.run import Outcome

__all__ = ["Gate", "GateRule", "judge"]


def judge(
    comparisons: Sequence[Comparison],
    gate: Gate,
    *,
    baseline_run: str | None = None,
    cost_usd: Decimal | None = None,
) -> Verdict:
    """Pass, fail or inconclusive, by the procedure this module describes.

    Args:
        comparisons: one per metric, made at the gate's confidence.
        baseline_run, cost_usd: copied into the verdict.
    Returns:
        The verdict, its comparisons filled in with margin, adjusted p-value, outcome and reason. It
        `improved` when a gating metric is proved better and none is proved worse.
    Raises:
        MeasureError: two comparisons of one metric, or one made at another confidence.
    """
    found = _by_metric(comparisons, gate)
    cases = [_case(found[rule.metric], rule, gate) for rule in gate.rules if rule.metric in found]
    decided = {case.metric: case for case in map(_decided, _tested(cases))}
    outcomes = [decided[r.metric].outcome if r.metric in decided else None for r in gate.rules]
    reasons = [
        decided[r.metric].sentence if r.metric in decided else f"{r.metric}: was not measured"
        for r in gate.rules
    ]
    return Verdict(
        outcome=_overall(outcomes),
        reasons=tuple(reasons) or ("no metric gates: nothing was decided",),
        outcomes=tuple(each or "inconclusive" for each in outcomes) or ("inconclusive",),
        comparisons=tuple(
            decided[c.metric].filled() if c.metric in decided else _ungated(c) for c in comparisons
        ),
        baseline_run=baseline_run,
        improved=_improved(list(decided.values())),
        cost_usd=cost_usd,
    )


class _Case(msgspec.Struct, frozen=True, kw_only=True):
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


def _by_metric(comparisons: Sequence[Comparison], gate: Gate) -> dict[str, Comparison]:
    found: dict[str, Comparison] = {}
    for comparison in comparisons:
        if comparison.metric in found:
            raise MeasureError("a metric is compared twice", where=comparison.metric)
        if comparison.difference.confidence != gate.confidence:
            raise MeasureError(
                "a comparison was made at another confidence than the gate's",
                where=comparison.metric,
                got=comparison.difference.confidence,
                allowed=gate.confidence,
            )
        found[comparison.metric] = comparison
    return found


def _case(comparison: Comparison, rule: GateRule, gate: Gate) -> _Case:
    higher = comparison.higher_is_better if rule.direction is None else rule.direction == "higher"
    comparison = msgspec.structs.replace(comparison, higher_is_better=higher, margin=rule.margin)
    low, high = comparison.difference.low, comparison.difference.high
    if not higher:
        low, high = _negative(high), _negative(low)
    return _Case(comparison=comparison, rule=rule, gate=gate, low=low, high=high)


def _negative(number: float | None) -> float | None:
    return None if number is None else -number


def _tested(cases: Sequence[_Case]) -> list[_Case]:
    """Cases with their p-values adjusted, those of floors apart from those of differences."""
    tests = {c.metric: p for c in cases if (p := _p_of(c)) is not None}
    floors = {c.metric: p for c in cases if (p := _floor_p(c)) is not None}
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    floor_adjusted = dict(zip(floors, holm(list(floors.values())), strict=True))
    return [
        msgspec.structs.replace(
            case,
            p_adjusted=adjusted.get(case.metric),
            floor_adjusted=floor_adjusted.get(case.metric),
        )
        for case in cases
    ]


def _p_of(case: _Case) -> float | None:
    """Of a loss that missing cases cannot hide, the p-value that counts them in its favour."""
    at_best = case.comparison.p_at_best
    return case.comparison.p_value if case.covered or at_best is None else at_best


def _floor_p(case: _Case) -> float | None:
    """One-sided p-value of "the candidate meets its floor", read off the candidate's interval.

    The bound on the floor's side is taken to be normal: p is half of 1 - confidence exactly where
    the interval touches the floor, so that the test and the printed interval agree.
    """
    floor, candidate = case.rule.floor, case.comparison.candidate
    if floor is None or candidate.value is None or candidate.low is None or candidate.high is None:
        return None
    higher = case.comparison.higher_is_better
    missed = floor - candidate.value if higher else candidate.value - floor
    reach = candidate.high - candidate.value if higher else candidate.value - candidate.low
    if reach <= 0:
        return 0.0 if missed > 0 else 1.0
    z = normal_quantile((1 + case.gate.confidence) / 2)
    return normal_cdf(-z * missed / reach)


def _decided(case: _Case) -> _Case:
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


def _covered(case: _Case) -> Decision:
    if case.covered:
        return None
    p = case.p_adjusted
    if case.comparison.p_at_best is not None and p is not None and p < case.gate.alpha:
        return "fail", findings.worse_at_best(case.comparison, p)
    return "inconclusive", findings.uncovered(case.comparison, case.gate.min_coverage)


def _floored(case: _Case) -> Decision:
    """Fails below the floor, whatever the baseline did."""
    p = case.floor_adjusted
    if case.rule.floor is None or p is None or p >= case.gate.alpha / 2:
        return None
    return "fail", findings.below_floor(case.comparison, case.rule.floor)


def _compared(case: _Case) -> Decision:
    """Non-inferior goes on; what is not fails if proved worse."""
    if case.low is None:
        return "inconclusive", findings.unbounded(case.comparison.difference)
    if case.low > -case.rule.margin and not (case.worse and case.rule.must_improve):
        return None
    if case.worse:
        return "fail", findings.worse(case.p_adjusted)
    return "inconclusive", findings.straddles(case.comparison)


def _cleared(case: _Case) -> Decision:
    """Passing a floor takes an interval on its right side, as failing it does."""
    floor, candidate = case.rule.floor, case.comparison.candidate
    if floor is None:
        return None
    bound = candidate.low if case.comparison.higher_is_better else candidate.high
    if bound is None:
        return "inconclusive", findings.unbounded(candidate)
    met = bound >= floor if case.comparison.higher_is_better else bound <= floor
    return None if met else ("inconclusive", findings.at_floor(case.comparison, floor))


def _survived(case: _Case) -> Decision:
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


def _gained(case: _Case) -> Decision:
    if not case.rule.must_improve or case.better:
        return None
    return "inconclusive", findings.no_gain(case.comparison)


def _overall(outcomes: Sequence[Outcome | None]) -> Outcome:
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes and all(o == "pass" for o in outcomes) else "inconclusive"


def _improved(cases: Sequence[_Case]) -> bool:
    return any(case.better for case in cases) and not any(case.worse for case in cases)


def _ungated(comparison: Comparison) -> Comparison:
    """Reported only: numbers in words, no outcome."""
    return msgspec.structs.replace(
        comparison,
        p_adjusted=None,
        outcome=None,
        proved=None,
        reason=f"{findings.numbers(comparison)}: does not gate",
    )
