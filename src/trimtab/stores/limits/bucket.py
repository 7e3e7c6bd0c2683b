"""What a limiter is asked, checked; and its answer from a meter. No clock, no storage."""

from __future__ import annotations

import math

from trimtab.errors import InvalidRequest
from trimtab.kit.meter import TOLERANCE, Meter
from trimtab.ports import Grant, Quota


def need(quota: Quota, wanted: float, at_least: float | None) -> float:
    """The least that must be granted.

    Raises InvalidRequest for a take that could never be granted, or that means nothing.

    >>> need(Quota("k", capacity=10), 25, 5), need(Quota("k", capacity=10), 3, None)
    (5, 3)
    """
    check(quota)
    least = wanted if at_least is None else at_least
    if not (math.isfinite(wanted) and 0 <= least <= wanted):
        raise InvalidRequest(
            f"{least} to {wanted} cannot be taken from a limit",
            where="wanted",
            fix="want 0 or more, and at least no more than that",
        )
    if least > quota.capacity:
        raise InvalidRequest(
            f"the request needs {least:g}, and the limit never holds more than {quota.capacity:g}",
            where="wanted",
            fix="make a smaller request, or raise the limit",
        )
    return least


def check(quota: Quota) -> None:
    """Raises InvalidRequest for a quota that means nothing."""
    for name, value, positive in (
        ("capacity", quota.capacity, True),
        ("rate_per_s", quota.rate_per_s, False),
        ("keep_s", quota.keep_s, True),
        ("taken", quota.taken, False),
    ):
        if not (math.isfinite(value) and (value > 0 if positive else value >= 0)):
            raise InvalidRequest(
                f"a limit cannot have {name} {value}",
                where=name,
                fix=f"use a number {'above 0' if positive else 'of 0 or more'}",
            )


def amount(quota: Quota, amount: float) -> float:
    """What is given back, checked. Raises InvalidRequest for a number that is none."""
    check(quota)
    if not math.isfinite(amount):
        raise InvalidRequest(
            f"{amount} cannot be given back to a limit", where="amount", fix="use a finite number"
        )
    return amount


def granted(meter: Meter, wanted: float, least: float, now_s: float) -> Grant:
    """Take `wanted` from a meter, or what is left if that is `least`, or nothing.

    >>> meter = Meter(capacity=3, rate_per_s=2, now_s=0.0)
    >>> granted(meter, 5, 1, 0.0)
    Grant(ok=True, retry_after_s=0.0, amount=3.0, left=0.0)
    >>> granted(meter, 5, 1, 0.25)
    Grant(ok=False, retry_after_s=0.25, amount=0.0, left=0.5)
    """
    left = meter.left(now_s)
    if left + TOLERANCE < least and least > 0:
        return Grant(ok=False, retry_after_s=meter.wait_s(least, now_s), left=left)
    took = wanted if left + TOLERANCE >= wanted else max(least, left)
    meter.take(took, now_s)
    return Grant(ok=True, amount=float(took), left=float(meter.capacity - meter.used))
