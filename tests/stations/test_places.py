"""Places that processes share: counted right whoever comes and goes in between."""

from __future__ import annotations

from trimtab.gateway.places import Places
from trimtab.gateway.quotas import LocalQuotas
from trimtab.kit.clock import SystemClock
from trimtab.ports import Quota

PERIOD_NS = 600 * 1_000_000_000
BASE = Quota(key="concurrency:k", capacity=10, rate_per_s=0.0)


def test_a_place_is_taken_though_the_last_one_was_left_meanwhile() -> None:
    """Between asking for a place and having it, a limiter far away may be asked."""
    quotas = LocalQuotas(SystemClock())
    places = Places(quotas)
    for _ in range(2):
        assert quotas.try_take(places.quota(BASE, 0), 1, quotas.now_s())
    places.took(BASE)
    places.leave(BASE, 0)
    places.took(BASE)
    places.leave(BASE, 0)
    assert quotas.left(places.quota(BASE, 0)) == BASE.capacity


def test_who_was_long_gone_takes_a_place_like_anybody_else() -> None:
    quotas = LocalQuotas(SystemClock())
    places = Places(quotas)
    for period in (0, 1, 5, 9):
        now_ns = period * PERIOD_NS
        quota = places.quota(BASE, now_ns)
        assert quotas.try_take(quota, 1, quotas.now_s())
        places.took(BASE)
        places.leave(BASE, now_ns)
        assert quotas.left(quota) == BASE.capacity
