"""What a suite's gate says of a run: against a baseline where there is one, and on its own.

A run with its results goes in, with those of the baseline; a verdict with every comparison behind
it comes out. Pure. Four things gate: rules against the baseline (`gate`), floors of the run's own
numbers, gaps between groups of cases (`slices`), and cases that must pass k of n repeats. All of
them must pass; one that fails, fails. Without a true change, or a missed limit, each of the first
three fails at most alpha of the time (floors half of it), however many of its kind there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from trimtab.errors import Conflict
from trimtab.experiments import findings
from trimtab.experiments.compare import compare
from trimtab.experiments.gate import Gate, GateRule, judge
from trimtab.experiments.judging import failed_to_judge
from trimtab.experiments.missing import with_missing
from trimtab.experiments.repeats import (
    clusters_of,
    direction,
    headlines,
    passing,
    scale_in,
    vectors_of,
)
from trimtab.experiments.slices import sliced
from trimtab.experiments.suite import CaseRule, Slice, SuiteGate
from trimtab.experiments.vectors import Vector, compared
from trimtab.measures.distributions import normal_cdf, normal_quantile
from trimtab.measures.significance import holm
from trimtab.records import Comparison, Estimate, Example, Result, Run, Verdict
from trimtab.records.run import Outcome

DEFAULT_MARGIN = 0.02
_NAMED_CASES = 5
_UNCALIBRATED = "does not gate: its judge has no calibration card"


class Measured(NamedTuple):
    """A run and what it is made of."""

    run: Run
    results: Sequence[Result]


class Said(NamedTuple):
    """One thing that gates, in a word and a sentence."""

    outcome: Outcome
    reason: str


def decide(
    candidate: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    *,
    baseline: Measured | None = None,
    slices: Sequence[Slice] = (),
    uncalibrated: Collection[str] = (),
) -> Verdict | None:
    """The verdict on a run; None where nothing gates and everything was scored.

    Args:
        examples: the rows of both runs; clusters come from them.
        gate: with no rules, every pass-or-fail metric is compared with a margin of 2 points.
        slices: those with a `max_gap` gate.
        uncalibrated: names of scorers that may not gate, because nobody measured how far they can
            be believed.
    Raises:
        Conflict: the baseline is the run itself.
    """
    if baseline is not None:
        require_another(candidate.run, baseline.run)
    comparisons: tuple[Comparison, ...] = ()
    said: list[Said] = []
    improved = False
    if baseline is not None:
        rules = _rules(candidate, baseline, examples, gate, uncalibrated)
        against = _against(candidate, baseline, examples, gate, rules)
        comparisons, improved = against.comparisons, against.improved
        if rules or not (gate.rules or gate.cases):
            said += map(Said, against.outcomes, against.reasons)
    else:
        said += _floors(candidate, examples, gate, uncalibrated)
    said += [_cases(rule, candidate.results) for rule in gate.cases]
    said += _gaps(candidate, examples, gate, slices, uncalibrated)
    said += _silenced(gate, uncalibrated)
    if not said:
        said = _uncovered(candidate, examples, gate)
    if not said:
        return None
    return Verdict(
        outcome=_overall([one.outcome for one in said]),
        reasons=tuple(one.reason for one in said),
        outcomes=tuple(one.outcome for one in said),
        comparisons=comparisons,
        baseline_run=None if baseline is None else baseline.run.run_id,
        improved=improved,
        cost_usd=candidate.run.cost_usd,
    )


def uncompared(gate: SuiteGate, *, baseline: bool) -> list[str]:
    """What to say of rules that compare, where there is nothing to compare with."""
    if baseline:
        return []
    return [
        f"{rule.metric}: nothing was compared: its rule has only a margin, and there is no baseline"
        for rule in gate.rules
        if rule.floor is None
    ]


def require_another(candidate: Run, baseline: Run) -> None:
    """Raises Conflict where a run is its own baseline: it would always pass."""
    if (candidate.project, candidate.run_id) == (baseline.project, baseline.run_id):
        raise Conflict(
            f"run {candidate.run_id} cannot be compared with itself",
            where="baseline",
            fix="name another run",
        )


def _rules(
    candidate: Measured,
    baseline: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    uncalibrated: Collection[str],
) -> list[GateRule]:
    """The rules that gate: the suite's, else one for each pass-or-fail metric."""
    if gate.rules:
        return [rule for rule in gate.rules if not _is_of(rule.metric, uncalibrated)]
    ids = [example.example_id for example in examples]
    before, after = vectors_of(baseline.results, ids), vectors_of(candidate.results, ids)
    return [
        GateRule(metric=name, margin=DEFAULT_MARGIN)
        for name in after
        if name in before and _gates(before[name], after[name]) and not _is_of(name, uncalibrated)
    ]


