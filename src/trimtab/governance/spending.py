"""What was spent before: the sums that budgets start from when a process begins."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.governance.periods import periods
from trimtab.ports import Spend, SpendKey, SpendStore
from trimtab.records import Allowance


def spent_so_far(
    store: SpendStore, allowances: Iterable[Allowance], now_ns: int
) -> dict[SpendKey, Spend]:
    """The sums of this day and month, of every node in a project with a budget.

    Raises:
        StoreError: the sums cannot be read.
    """
    now = periods(now_ns)
    found: dict[SpendKey, Spend] = {}
    budgeted = {one.project for one in allowances if one.daily_usd or one.monthly_usd}
    for project in sorted(budgeted):
        for period in (now.day, now.month):
            found |= store.list(project, period)
    return found
