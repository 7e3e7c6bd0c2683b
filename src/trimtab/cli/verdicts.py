"""How commands show a run and its verdict, and the exit code a verdict has."""

from __future__ import annotations

from decimal import Decimal

from trimtab.cli.output import table
from trimtab.experiments import findings
from trimtab.records import Comparison, Estimate, Run

_COLUMNS = [
    "metric",
    "baseline [95 %]",
    "candidate [95 %]",
    "difference [95 %]",
    "pairs",
    "p",
    "detectable",
    "gate",
]
EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 3}


def metrics_text(run: Run) -> str:
    """A run's headline numbers, each with its interval and coverage, and what it cost."""
    rows = [
        [name, estimate_text(estimate), f"{estimate.n}/{estimate.total}", estimate.method]
        for name, estimate in sorted(run.metrics.items())
    ]
    spent = "unpriced" if run.cost_usd is None else dollars(run.cost_usd)
    metrics = table(rows, ["metric", "value [95 %]", "scored", "method"])
    answers = "1 answer" if run.done == 1 else f"{run.done:,} answers"
    return f"{metrics}\ncost of {answers}: {spent}"


def dollars(amount_usd: Decimal) -> str:
    """An amount without zeros that say nothing.

    >>> dollars(Decimal("0E-9")), dollars(Decimal("0.001200"))
    ('$0', '$0.0012')
    """
    return f"${amount_usd.normalize():f}"


def verdict_text(run: Run) -> str:
    """Every comparison as a row, where there is one, then the gate's word and its reasons."""
    verdict = run.verdict
    if verdict is None:
        return "not compared with a baseline"
    rows = [_row(comparison) for comparison in verdict.comparisons]
    right = ("pairs", "p", "detectable")
    lines = [table(rows, _COLUMNS, right=right)] if rows else []
    lines.append(f"gate: {verdict.outcome}")
    lines += [f"  {reason}" for reason in verdict.reasons]
    return "\n".join(lines + [f"note: {note}" for note in verdict.notes])


def estimate_text(estimate: Estimate, *, signed: bool = False) -> str:
    """A value with its interval, or that there is none.

    >>> estimate_text(Estimate(value=0.9, low=0.85, high=0.94, n=98, total=100))
    '0.9 [0.85, 0.94]'
    """
    if estimate.value is None:
        return "unscored"
    form = "+.3g" if signed else ".3g"
    if estimate.low is None or estimate.high is None:
        return format(estimate.value, form)
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def _row(comparison: Comparison) -> list[object]:
    p_value = comparison.p_value if comparison.p_adjusted is None else comparison.p_adjusted
    return [
        comparison.metric,
        estimate_text(comparison.baseline),
        estimate_text(comparison.candidate),
        estimate_text(comparison.difference, signed=True),
        f"{comparison.difference.n}/{comparison.difference.total}",
        None if p_value is None else findings.p_value(p_value),
        None if comparison.detectable is None else f"{comparison.detectable:.3g}",
        comparison.outcome or "reported",
    ]
