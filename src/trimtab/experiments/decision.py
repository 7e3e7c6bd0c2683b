"""What a suite's gate says of a run: against a baseline where there is one, and on its own.

A run with its results goes in, with those of the baseline; a verdict with every comparison behind
it comes out. Pure. Four things gate: rules against the baseline (`gate`), floors of the run's own
numbers, gaps between groups of cases (`slices`), and cases that must pass k of n repeats. All of
them must pass; one that fails, fails. Without a true change, or a missed limit, each of the first
three fails at most alpha of the time (floors half of it), however many of its kind there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from trimtab.errors import Conflict
from trimtab.experiments.against import DEFAULT_MARGIN, against
from trimtab.experiments.findings import not_covered
from trimtab.experiments.floors import floors
from trimtab.experiments.judging import failed_to_judge
from trimtab.experiments.measured import Measured, Said
from trimtab.experiments.repeats import headlines, is_of, passing
from trimtab.experiments.slices import sliced
from trimtab.experiments.suite import CaseRule, Slice, SuiteGate
from trimtab.records import Comparison, Example, Run, Verdict
from trimtab.records.gate import Terms
from trimtab.records.run import Outcome

__all__ = ["DEFAULT_MARGIN", "Measured", "decide", "require_another", "uncompared"]

_NAMED_CASES = 5
_UNCALIBRATED = "does not gate: its judge has no calibration card"


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
        found = against(candidate, baseline, examples, gate, uncalibrated=uncalibrated)
        comparisons, improved = found.comparisons, found.improved
        said += found.said
    else:
        said += floors(candidate, examples, gate, uncalibrated=uncalibrated)
    said += [_cases(rule, candidate, examples) for rule in gate.cases]
    said += _gaps(candidate, examples, gate, slices, uncalibrated)
    said += _silenced(gate, uncalibrated)
    if not said:
        said = _uncovered(candidate, examples, gate, among=_ruled(gate))
    elif not gate.rules:
        unknown = {each.metric for each in comparisons if _is_empty(each)}
        said += _uncovered(candidate, examples, gate, among=unknown.__contains__)
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
        notes=tuple(thin(candidate, examples, gate)),
        terms=_terms(gate, slices, uncalibrated),
    )


def thin(candidate: Measured, examples: Sequence[Example], gate: SuiteGate) -> list[str]:
    """What to say of metrics that no rule names, and that were to judge more than they did."""
    if not gate.rules:
        return []
    ruled = _ruled(gate)
    found = _uncovered(candidate, examples, gate, among=lambda metric: not ruled(metric))
    return [f"{each.reason}; it does not gate" for each in found]


def _terms(gate: SuiteGate, slices: Sequence[Slice], uncalibrated: Collection[str]) -> Terms:
    """What the verdict is given under, to be kept with it."""
    return Terms(
        rules=tuple(gate.rules),
        cases=tuple(gate.cases),
        gaps=tuple(each for each in slices if each.max_gap is not None),
        coverage=gate.coverage,
        confidence=gate.confidence,
        alpha=gate.alpha,
        uncalibrated=tuple(sorted(uncalibrated)),
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


def _cases(rule: CaseRule, candidate: Measured, examples: Sequence[Example]) -> Said:
    """Whether every case passes k of its repeats; one without a result is not known to."""
    ids = [example.example_id for example in examples]
    found = passing(candidate.results, rule, ids, repeats=candidate.run.repeats)
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
        if is_of(each.metric, uncalibrated)
        else Said(each.gap.outcome, f"{each.metric} by {each.by}: {each.gap.reason}")
        for each in found
        if each.gap is not None
    ]


def _silenced(gate: SuiteGate, uncalibrated: Collection[str]) -> list[Said]:
    """Rules on judges that may not gate: nothing passes by leaving them out."""
    return [
        Said("inconclusive", f"{rule.metric}: {_UNCALIBRATED}")
        for rule in gate.rules
        if is_of(rule.metric, uncalibrated)
    ]


def _ruled(gate: SuiteGate) -> Callable[[str], bool]:
    """Whether a metric is named by a rule; without rules all are."""
    names = {rule.metric for rule in gate.rules}
    return lambda metric: not names or metric in names


def _is_empty(comparison: Comparison) -> bool:
    """Whether neither run has a score, so that nobody knows whether the metric would gate."""
    return comparison.baseline.n == comparison.candidate.n == comparison.difference.n == 0


def _uncovered(
    candidate: Measured,
    examples: Sequence[Example],
    gate: SuiteGate,
    *,
    among: Callable[[str], bool],
) -> list[Said]:
    """Where nothing gates, what went wrong is still to be said; what did not apply is not wrong.

    Args:
        among: whether a metric is looked at.
    """
    failures: Counter[str] = Counter()
    for result in candidate.results:
        for score in result.scores:
            if failed_to_judge(score) or (result.error and score.status != "scored"):
                failures[score.name] += 1
    most = (1 - gate.coverage) * max(1, len(candidate.results))
    wrong = [name for name, count in sorted(failures.items()) if count > most and among(name)]
    if not wrong:
        return []
    found = headlines(candidate.results, examples, candidate.run.scorers, gate.confidence)
    return [
        Said("inconclusive", f"{name}: {not_covered(found[name], gate.coverage)}")
        for name in wrong
        if name in found
    ]


def _overall(outcomes: Sequence[Outcome]) -> Outcome:
    if "fail" in outcomes:
        return "fail"
    return "pass" if all(outcome == "pass" for outcome in outcomes) else "inconclusive"


def _listed(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - _NAMED_CASES} more" if len(cases) > _NAMED_CASES else ""
    return ", ".join(cases[:_NAMED_CASES]) + more
