"""`cost`: what the answer cost."""

from __future__ import annotations

from decimal import Decimal

from trimtab.scorers.definition import Unscored, scorer


@scorer(higher_is_better=False)
def cost(cost_usd: Decimal | None = None) -> Decimal | Unscored:
    """US dollars of the model calls behind the answer; unscored when one of them is unpriced.

    >>> cost(Decimal("0.0026"))
    Decimal('0.0026')
    """
    return Unscored("unpriced") if cost_usd is None else cost_usd
