"""How figures stand in a table: short enough that a row fits into 80 columns."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from trimtab.cli.output import is_fancy
from trimtab.kit.clock import iso

SHORT_ID: Final = 8
_GAP = 2
_LEAST = 8


def when(ns: int) -> str:
    """Month, day and time of day in UTC.

    >>> when(1_700_000_000_123_000_000)
    '11-14 22:13:20'
    """
    return iso(ns)[5:19].replace("T", " ")


def ms(value: float | None) -> str | None:
    """Milliseconds, with a decimal only where it says something.

    >>> ms(1234.56), ms(3.14159)
    ('1235', '3.1')
    """
    return None if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def usd(text: str | None, *, unpriced: int = 0) -> str:
    """Dollars to the millionth; a sum that leaves calls out is marked with a plus.

    >>> usd("0.002600000"), usd(None), usd(None, unpriced=1), usd("1.5", unpriced=2)
    ('0.0026', '-', 'unpriced', '1.50+')
    """
    if text is None:
        return "unpriced" if unpriced else "-"
    cents, _, rest = f"{Decimal(text):.6f}".partition(".")
    return f"{cents}.{rest.rstrip('0').ljust(2, '0')}" + ("+" if unpriced else "")


def room(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> int | None:
    """How many characters are left of each line beside these columns; None when not on a terminal.

    >>> room([["abc", 1]], ["a", "b"]) is None
    True
    """
    if not is_fancy(sys.stdout):
        return None
    widths = [
        max(len(str(cell)) for cell in column) for column in zip(headings, *rows, strict=True)
    ]
    return max(_LEAST, shutil.get_terminal_size().columns - sum(widths) - _GAP * len(widths))
