"""`latency`, `cost`, `tokens` and `span_error`: what an answer took, read from its record."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from trimtab.records import Span, Usage
from trimtab.scorers.definition import Judgement, Unscored, scorer

_Limit = Annotated[float, Meta(gt=0)] | None


@scorer(scale=(0, None), higher_is_better=False)
def latency(latency_ms: float, *, most_ms: _Limit = None) -> float | Judgement:
    """Milliseconds from the request to the end of the answer, as recorded.

    Args:
        most_ms: with it, whether the answer took no longer.

    >>> latency(latency_ms=12.5)
    12.5
    """
    if most_ms is None:
        return latency_ms
    return _within(latency_ms, most_ms, f"{latency_ms:.1f} ms")


@scorer(scale=(0, None), higher_is_better=False)
def cost(
    cost_usd: Decimal | None = None, *, most_usd: _Limit = None
) -> Decimal | Judgement | Unscored:
    """US dollars of the model calls behind the answer; unscored when one of them is unpriced.

    Args:
        most_usd: with it, whether the answer cost no more.

    >>> cost(Decimal("0.0026"))
    Decimal('0.0026')
    """
    if cost_usd is None:
        return Unscored("unpriced")
    if most_usd is None:
        return cost_usd
    return _within(cost_usd, Decimal(str(most_usd)), f"{cost_usd} US dollars")


@scorer(scale=(0, None), higher_is_better=False)
def tokens(
    usage: Usage, *, of: Literal["total", "input", "output"] = "total", most: int | None = None
) -> int | Judgement:
    """Tokens of the answer: all of them, those that went in, or those that came out.

    Args:
        most: with it, whether there are no more.

    >>> tokens(Usage(input=10, output=5))
    15
    """
    given, made = usage.total_input, usage.total_output
    count = {"total": given + made, "input": given, "output": made}[of]
    return count if most is None else _within(count, most, f"{count} tokens")


@scorer
def span_error(spans: tuple[Span, ...]) -> Judgement:
    """Passes when no operation of the trace ended in an error."""
    failed = [span for span in spans if span.status == "error"]
    return Judgement(
        passed=not failed,
        evidence=tuple(f"{span.name}: {span.error or 'error'}"[:300] for span in failed[:10]),
    )


def _within(value: float | Decimal, most: float | Decimal, said: str) -> Judgement:
    return Judgement(passed=value <= most, reason=f"{said}, {most} allowed")
