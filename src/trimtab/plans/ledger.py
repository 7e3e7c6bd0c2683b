"""The budget of one run: what was spent, what calls under way may cost, and whether one more fits.

What a call may cost at most is set aside before it begins, and durable by then; a crash leaves it
on the record, where it counts as spent. So no run uses more than its plan allows, whatever happens
in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec

from trimtab.errors import BudgetExceeded
from trimtab.kit.clock import NS_PER_S
from trimtab.ports import Clock
from trimtab.records import PlanBudget, PlanRun

_NOTHING = Decimal(0)


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """Calls begun, dollars spent, and dollars that calls under way, or cut off, may cost."""

    calls: int = 0
    cost_usd: Decimal | None = _NOTHING
    held_usd: Decimal = _NOTHING


class Ledger:
    """Admits the calls of one run; `spending` is the state that must be durable.

    Args:
        run: as it was when whoever executes it began, with what others spent before.
        save: makes the spending durable. Raises where the run is somebody else's by now.
    """

    def __init__(
        self,
        budget: PlanBudget,
        run: PlanRun,
        save: Callable[[Spending], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._budget = budget
        self._save = save
        self._clock = clock
        self._usd = None if budget.usd is None else Decimal(str(budget.usd))
        self._calls = run.calls
        self._spent = run.cost_usd or _NOTHING
        self._priced = run.cost_usd is not None or not run.calls
        self._lost = run.held_usd or _NOTHING
        self._held = _NOTHING
        self._under_way = 0
        self._settled = asyncio.Event()
        self._saving = asyncio.Lock()
        self._ends_ns: int | None = None
        if budget.minutes is not None:
            self._ends_ns = run.started_ns + int(budget.minutes * 60 * NS_PER_S)

    @property
    def spending(self) -> Spending:
        # On a budget in dollars what is unknown is among those held: the sum is what is known.
        spent = self._spent if self._priced or self.asks_usd else None
        return Spending(calls=self._calls, cost_usd=spent, held_usd=self._lost + self._held)

    @property
    def asks_usd(self) -> bool:
        """Whether it must be known what a call can cost."""
        return self._usd is not None

    @property
    def left_s(self) -> float | None:
        """How long the run may still take; None is no limit."""
        if self._ends_ns is None:
            return None
        return max(0.0, (self._ends_ns - self._clock.now_ns()) / NS_PER_S)

    async def begin(self, most_usd: Decimal) -> None:
        """Set aside what one call may cost; return when that is durable.

        Waits for calls under way where these leave too little for now.

        Raises:
            BudgetExceeded: the call could exceed the budget.
        """
        while not self._fits(most_usd):
            if not self._under_way or self._is_over:
                raise self._exceeded(most_usd)
            self._settled.clear()
            await self._settled.wait()
        self._calls += 1
        self._under_way += 1
        self._held += most_usd
        if self._budget.calls is None and self._usd is None:
            return
        try:
            # One at a time, so that the last to be saved is the latest.
            async with self._saving:
                await self._save(self.spending)
        except BaseException:
            self.settle(most_usd, _NOTHING, made=False)
            raise

    def settle(self, most_usd: Decimal, cost_usd: Decimal | None, *, made: bool = True) -> None:
        """A call is over. Without a known cost, all that was set aside for it counts as spent.

        Args:
            made: whether a provider was asked; one that was turned away before counts as none.
        """
        self._under_way -= 1
        if not made:
            self._calls -= 1
        self._held -= most_usd
        if cost_usd is None:
            self._priced = False
            self._lost += most_usd
        else:
            self._spent += cost_usd
        self._settled.set()

    @property
    def _is_over(self) -> bool:
        calls, left_s = self._budget.calls, self.left_s
        return (calls is not None and self._calls >= calls) or left_s == 0.0

    def _fits(self, most_usd: Decimal) -> bool:
        if self._is_over:
            return False
        if self._usd is None:
            return True
        return self._spent + self._lost + self._held + most_usd <= self._usd

    def _exceeded(self, most_usd: Decimal) -> BudgetExceeded:
        budget = self._budget
        if budget.calls is not None and self._calls >= budget.calls:
            said, field = f"its {budget.calls} calls are made", "calls"
        elif self.left_s == 0.0:
            said, field = f"its {budget.minutes:g} minutes are over", "minutes"
        else:
            gone = self._spent + self._lost
            said = (
                f"{gone:f} of {self._usd:f} US dollars are spent, and a call may cost {most_usd:f}"
            )
            field = "usd"
        return BudgetExceeded(
            f"the budget of the plan is used up: {said}",
            where=f"budget.{field}",
            fix="raise the budget in a new version of the plan, or let the steps ask for less",
        )
