"""What the demo prints: figures with their intervals, and a few failing questions as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from trimtab.demo.users import Visit
from trimtab.measures.intervals import wilson
from trimtab.records import Comparison, Estimate, Run, text_of

Say = Callable[[str], None]


def recorded(spans: int, overview: dict[str, Any], asked: list[Visit], say: Say) -> None:
    say(
        f"{len(asked)} calls recorded as {spans} spans; model latency p50 "
        f"{overview['latency_p50_ms']:.1f} ms, p95 {overview['latency_p95_ms']:.1f} ms; "
        f"cost ${overview['cost_usd']}"
    )
    for score in overview["scores"]:
        if score["passed"] is not None:
            n = score["scored"]
            say(f"  {score['name']:16} {_rate(score['passed'], n)}  n={n}/{score['total']}")
    for kind, (satisfied, total) in sorted(_by_kind(asked).items()):
        say(f"  {kind:16} {satisfied} of {total} users satisfied")


def failures(rows: list[dict[str, Any]], say: Say) -> None:
    """Three of the failing questions."""
    for row in rows[:3]:
        wanted = row["expected"] or "to be told that it is not in the documentation"
        say(f"  asked: {_short(text_of(row['input']))}")
        say(f"    wanted: {_short(wanted)}")


def verdict(run: Run, say: Say) -> None:
    """Every comparison as a row, then the gate's word and its reasons."""
    if run.verdict is None:
        return
    header = ("metric", "baseline", "candidate", "difference", "p (Holm)", "detectable")
    say("  " + "  ".join(f"{title:<{width}}" for title, width in zip(header, _WIDTHS, strict=True)))
    for comparison in run.verdict.comparisons:
        row = _row(comparison)
        say("  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, _WIDTHS, strict=True)))
    say(f"  gate: {run.verdict.outcome.upper()}")
    for reason in run.verdict.reasons:
        say(f"    {reason}")


def repaired(run: Run, say: Say) -> None:
    """How many of the calls that failed in production the candidate gets right."""
    found = run.metrics.get("answer_correct")
    if found is not None and found.value is not None:
        say(f"  of the failing calls it repairs {round(found.value * found.n)} of {found.total}")


def improvement(before: list[Visit], after: list[Visit], say: Say) -> None:
    """Satisfied users before and after, by release."""
    for label, asked in (("before", before), ("after", after)):
        satisfied = sum(visit.satisfied for visit in asked)
        rate = _rate(satisfied, len(asked))
        release = asked[0].release
        say(f"  {label:7} {release:18} {rate}  {satisfied} of {len(asked)} users satisfied")
    for kind, (satisfied, total) in sorted(_by_kind(after).items()):
        was = _by_kind(before)[kind][0]
        say(f"    {kind:14} {was:>3} -> {satisfied:>3} of {total}")


_WIDTHS = (16, 22, 22, 24, 9, 10)


def _row(comparison: Comparison) -> tuple[str, ...]:
    adjusted = comparison.p_adjusted
    p_value = comparison.p_value if adjusted is None else adjusted
    return (
        comparison.metric,
        _estimate(comparison.baseline),
        _estimate(comparison.candidate),
        _estimate(comparison.difference, signed=True),
        "-" if p_value is None else f"{p_value:.4f}",
        "-" if comparison.detectable is None else f"{comparison.detectable:.3g}",
    )


def _estimate(estimate: Estimate, *, signed: bool = False) -> str:
    if estimate.value is None:
        return f"unscored n=0/{estimate.total}"
    form = "+.3g" if signed else ".3g"
    if estimate.low is None or estimate.high is None:
        return format(estimate.value, form)
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def _rate(successes: int, n: int) -> str:
    if not n:
        return "unscored"
    low, high = wilson(successes, n)
    return f"{100 * successes / n:5.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _by_kind(asked: list[Visit]) -> dict[str, tuple[int, int]]:
    total = Counter(visit.example.metadata.get("kind", "other") for visit in asked)
    satisfied = Counter(
        visit.example.metadata.get("kind", "other") for visit in asked if visit.satisfied
    )
    return {kind: (satisfied[kind], count) for kind, count in total.items()}


def _short(text: str, limit: int = 90) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
