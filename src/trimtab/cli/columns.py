"""How figures stand in a table: short enough that a row fits into 80 columns."""

from __future__ import annotations

import shutil
import sys
from decimal import Decimal
from typing import Any, Final

from trimtab.cli.output import is_fancy
from trimtab.kit.clock import iso

SHORT_ID: Final = 8
_WIDE = 120


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

    >>> usd("0.002600000"), usd(None), usd("1.5", unpriced=2)
    ('0.0026', 'unpriced', '1.50+')
    """
    if text is None:
        return "unpriced"
    cents, _, rest = f"{Decimal(text):.6f}".partition(".")
    return f"{cents}.{rest.rstrip('0').ljust(2, '0')}" + ("+" if unpriced else "")


def previews(row: dict[str, Any], used: int) -> list[str]:
    """What went in and came out of a trace, cut to what is left of the window."""
    if not is_fancy(sys.stdout):
        return [row["input_preview"][:60], row["output_preview"][:60]]
    width = shutil.get_terminal_size().columns
    left = max(8, width - used)
    if width < _WIDE:
        return [row["input_preview"][:left], ""]
    return [row["input_preview"][: left // 2 - 1], row["output_preview"][: left // 2 - 1]]
