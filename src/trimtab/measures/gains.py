"""Gains in rank order, checked. Pure Python: rankings are too short for arrays to pay."""

from __future__ import annotations

import math
from typing import Any

from trimtab.errors import MeasureError

__all__ = ["checked", "exists", "found_in", "plain", "positive"]


def plain(values: Any) -> list[Any]:
    """The elements of any sequence or array as a list of plain numbers."""
    if type(values) is list:
        return values  # nothing here writes to it
    return values.tolist() if hasattr(values, "tolist") else list(values)


def checked(relevance: Any, k: int | None = None) -> list[float]:
    """The gains of the first k ranks, all of them where k is None.

    Raises:
        MeasureError: not a flat sequence of finite numbers >= 0, or k below 1.

    >>> checked((1, 0, 2), k=2)
    [1, 0]
    """
    values = plain(relevance if k is None else relevance[: positive(k)])
    try:
        total = sum(values)
        if not 0 <= total < math.inf or (values and min(values) < 0):
            raise MeasureError(
                "a gain is negative, NaN or infinite", fix="judge what is not relevant 0"
            )
    except TypeError as error:
        raise MeasureError("expected a flat sequence of numbers") from error
    return values


def found_in(values: list[float]) -> int:
    """How many of these gains are of relevant documents."""
    return len(values) - values.count(0)


def positive(k: int) -> int:
    """A number of ranks, which is at least 1."""
    if k < 1:
        raise MeasureError("k counts ranks from 1", k=k)
    return k


def exists(found: int, relevant: int) -> bool:
    """Whether a query has a relevant document; more cannot be found than there are."""
    if relevant < found:
        raise MeasureError(
            "more relevant documents retrieved than exist", found=found, relevant=relevant
        )
    return relevant > 0
