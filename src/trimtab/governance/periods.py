"""The periods that budgets are counted in: days and months of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from trimtab.kit.clock import NS_PER_S


class Periods(NamedTuple):
    """The day (`2026-11-21`) and the month (`2026-11`) of a moment, and when each ends."""

    day: str
    month: str
    day_ends_ns: int
    month_ends_ns: int


def periods(now_ns: int) -> Periods:
    """The periods that a moment lies in. An end is the first nanosecond that is not in it.

    >>> periods(1_700_000_000_000_000_000)[:2]
    ('2023-11-14', '2023-11')
    """
    now = datetime.fromtimestamp(now_ns // NS_PER_S, tz=UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # Day 1 plus 31 days is in the next month, whichever month it is.
    next_month = (midnight.replace(day=1) + timedelta(days=31)).replace(day=1)
    return Periods(
        day=f"{now:%Y-%m-%d}",
        month=f"{now:%Y-%m}",
        day_ends_ns=_ns(midnight + timedelta(days=1)),
        month_ends_ns=_ns(next_month),
    )


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * NS_PER_S
