"""The request path: recording and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trimtab.records import (
    Span,
)


class Recorder(Protocol):
    """Takes finished spans of the request path and makes them durable."""

    async def record(self, spans: Sequence[Span]) -> None:
        """Return when the spans will survive a crash of the process and of the machine.

        Raises NotDurable.
        """
        ...


class Quota(NamedTuple):
    """A limit with a name: a bucket that refills, or an amount for one period.

    A bucket holds `capacity` and refills at `rate_per_s`; a budget has `rate_per_s` 0, its period
    in its `key`, and is forgotten `keep_s` after it was last used. `taken` is how much of it was
    used before the limiter first heard of it; of a budget, how much at least, so that one that
    counted less, because it did not exist for a while, is corrected.
    """

    key: str
    capacity: float
    rate_per_s: float = 0.0
    keep_s: float = 3_000_000.0
    taken: float = 0.0


class Grant(NamedTuple):
    """Whether a take was allowed, and of how much; if not, after how long it would be.

    `retry_after_s` is infinite where waiting does not help. `left` is what remains in the quota.
    """

    ok: bool
    retry_after_s: float = 0.0
    amount: float = 0.0
    left: float = 0.0


class Limiter(Protocol):
    """Keeps quotas, for one process or for all that share it. Atomic; never a lock held."""

    async def take(self, quota: Quota, wanted: float, *, at_least: float | None = None) -> Grant:
        """Take `wanted`, or what there is if that is `at_least` so much, or nothing.

        Raises:
            InvalidRequest: the quota could never grant it.
            StoreError: the limiter cannot be reached; whether anything was taken is not known.
        """
        ...

    async def give_back(self, quota: Quota, amount: float, *, spent: float = 0.0) -> None:
        """Return what was not used. Negative: more was used than taken, as debt if need be.

        `spent` is how much was used for good of what was taken. What was taken of a budget and was
        neither spent nor returned is put back some time after whoever took it is gone.
        """
        ...

    async def aclose(self) -> None: ...
