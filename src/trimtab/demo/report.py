"""What the demo prints: figures with their intervals, and a few failing questions as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from trimtab.demo.users import Visit
from trimtab.measures.intervals import wilson
from trimtab.records import Run, text_of

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
