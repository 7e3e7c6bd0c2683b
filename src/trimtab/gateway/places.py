"""Places: how many requests of a node are under way, where several processes share the count.

A process that dies never gives its places back. So they are counted anew every ten minutes: each
process that lives says how many it holds, under the name of the new period, and what a dead one
held is forgotten with the old.
"""

from __future__ import annotations

from trimtab.gateway.quotas import Quotas
from trimtab.ports import Quota

_PERIOD_NS = 600 * 1_000_000_000
_KEEP_S = 1800.0


class _Held:
    __slots__ = ("base", "count", "period", "quota")

    def __init__(self, base: Quota) -> None:
        self.base = base
        self.count = 0
        self.period = -1
        self.quota = base


class Places:
    """The places that this process holds, by the key of their quota."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._held: dict[str, _Held] = {}
        self._period = -1

    def quota(self, base: Quota, now_ns: int) -> Quota:
        """The quota to take a place from at this time; call `took` when that was done."""
        return self._current(base, now_ns).quota

    def took(self, base: Quota) -> None:
        self._held[base.key].count += 1

    def leave(self, base: Quota, now_ns: int) -> None:
        """Give one place back."""
        held = self._current(base, now_ns)
        held.count -= 1
        self._quotas.give_back(held.quota, 1)

    def _current(self, base: Quota, now_ns: int) -> _Held:
        period = now_ns // _PERIOD_NS
        if period > self._period:
            self._forget(period)
        held = self._held.get(base.key)
        if held is None:
            held = self._held[base.key] = _Held(base)
        period = max(period, held.period)
        if period != held.period or held.base is not base:
            key = f"{base.key}:{period}"
            held.quota = base._replace(key=key, keep_s=_KEEP_S)
            held.base = base
            if period != held.period and held.count:
                self._quotas.give_back(held.quota, -held.count)
            held.period = period
        return held

    def _forget(self, period: int) -> None:
        """Drop what nobody used since the period before this one.

        Not as soon as nothing is held: a request may be about to say that it `took` a place.
        """
        self._period = period
        self._held = {
            key: held for key, held in self._held.items() if held.count or held.period >= period - 1
        }