def _against(
    candidate: Measured,
    baseline: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    rules: Sequence[GateRule],
) -> Verdict:
    ids = [example.example_id for example in examples]
    before, after = vectors_of(baseline.results, ids), vectors_of(candidate.results, ids)
    higher = {scorer.name: scorer.higher_is_better for scorer in candidate.run.scorers}
    clusters = clusters_of(examples)
    comparisons = [
        compare(
            name,
            before[name].values,
            after[name].values,
            binary=before[name].binary and after[name].binary,
            higher_is_better=direction(name, higher, before[name], after[name]),
            scale=scale_in(name, candidate.run.scorers, before[name], after[name]),
            clusters=clusters,
            confidence=gate.confidence,
        )
        for name in after
        if name in before
    ]
    return judge(
        [
            with_missing(compared(each, *sides), *sides, clusters)
            for each in comparisons
            for sides in [(before[each.metric], after[each.metric])]
        ],
        Gate(
            rules=tuple(rules),
            min_coverage=gate.coverage,
            alpha=gate.alpha,
            confidence=gate.confidence,
        ),
    )


def _gates(before: Vector, after: Vector) -> bool:
    """By default: pass or fail, and not what abstentions leave unscored by design."""
    return (before.binary or after.binary) and not (before.abstained or after.abstained)


def _floors(
    candidate: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    uncalibrated: Collection[str],
) -> list[Said]:
    """The floors of a run that is compared with nothing.

    A floor is missed where a one-sided test of the run's own interval says so, adjusted by Holm
    (1979) over all floors, at alpha / 2; it is met where the interval lies on its right side.
    """
    rules = [
        rule
        for rule in gate.rules
        if rule.floor is not None and not _is_of(rule.metric, uncalibrated)
    ]
    if not rules:
        return []
    found = headlines(candidate.results, examples, candidate.run.scorers, gate.confidence)
    higher = {scorer.name: scorer.higher_is_better for scorer in candidate.run.scorers}
    given = vectors_of(candidate.results, [example.example_id for example in examples])
    cases = [
        _Floor(rule, found.get(rule.metric), _higher(rule, higher, given.get(rule.metric)))
        for rule in rules
    ]
    tests = {case.rule.metric: p for case in cases if (p := case.p_value) is not None}
    adjusted = dict(zip(tests, holm(list(tests.values())), strict=True))
    return [case.said(adjusted.get(case.rule.metric), gate) for case in cases]


class _Floor(NamedTuple):
    rule: GateRule
    estimate: Estimate | None
    higher: bool

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
            return Said("inconclusive", f"{numbers}: {_covered(found, gate.coverage)}")
        bound = found.low if self.higher else found.high
        if bound is None or p_adjusted is None:
            return Said("inconclusive", f"{numbers}: {findings.unbounded(found)}")
        if p_adjusted < gate.alpha / 2:
            return Said("fail", f"{numbers}: misses {limit}")
        if floor is not None and (bound >= floor if self.higher else bound <= floor):
            return Said("pass", f"{numbers}: meets {limit}")
        return Said("inconclusive", f"{numbers}: the interval reaches across {limit}")


