"""What a caller is told who is over a limit, or near one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from trimtab.errors import BudgetExceeded, Forbidden, RateLimited
from trimtab.gateway.asker import (
    MONEY,
    NANO_USD,
    PLACES,
    REQUESTS,
    TOKENS,
    Asker,
    Facts,
    Node,
    Part,
)
from trimtab.gateway.quotas import Quotas
from trimtab.kit.clock import NS_PER_S, iso
from trimtab.kit.headers import printable

_A_PLACE_S = 1.0  # nobody knows when a request ends
_NAMES = {REQUESTS: "requests", TOKENS: "tokens"}


class LimitState(msgspec.Struct, frozen=True, kw_only=True):
    """How one limit stands. `limit` is the field of the allowance; budgets are in US dollars.

    `resets_in_s` is until nothing of it is used; None where that is when requests end.
    """

    node: str
    kind: str
    name: str
    limit: str
    capacity: Decimal
    used: Decimal
    left: Decimal
    resets_in_s: float | None = None


def refused(part: Part, cost: float, wait_s: float, *, now_ns: int) -> RateLimited:
    """Which limit of whom, and when to come back, if coming back helps.

    `should_retry` False is for the header `x-should-retry`, which SDKs obey.
    """
    fields: dict[str, object] = {"node": part.node.facts, "limit": part.limit}
    if part.unit == MONEY:
        return _spent(part, cost, fields, now_ns)
    count = f"{part.quota.capacity:g}"
    if part.unit == PLACES:
        what, wait_s = f"{count} requests at once", _A_PLACE_S
        fix = "wait for one of them to end"
    else:
        what = f"{count} {_NAMES[part.unit]} a minute"
        wait_s = wait_s if math.isfinite(wait_s) else 60.0
        fix = f"retry after {wait_s:.1f} s"
    return RateLimited(
        f"the {part.node.label} is over its limit of {what}",
        where=part.node.label,
        fix=fix,
        retry_after_s=wait_s,
        resets_at=iso(now_ns + int(wait_s * NS_PER_S)),
        should_retry=True,
        **fields,
    )


def _spent(part: Part, cost: float, fields: dict[str, object], now_ns: int) -> BudgetExceeded:
    ends_ns = part.ends_ns or now_ns
    budget = f"{part.limit.removesuffix('_usd')} budget of {usd(part.quota.capacity)}"
    return BudgetExceeded(
        f"a request for about {usd(cost)} does not fit into what is left of the {budget} of the"
        f" {part.node.label}",
        where=part.node.label,
        fix=f"raise the budget, use a cheaper model, or wait until {iso(ends_ns)}",
        retry_after_s=max(0.0, (ends_ns - now_ns) / NS_PER_S),
        resets_at=iso(ends_ns),
        should_retry=False,
        **fields,
    )


def not_allowed(asker: Asker, model: str) -> Forbidden | None:
    """Why a name may not be asked for, with the nearest that may; None when it may."""
    refusing = asker.refusing(model)
    if refusing is None:
        return None
    facts, patterns = refusing
    near = ", ".join(patterns.near(model)) or "nothing"
    return Forbidden(
        f"the {facts.label} may not use {model[:200]!r}",
        where="model",
        fix=f"it may use {near}",
        node=facts,
        allowed=patterns.near(model),
    )


def not_approved(asker: Asker, model: str, reason: str, day: str) -> Forbidden:
    near = asker.catalogue.current(day).near(model)
    return Forbidden(
        f"the model {model[:200]!r} may not be called: {reason}",
        where="model",
        fix=f"approved are {', '.join(near) or 'none'}",
        node=Facts(kind="project", id=asker.project, name=asker.project),
        allowed=near,
    )


def unpriced(node: Node, model: str) -> Forbidden:
    return Forbidden(
        f"the model {model[:200]!r} has no known price, and the allowance of the {node.label} is"
        " for priced calls only",
        where="model",
        fix="give it a price under `prices`, or allow unpriced calls in the allowance",
        node=node.facts,
    )


def state(part: Part, left: float, now_ns: int) -> LimitState:
    """How a limit stands of which so much is left."""
    quota = part.quota
    unit = Decimal(1) / NANO_USD if part.unit == MONEY else Decimal(1)
    capacity = Decimal(quota.capacity if quota.capacity >= 1 else 0) * unit
    remains = round(Decimal(left) * unit, 9 if part.unit == MONEY else 0)
    resets_in_s = None
    if part.ends_ns is not None:
        resets_in_s = (part.ends_ns - now_ns) / NS_PER_S
    elif quota.rate_per_s:
        resets_in_s = max(0.0, quota.capacity - left) / quota.rate_per_s
    return LimitState(
        node=part.node.label,
        kind=part.node.kind,
        name=part.node.name,
        limit=part.limit,
        capacity=capacity,
        used=capacity - remains,
        left=remains,
        resets_in_s=resets_in_s,
    )


def headers(parts: Iterable[Part], quotas: Quotas) -> dict[str, str]:
    """How the tightest limits stand, in the form of OpenAI's headers; and a budget that is low."""
    tightest: dict[int, tuple[float, Part]] = {}
    low = []
    for part in parts:
        quota, unit = part.quota, part.unit
        if unit == PLACES:
            continue
        left = quotas.left(quota)
        if unit == MONEY:
            if quota.capacity - left >= part.warns_at:
                low.append((part, quota.capacity - left))
        elif unit not in tightest or left < tightest[unit][0]:
            tightest[unit] = left, part
    found: dict[str, str] = {}
    for unit, (left, part) in tightest.items():
        name, quota = _NAMES[unit], part.quota
        found[f"x-ratelimit-limit-{name}"] = str(int(quota.capacity))
        found[f"x-ratelimit-remaining-{name}"] = str(max(0, int(left)))
        found[f"x-ratelimit-reset-{name}"] = duration((quota.capacity - left) / quota.rate_per_s)
    if low:
        found["x-trimtab-budget-warning"] = _warning(low)
    return found


def _warning(low: Iterable[tuple[Part, float]]) -> str:
    said = "; ".join(
        f"{part.node.label} {part.limit}={usd(used)}/{usd(part.quota.capacity)}"
        for part, used in low
    )
    return printable(said)


def duration(seconds: float) -> str:
    """A time as OpenAI's headers have it.

    >>> [duration(s) for s in (0.0, 0.0121, 1, 59.5, 360, 3725)]
    ['0s', '13ms', '1s', '1m0s', '6m0s', '1h2m5s']
    """
    if seconds <= 0:
        return "0s"
    if seconds < 1:
        ms = math.ceil(seconds * 1000)
        return f"{ms}ms"
    whole = math.ceil(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def usd(nano: float) -> str:
    """Nano-dollars for people.

    >>> usd(1_500_000_000), usd(250_000), usd(12_345_678_900)
    ('$1.50', '$0.00025', '$12.35')
    """
    dollars = nano / NANO_USD
    return f"${dollars:.2f}" if dollars >= 0.1 or dollars == 0 else f"${dollars:.2g}"
