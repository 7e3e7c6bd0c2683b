"""`latency`, `cost`, `tokens` and `span_error`: what an answer took, read from its record."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from trimtab.records import Span, Usage
from trimtab.scorers.definition import Judgement, Unscored, scorer


@scorer(higher_is_better=False)
def latency(latency_ms: float) -> float:
    """Milliseconds from the request to the end of the answer, as recorded.

    >>> latency(latency_ms=12.5)
    12.5
    """
    return latency_ms


@scorer(higher_is_better=False)
def cost(cost_usd: Decimal | None = None) -> Decimal | Unscored:
    """US dollars of the model calls behind the answer; unscored when one of them is unpriced.

    >>> cost(Decimal("0.0026"))
    Decimal('0.0026')
    """
    return Unscored("unpriced") if cost_usd is None else cost_usd


@scorer(higher_is_better=False)
def tokens(usage: Usage, *, of: Literal["total", "input", "output"] = "total") -> int:
    """Tokens of the answer: all of them, those that went in, or those that came out.

    >>> tokens(Usage(input=10, output=5))
    15
    """
    given, made = usage.total_input, usage.total_output
    return {"total": given + made, "input": given, "output": made}[of]


@scorer
def span_error(spans: tuple[Span, ...]) -> Judgement:
    """Passes when no operation of the trace ended in an error."""
    failed = [span for span in spans if span.status == "error"]
    return Judgement(
        passed=not failed,
        evidence=tuple(f"{span.name}: {span.error or 'error'}"[:300] for span in failed[:10]),
    )