def _higher(rule: GateRule, higher: Mapping[str, bool], vector: Vector | None) -> bool:
    if rule.direction is None:
        return direction(rule.metric, higher, vector)
    return rule.direction == "higher"


def _cases(rule: CaseRule, results: Sequence[Result]) -> Said:
    """Whether every case passes k of its repeats."""
    found = passing(results, rule)
    needed = "all repeats" if rule.at_least is None else f"{rule.at_least} repeats"
    failed = sorted(case for case, passed in found.items() if passed is False)
    unknown = sorted(case for case, passed in found.items() if passed is None)
    if not found:
        return Said("inconclusive", f"{rule.metric}: no case was run")
    if failed:
        what = f"{len(failed)} of {len(found)} cases do not pass {needed}: {_listed(failed)}"
        return Said("fail", f"{rule.metric}: {what}")
    if unknown:
        what = f"of {len(unknown)} cases too few repeats were scored: {_listed(unknown)}"
        return Said("inconclusive", f"{rule.metric}: {what}")
    return Said("pass", f"{rule.metric}: all {len(found)} cases pass {needed}")


def _gaps(
    candidate: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    slices: Sequence[Slice],
    uncalibrated: Collection[str],
) -> list[Said]:
    """Whether groups of cases are close enough to each other."""
    gating = [each for each in slices if each.max_gap is not None]
    if not gating:
        return []
    scorers = candidate.run.scorers
    found = sliced(gating, candidate.results, examples, scorers=scorers, gate=gate)
    return [
        Said("inconclusive", f"{each.metric} by {each.by}: {_UNCALIBRATED}")
        if _is_of(each.metric, uncalibrated)
        else Said(each.gap.outcome, f"{each.metric} by {each.by}: {each.gap.reason}")
        for each in found
        if each.gap is not None
    ]


def _silenced(gate: SuiteGate, uncalibrated: Collection[str]) -> list[Said]:
    """Rules on judges that may not gate: nothing passes by leaving them out."""
    return [
        Said("inconclusive", f"{rule.metric}: {_UNCALIBRATED}")
        for rule in gate.rules
        if _is_of(rule.metric, uncalibrated)
    ]


def _uncovered(candidate: Measured, examples: Sequence[Example], gate: SuiteGate) -> list[Said]:
    """Where nothing gates, what went wrong is still to be said; what did not apply is not wrong."""
    failures: Counter[str] = Counter()
    for result in candidate.results:
        for score in result.scores:
            if failed_to_judge(score) or (result.error and score.status != "scored"):
                failures[score.name] += 1
    most = (1 - gate.coverage) * max(1, len(candidate.results))
    wrong = [name for name, count in sorted(failures.items()) if count > most]
    if not wrong:
        return []
    found = headlines(candidate.results, examples, candidate.run.scorers, gate.confidence)
    return [
        Said("inconclusive", f"{name}: {_covered(found[name], gate.coverage)}")
        for name in wrong
        if name in found
    ]


def _covered(estimate: Estimate, wanted: float) -> str:
    return f"only {findings.counted(estimate)} were scored, {100 * wanted:g} % are needed"


def _numbers(estimate: Estimate) -> str:
    size = f"n={estimate.n}/{estimate.total}"
    if estimate.value is None:
        return size
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3g}, {size}"
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}], {size}"


def _overall(outcomes: Sequence[Outcome]) -> Outcome:
    if "fail" in outcomes:
        return "fail"
    return "pass" if all(outcome == "pass" for outcome in outcomes) else "inconclusive"


def _is_of(metric: str, scorers: Collection[str]) -> bool:
    return metric in scorers or metric.partition(".")[0] in scorers


def _listed(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - _NAMED_CASES} more" if len(cases) > _NAMED_CASES else ""
    return ", ".join(cases[:_NAMED_CASES]) + more
