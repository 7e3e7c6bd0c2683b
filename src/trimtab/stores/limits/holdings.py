"""Holdings: what a process has taken of budgets and places and has neither used nor given back.

Both sides keep this account: who takes, to say it again after a connection was lost, and who keeps
the limits, to put it back when the process is gone. What refills by itself is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.kit.meter import TOLERANCE
from trimtab.ports import Quota

_FIRST_SWEEP = 256


class _Held:
    __slots__ = ("amount", "at_s", "quota")

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.amount = 0.0
        self.at_s = 0.0


class Holdings:
    """The account of one process; amounts below 0 are debts, which nobody puts back."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._sweep_at = _FIRST_SWEEP

    def __iter__(self) -> Iterator[tuple[Quota, float]]:
        """Everything that is held, without debts."""
        return iter([(one.quota, one.amount) for one in self._held.values() if one.amount > 0])

    def add(self, quota: Quota, amount: float, now_s: float) -> None:
        """So much more is held; negative: less."""
        if quota.rate_per_s or not amount:
            return
        held = self._held.get(quota.key)
        if held is None:
            if len(self._held) >= self._sweep_at:
                self._sweep(now_s)
            held = self._held[quota.key] = _Held(quota)
        held.quota, held.at_s = quota, now_s
        held.amount += amount
        if abs(held.amount) <= TOLERANCE:
            del self._held[quota.key]

    def put(self, quota: Quota, amount: float, now_s: float) -> None:
        """So much is held, whatever was thought before."""
        self._held.pop(quota.key, None)
        self.add(quota, amount, now_s)

    def _sweep(self, now_s: float) -> None:
        """Forget what is of no period any more."""
        self._held = {
            key: held for key, held in self._held.items() if held.at_s + held.quota.keep_s > now_s
        }
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._held))
