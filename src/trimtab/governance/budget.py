"""Budgets explained: what a key may still spend, and which of its limits binds first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from trimtab.governance.periods import Periods, periods
from trimtab.governance.settings import GatewaySettings
from trimtab.ports import Spend, SpendKey, SpendStore
from trimtab.records import Allowance, VirtualKey
from trimtab.records.access import AllowanceKind

Status = Literal["ok", "soft", "spent"]
_NANO_USD = Decimal("0.000000001")


class Node(NamedTuple):
    """One of those that a request counts for."""

    kind: AllowanceKind
    name: str


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in a period: `cost_usd` leaves out the `unpriced` requests."""

    requests: int
    tokens_input: int
    tokens_output: int
    cost_usd: Decimal
    unpriced: int

    @classmethod
    def of(cls, spend: Spend) -> Used:
        return cls(
            requests=spend.requests,
            tokens_input=spend.tokens_input,
            tokens_output=spend.tokens_output,
            cost_usd=spend.cost_nano_usd * _NANO_USD,
            unpriced=spend.unpriced_requests,
        )


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of a node: its limit and what is left of it; None where there is no limit.

    `status` is `soft` from the soft limit on, where answers carry a warning, and `spent` when
    nothing is left. `resets_ns` is when the period ends, Unix nanoseconds.
    """

    period: str
    limit_usd: Decimal | None
    used: Used
    remaining_usd: Decimal | None
    status: Status
    resets_ns: int


class LiveLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How one limit stands at this moment, in use by requests under way too.

    `limit` is the field of the allowance; budgets are in US dollars. `resets_in_s` is until nothing
    of it is used; None where that is when requests end.
    """

    limit: str
    capacity: Decimal
    used: Decimal
    left: Decimal
    resets_in_s: float | None = None


class NodeBudget(msgspec.Struct, frozen=True, kw_only=True):
    """What one node allows. `allowance` is None where it has none, `*` in its name the one for
    each of its kind; `live` is how each of its limits stands for the gateway at this moment."""

    kind: AllowanceKind
    name: str
    allowance: Allowance | None
    day: Period
    month: Period
    live: tuple[LiveLimit, ...] = ()


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """The budget with the least left: after `remaining_usd` more, requests are refused."""

    kind: AllowanceKind
    name: str
    period: str
    remaining_usd: Decimal
    resets_ns: int


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The effective budget of a key: a request must fit into all `nodes` alike.

    `usable` is False for a key that is disabled, has expired or has spent one of its budgets, and
    `spent` says that it is the budget. `binding` is None where no budget is set. Spend is that of
    the recorded calls, which is seconds behind the gateway's own count.
    """

    key_id: str
    name: str
    usable: bool
    spent: bool
    binding: Binding | None
    nodes: tuple[NodeBudget, ...]


Live = Mapping[tuple[str, str], tuple[LiveLimit, ...]]
"""How limits stand at this moment, by kind and name of the node."""

_NOT_TOLD: Live = {}


def nodes(key: VirtualKey) -> tuple[Node, ...]:
    """Whom a request with a key counts for, the narrowest first."""
    found = [Node("key", key.key_id)]
    if key.user is not None:
        found.append(Node("user", key.user))
    if key.team is not None:
        found.append(Node("team", key.team))
    return (*found, Node("project", key.project))


def explain(
    key: VirtualKey,
    settings: GatewaySettings,
    spend: SpendStore,
    *,
    now_ns: int,
    live: Live = _NOT_TOLD,
) -> Budget:
    """What a key may still spend at a moment. Raises StoreError."""
    when = periods(now_ns)
    names = nodes(key)
    asked = [
        SpendKey(key.project, *node, period) for node in names for period in (when.day, when.month)
    ]
    spent = spend.spent(asked)
    budgets = tuple(_node(key.project, node, settings, spent, when, live) for node in names)
    binding = min(_limits(budgets), key=lambda one: one.remaining_usd, default=None)
    spent_up = binding is not None and not binding.remaining_usd
    valid = not key.disabled and (key.expires_ns is None or key.expires_ns > now_ns)
    return Budget(
        key_id=key.key_id,
        name=key.name,
        usable=valid and not spent_up,
        spent=spent_up,
        binding=binding,
        nodes=budgets,
    )


def _node(
    project: str,
    node: Node,
    settings: GatewaySettings,
    spent: Mapping[SpendKey, Spend],
    when: Periods,
    live: Live,
) -> NodeBudget:
    allowance = settings.allowance(project, *node)

    def period(name: str, limit_usd: Decimal | None, ends_ns: int) -> Period:
        return _period(name, limit_usd, spent[SpendKey(project, *node, name)], allowance, ends_ns)

    return NodeBudget(
        kind=node.kind,
        name=node.name,
        allowance=allowance,
        day=period(when.day, allowance.daily_usd if allowance else None, when.day_ends_ns),
        month=period(when.month, allowance.monthly_usd if allowance else None, when.month_ends_ns),
        live=live.get(node, ()),
    )


def _period(
    name: str, limit_usd: Decimal | None, spend: Spend, allowance: Allowance | None, ends_ns: int
) -> Period:
    used = Used.of(spend)
    status: Status = "ok"
    remaining = None
    if limit_usd is not None and allowance is not None:
        # Tokens are paid for after they were admitted, so a little more may have been spent.
        remaining = max(limit_usd - used.cost_usd, Decimal(0))
        if not remaining:
            status = "spent"
        elif used.cost_usd >= limit_usd * Decimal(str(allowance.soft)):
            status = "soft"
    return Period(
        period=name,
        limit_usd=limit_usd,
        used=used,
        remaining_usd=remaining,
        status=status,
        resets_ns=ends_ns,
    )


def _limits(budgets: tuple[NodeBudget, ...]) -> Iterator[Binding]:
    for node in budgets:
        for period in (node.day, node.month):
            if period.remaining_usd is not None:
                yield Binding(
                    kind=node.kind,
                    name=node.name,
                    period=period.period,
                    remaining_usd=period.remaining_usd,
                    resets_ns=period.resets_ns,
                )
