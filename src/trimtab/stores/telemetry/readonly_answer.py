"""Answers to the SQL of users: cells as JSON has them, within limits of rows, cells and bytes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from threading import BoundedSemaphore
from typing import Any

from trimtab.errors import InvalidRequest, Overloaded

CELL_BYTES = 1 << 20
ANSWER_BYTES = 32 << 20
AT_ONCE = 2
_PATIENCE_S = 1.0
_CELL_OVERHEAD = 8

_PLAIN = (str, int, bool, Decimal, type(None))


class Turns:
    """Lets few SELECTs be answered at once, so that whoever reads and writes has a turn as well."""

    def __init__(self) -> None:
        self._free = BoundedSemaphore(AT_ONCE)

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Raises Overloaded when others are answered for long."""
        if not self._free.acquire(timeout=_PATIENCE_S):
            raise Overloaded(
                f"{AT_ONCE} SELECTs are being answered already",
                where="sql",
                fix="ask again when they are done",
                retry_after_s=1,
            )
        try:
            yield
        finally:
            self._free.release()


def gathered(rows: Iterable[Sequence[Any]], *, max_rows: int) -> tuple[list[list[Any]], bool]:
    """The first rows, and whether there were more.

    Raises:
        InvalidRequest: a cell or all of them are too long.
    """
    found: list[list[Any]] = []
    total = 0
    for row in rows:
        if len(found) == max_rows:
            return found, True
        cells = [_plain(cell) for cell in row]
        total += sum(map(_measured, cells))
        if total > ANSWER_BYTES:
            raise too_long()
        found.append(cells)
    return found, False


def too_slow(timeout_s: float) -> InvalidRequest:
    """For a statement that was stopped when its time was over."""
    return InvalidRequest(
        f"this SQL cannot be answered: it takes longer than {timeout_s:g} s",
        where="sql",
        fix="narrow it, for example by start_ns, or join fewer rows",
    )


def too_large() -> InvalidRequest:
    """For a statement that needs more memory than there is for it."""
    return InvalidRequest(
        "this SQL cannot be answered: it takes more memory than there is for it",
        where="sql",
        fix="narrow it, for example by start_ns, or group and join fewer rows",
    )


def too_long() -> InvalidRequest:
    """For an answer over its limit."""
    return _over(
        f"the answer has more than {ANSWER_BYTES >> 20} MiB",
        "select fewer columns or rows, or add them up",
    )


def _measured(cell: Any) -> int:
    size = _size(cell)
    if size > CELL_BYTES:
        raise _over(
            f"a cell has more than {CELL_BYTES >> 20} MiB", "select a part of it, with left or ->>"
        )
    return size


def _size(cell: Any) -> int:
    """Roughly what it takes in JSON."""
    if isinstance(cell, str):
        return len(cell)
    if isinstance(cell, list):
        return _CELL_OVERHEAD + sum(map(_size, cell))
    if isinstance(cell, dict):
        return _CELL_OVERHEAD + sum(len(key) + _size(one) for key, one in cell.items())
    return _CELL_OVERHEAD


def _plain(value: Any) -> Any:
    """A cell as JSON has it; what is not a number is nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if isinstance(value, _PLAIN) else str(value)


def _over(what: str, fix: str) -> InvalidRequest:
    return InvalidRequest(f"this SQL cannot be answered: {what}", where="sql", fix=fix)
