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
from trimtab.experiments.ruling import Case, case_of, decided
from trimtab.measures.distributions import normal_cdf, normal_quantile
from trimtab.measures.significance import holm
from trimtab.records import Comparison, Verdict
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
    cases = [case_of(found[rule.metric], rule, gate) for rule in gate.rules if rule.metric in found]
    ruled = {case.metric: case for case in map(decided, _tested(cases))}
    outcomes = [ruled[r.metric].outcome if r.metric in ruled else None for r in gate.rules]
    reasons = [
        ruled[r.metric].sentence if r.metric in ruled else f"{r.metric}: was not measured"
        for r in gate.rules
    ]
    return Verdict(
        outcome=_overall(outcomes),
        reasons=tuple(reasons) or ("no metric gates: nothing was decided",),
        outcomes=tuple(each or "inconclusive" for each in outcomes) or ("inconclusive",),
        comparisons=tuple(
            ruled[c.metric].filled() if c.metric in ruled else _ungated(c) for c in comparisons
        ),
        baseline_run=baseline_run,
        improved=_improved(list(ruled.values())),
        cost_usd=cost_usd,
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


def _tested(cases: Sequence[Case]) -> list[Case]:
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


def _p_of(case: Case) -> float | None:
    """Of a loss that missing cases cannot hide, the p-value that counts them in its favour."""
    at_best = case.comparison.p_at_best
    return case.comparison.p_value if case.covered or at_best is None else at_best


def _floor_p(case: Case) -> float | None:
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


def _overall(outcomes: Sequence[Outcome | None]) -> Outcome:
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes and all(o == "pass" for o in outcomes) else "inconclusive"


def _improved(cases: Sequence[Case]) -> bool:
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
