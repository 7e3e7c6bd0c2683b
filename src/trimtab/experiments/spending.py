"""Spending: what a run has cost so far, and whether another case can be afforded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal

_NOTHING = Decimal(0)


class Spending:
    """Counts what is paid, and holds cases back that could exceed the most that may be.

    What a case will cost is not known before: as much is set aside for each case in flight as the
    dearest so far did cost, and the first is run alone. So only a case that costs more than any
    before it can go beyond the limit, and by no more than that difference.

    Args:
        most_usd: the limit; None counts only.

    `unpriced` counts cases whose cost nobody knows; they are in no sum. `unbounded` says that
    those who judge have no price, so that no limit on them could hold.
    """

    def __init__(self, most_usd: Decimal | None = None) -> None:
        self.spent_usd = _NOTHING
        self.unpriced = 0
        self.exhausted = False
        self.unbounded = False
        self._most_usd = most_usd
        self._dearest_usd: Decimal | None = None
        self._in_flight = 0
        self._changed: asyncio.Future[None] | None = None

    @property
    def limited(self) -> bool:
        return self._most_usd is not None

    async def set_aside(self) -> bool:
        """Wait until a case can be afforded; False when there is no money for another."""
        while self.unbounded or not self._affordable():
            if self.unbounded or not self._in_flight:
                self.exhausted = True
            if self.exhausted:
                return False
            if self._changed is None:
                self._changed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._changed)
        self._in_flight += 1
        return True

    def carry_on(self, spent_usd: Decimal, cases: Iterable[Decimal | None]) -> None:
        """Count what earlier attempts at the run cost.

        Args:
            spent_usd: beside what the cases cost that they left.
            cases: what each of these cost; None: nobody knows.
        """
        self.spent_usd += spent_usd
        for cost_usd in cases:
            self.pay(cost_usd)
            if cost_usd:
                self._dearest_usd = max(self._dearest_usd or _NOTHING, cost_usd)

    def pay(self, cost_usd: Decimal | None) -> None:
        """What a case cost that nothing was set aside for; None: nobody knows."""
        if cost_usd is None:
            self.unpriced += 1
        elif cost_usd:
            self.spent_usd += cost_usd

    def settle(self, cost_usd: Decimal | None, *, bounded: bool = True) -> None:
        """What a case cost that something was set aside for.

        Args:
            bounded: its judges have a price; where they have none, it is the last case.
        """
        self._in_flight -= 1
        self.unbounded = self.unbounded or not bounded
        self.pay(cost_usd)
        self._dearest_usd = max(self._dearest_usd or _NOTHING, cost_usd or _NOTHING)
        if self._changed is not None:
            self._changed.set_result(None)
            self._changed = None

    def _affordable(self) -> bool:
        if self._most_usd is None:
            return True
        if self._dearest_usd is None:
            return not self._in_flight and self.spent_usd < self._most_usd
        return self.spent_usd + (self._in_flight + 1) * self._dearest_usd <= self._most_usd
