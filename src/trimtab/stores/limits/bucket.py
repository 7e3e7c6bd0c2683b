"""A token bucket as arithmetic: no clock, no storage.

A bucket holds at most `capacity` tokens, starts full and refills at `rate_per_s`. In any period of
t seconds it lets through at most capacity + rate_per_s * t (the token bucket of RFC 2697, with one
rate and one burst size).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from trimtab.errors import InvalidRequest
from trimtab.ports import Grant

# Refilling adds rounding errors of this order; they must not refuse a caller that waited as told.
TOLERANCE = 1e-9


class Bucket(NamedTuple):
    """What is left, and when that was true, in seconds of any one clock."""

    tokens: float
    at_s: float


class Take(NamedTuple):
    """The question: may `cost` tokens leave a bucket of this shape?"""

    cost: float
    capacity: float
    rate_per_s: float

    def check(self) -> None:
        """Raises InvalidRequest for a take that could never be granted, or that means nothing."""
        for name, value in (("capacity", self.capacity), ("rate_per_s", self.rate_per_s)):
            if not (math.isfinite(value) and value > 0):
                raise InvalidRequest(
                    f"a limit cannot have {name} {value}", where=name, fix="use a number above 0"
                )
        if not (math.isfinite(self.cost) and self.cost >= 0):
            raise InvalidRequest(
                f"a request cannot cost {self.cost}", where="cost", fix="use 0 or more"
            )
        if self.cost > self.capacity:
            raise InvalidRequest(
                f"the request costs {self.cost:g}, and the limit never holds more than"
                f" {self.capacity:g}",
                where="cost",
                fix="make a smaller request, or raise the limit's capacity",
            )

    def of(self, bucket: Bucket | None, *, now_s: float) -> tuple[Bucket, Grant]:
        """The bucket afterwards, and the answer; None is a bucket nobody took from yet.

        >>> bucket, grant = Take(cost=3, capacity=3, rate_per_s=2).of(None, now_s=0.0)
        >>> Take(cost=1, capacity=3, rate_per_s=2).of(bucket, now_s=0.25)[1]
        Grant(ok=False, retry_after_s=0.25)
        """
        tokens = self.capacity
        if bucket is not None:
            refilled = bucket.tokens + (now_s - bucket.at_s) * self.rate_per_s
            tokens = min(self.capacity, refilled)
        if tokens + TOLERANCE < self.cost:
            grant = Grant(ok=False, retry_after_s=(self.cost - tokens) / self.rate_per_s)
            return Bucket(tokens, now_s), grant
        return Bucket(max(0.0, tokens - self.cost), now_s), Grant(ok=True)

    def full_at_s(self, bucket: Bucket) -> float:
        """When the bucket will be as if nobody had ever taken from it."""
        return bucket.at_s + (self.capacity - bucket.tokens) / self.rate_per_s
