"""A meter: how much of a limit is used. Arithmetic with seconds of any one clock; no I/O, no keys.

What is used leaks away at a steady rate (the leaky bucket as a meter of ITU-T I.371, which admits
what a token bucket of the same size and rate admits). With rate 0 nothing leaks: a budget. Because
the use is kept and not what is left, a limit that is raised or lowered holds at once.
"""

from __future__ import annotations

import math

# Adding and leaking round by this order; it must not refuse a caller that waited as it was told.
TOLERANCE = 1e-9


class Meter:
    """Use of a limit of `capacity`, leaking at `rate_per_s`; `used` above the capacity is debt.

    >>> meter = Meter(capacity=3, rate_per_s=2, now_s=0.0)
    >>> meter.take(3, 0.0), meter.take(1, 0.25), meter.wait_s(1, 0.25), meter.take(1, 0.5)
    (True, False, 0.25, True)
    """

    __slots__ = ("at_s", "capacity", "rate_per_s", "used")

    def __init__(
        self, *, capacity: float, rate_per_s: float, now_s: float, used: float = 0.0
    ) -> None:
        self.capacity = capacity
        self.rate_per_s = rate_per_s
        self.used = used
        self.at_s = now_s

    def take(self, amount: float, now_s: float) -> bool:
        """Use so much, or nothing."""
        used = self.used
        elapsed_s = now_s - self.at_s
        # A clock that was set back leaks nothing until it has caught up.
        if elapsed_s > 0:
            self.at_s = now_s
            used -= elapsed_s * self.rate_per_s
            if used < 0:
                used = 0.0
            self.used = used
        used += amount
        if used > self.capacity:
            if used > self.capacity + TOLERANCE:
                return amount <= 0
            used = self.capacity
        self.used = used
        return True

    def give_back(self, amount: float, now_s: float) -> None:
        """Use so much less; negative: so much more, whatever the capacity."""
        if amount < 0:
            self.left(now_s)  # what leaked before is not taken off the debt
        used = self.used - amount
        self.used = used if used > 0 else 0.0

    def left(self, now_s: float) -> float:
        """What could be used now; negative while there is debt."""
        if now_s > self.at_s:
            self.used = max(0.0, self.used - (now_s - self.at_s) * self.rate_per_s)
            self.at_s = now_s
        return self.capacity - self.used

    def wait_s(self, amount: float, now_s: float) -> float:
        """How long until `amount` could be used; infinite where waiting does not help."""
        short = amount - self.left(now_s)
        if short <= TOLERANCE:
            return 0.0
        if not self.rate_per_s or amount > self.capacity:
            return math.inf
        return short / self.rate_per_s

    def empty_at_s(self) -> float:
        """When nothing will be used any more."""
        if self.used <= 0:
            return self.at_s
        return self.at_s + self.used / self.rate_per_s if self.rate_per_s else math.inf
