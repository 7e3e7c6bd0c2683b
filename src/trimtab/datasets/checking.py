"""What rows must be like, wherever they come from: cells of a bounded size, columns of one type.

What is wrong is said with row and column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from trimtab.datasets.reading import Reading
from trimtab.errors import InvalidRequest
from trimtab.records import Example

_KINDS: Sequence[tuple[type | tuple[type, ...], str]] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "an object"),
)
_BY_TYPE = {bool: 0, int: 1, float: 1, str: 2, list: 3, dict: 4}
_MOST_BYTES = 4  # of a character in UTF-8


class _First(NamedTuple):
    kind: str
    what: str


class Checking:
    """The checks of one file or list, row after row.

    Args:
        columns: which column each field was taken from.
    """

    def __init__(self, columns: Mapping[str, str], how: Reading) -> None:
        self._columns = columns
        self._limit = how.max_cell_bytes
        self._mixed = how.mixed
        self._firsts: dict[str, _First] = {}

    def cells(self, row: Mapping[str, Any], *, what: str, number: int) -> None:
        """Raises InvalidRequest for a value of a column that is too long."""
        limit = self._limit
        for column, value in row.items():
            if value is None or (isinstance(value, str) and len(value) * _MOST_BYTES <= limit):
                continue
            size = _size(value)
            if size > limit:
                raise InvalidRequest(
                    f"{what}: column {column!r} has {size} bytes; at most {limit} are taken",
                    where=what,
                    fix="shorten it, or raise the limit: `max_cell_bytes` in the data of a suite,"
                    " --max-cell-bytes of `trimtab datasets`",
                    column=column,
                    row=number,
                    size_bytes=size,
                    limit_bytes=limit,
                )

    def kinds(self, example: Example, *, what: str) -> None:
        """Raises InvalidRequest for an input, or an expected answer, of another type."""
        if self._mixed:
            return
        for field, value in (("input", example.input), ("expected", example.expected)):
            if value is None:
                continue
            kind = _kind(value)
            first = self._firsts.get(field)
            if first is None:
                self._firsts[field] = _First(kind, what)
            elif first.kind != kind:
                column = self._columns.get(field, field)
                raise InvalidRequest(
                    f"{what}: column {column!r} is {kind}, but {first.kind} in {first.what}",
                    where=what,
                    fix="make the column of one type, or allow it: `mixed: true` in the data of a"
                    " suite, --mixed of `trimtab datasets`",
                    column=column,
                )


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    return len(msgspec.json.encode(value)) if isinstance(value, dict | list | tuple) else 0


def _kind(value: Any) -> str:
    at = _BY_TYPE.get(type(value))
    if at is not None:
        return _KINDS[at][1]
    return next((name for of, name in _KINDS if isinstance(value, of)), type(value).__name__)
