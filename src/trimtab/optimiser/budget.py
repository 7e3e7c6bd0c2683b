"""The budget of a job: every call is set aside before it begins, so that no cap is gone beyond.

The worst that a call can cost is taken from the budget before the call, and what it did cost after
it. Part of the budget is held back for the last comparison until that begins.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from trimtab.errors import BudgetExceeded
from trimtab.optimiser.caps import Caps, Taken
from trimtab.ports import Clock

_NOTHING = Decimal(0)
_LEAST_S = 0.05  # with less time than this no call is begun


class Exhausted(BudgetExceeded):
    """The budget of the search is spent; what was found until then stands."""


class Budget:
    """What may still be taken. Belongs to one event loop.

    Args:
        caps: over all attempts at the job.
        taken: by earlier attempts.

    `stopped` names the cap that refused a call, None while none did. `walked` counts the calls that
    this attempt made or found in the journal: an attempt that carries on decides by it as the one
    before did.
    """

    def __init__(self, caps: Caps, clock: Clock, taken: Taken | None = None) -> None:
        taken = taken or Taken()
        self._caps = caps
        self._clock = clock
        self._begun_ns = clock.monotonic_ns()
        self._before_s = taken.seconds
        self._calls = taken.calls
        self._usd = taken.usd
        self._unpriced = taken.unpriced
        self._reserved_usd = _NOTHING
        self._in_flight = 0
        self._held_calls = 0
        self._held_usd = _NOTHING
        self._held_s = 0.0
        self._changed: asyncio.Future[None] | None = None
        self.walked = 0
        self.walked_usd = _NOTHING
        self.stopped: str | None = None

    @property
    def caps(self) -> Caps:
        return self._caps

    @property
    def taken(self) -> Taken:
        return Taken(
            calls=self._calls,
            usd=self._usd,
            unpriced=self._unpriced,
            seconds=self.elapsed_s,
        )

    @property
    def elapsed_s(self) -> float:
        return self._before_s + (self._clock.monotonic_ns() - self._begun_ns) / 1e9

    @property
    def left_s(self) -> float | None:
        """Seconds until no call may last longer; None without a limit."""
        if self._caps.minutes is None:
            return None
        return 60 * self._caps.minutes - self._held_s - self.elapsed_s

    @property
    def room(self) -> int | None:
        """Calls that this phase may still make, by the way it has come; None without a limit."""
        if self._caps.calls is None:
            return None
        return max(0, self._caps.calls - self._held_calls - self.walked)

    def hold(self, *, calls: int, usd: Decimal | None, share_of_time: float) -> None:
        """Hold part of the budget back until `release`.

        Args:
            usd: what those calls cost at most; None where no limit in dollars holds.
        """
        self._held_calls = calls
        self._held_usd = usd or _NOTHING
        self._held_s = 60 * (self._caps.minutes or 0.0) * share_of_time

    def release(self) -> None:
        """What was held back may be used; a cap that was reached before is no more."""
        self._held_calls, self._held_usd, self._held_s = 0, _NOTHING, 0.0
        self.stopped = None

    async def reserve(self, worst_usd: Decimal | None) -> bool:
        """Set one call aside, waiting for others to end where their cost decides; False: no more.

        Args:
            worst_usd: the most that it can cost; None where that does not matter.
        """
        worst = worst_usd or _NOTHING
        while self.stopped is None:
            lacking = self._lacking(worst)
            if lacking is None:
                self._calls += 1
                self._in_flight += 1
                self._reserved_usd += worst
                return True
            if lacking != "dollars" or not self._in_flight:
                self.stopped = lacking
                break
            await self._settled()
        self._wake()
        return False

    def settle(self, worst_usd: Decimal | None, cost_usd: Decimal | None) -> None:
        """What a call that was set aside did cost; None: nobody said."""
        self._in_flight -= 1
        self._reserved_usd -= worst_usd or _NOTHING
        if cost_usd is None and worst_usd is None:
            self._unpriced += 1
        self._usd += _cost(worst_usd, cost_usd)
        self._wake()

    def walk(self, worst_usd: Decimal | None, cost_usd: Decimal | None) -> None:
        """One call further on the way, made now or found in the journal."""
        self.walked += 1
        self.walked_usd += _cost(worst_usd, cost_usd)

    def _lacking(self, worst: Decimal) -> str | None:
        caps = self._caps
        if caps.calls is not None and self._calls + 1 > caps.calls - self._held_calls:
            return "calls"
        left_s = self.left_s
        if left_s is not None and left_s < _LEAST_S:
            return "minutes"
        if caps.usd is None:
            return None
        after = self._usd + self._reserved_usd + worst
        return "dollars" if after > caps.usd - self._held_usd else None

    async def _settled(self) -> None:
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    def _wake(self) -> None:
        if self._changed is not None:
            changed, self._changed = self._changed, None
            if not changed.done():
                changed.set_result(None)


def _cost(worst_usd: Decimal | None, cost_usd: Decimal | None) -> Decimal:
    """What counts of a call: what it cost, else the most it could."""
    return cost_usd if cost_usd is not None else worst_usd or _NOTHING
