"""Caps: what a job may take at most, and what it has taken. Pure data."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec

from trimtab.errors import InvalidRequest


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a job may take, over all attempts at it; None sets no limit.

    A call is one request to the gateway: for an answer, a judgement or a reflection, and every
    time that one is made again.
    """

    calls: int | None = None
    usd: Decimal | None = None
    minutes: float | None = None

    def check(self) -> None:
        """Raises InvalidRequest where nothing is limited, or by nothing that could be met."""
        given = {"calls": self.calls, "budget_usd": self.usd, "minutes": self.minutes}
        if all(value is None for value in given.values()):
            raise InvalidRequest(
                "a search without an end needs a limit",
                where="budget",
                fix="give one or several of --calls, --budget-usd and --minutes",
            )
        for name, value in given.items():
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InvalidRequest(f"{name} is {value}", where=name, fix="give more than 0")

    @property
    def text(self) -> str:
        """The caps in words."""
        said = [
            f"{self.calls} calls" if self.calls is not None else "",
            f"${self.usd}" if self.usd is not None else "",
            f"{self.minutes:g} minutes" if self.minutes is not None else "",
        ]
        return ", ".join(filter(None, said))


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken: calls that were made, what is known of their cost, and time.

    A call whose cost nobody said is in `usd` with the most it could cost where that is known, and
    in `unpriced` where not.
    """

    calls: int = 0
    usd: Decimal = Decimal(0)
    unpriced: int = 0
    seconds: float = 0.0
