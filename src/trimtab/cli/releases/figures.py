"""Figures of two releases beside each other, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.cli.output import table

_RATES = ("error", "blocked", "slow")


def figure_lines(figures: Sequence[Mapping[str, Any]], *, new: str, base: str) -> list[str]:
    """The table, and what is to be said of what did not count.

    Args:
        new, base: what the columns of the two are called.
    """
    rows = [
        [
            one["figure"],
            _number(one, one["canary"]["mean"]),
            _number(one, one["main"]["mean"]),
            _number(one, one["difference"], "+"),
            f"[{_number(one, one['low'], '+')}, {_number(one, one['high'], '+')}]"
            if one["difference"] is not None
            else None,
            one["canary"]["sessions"],
            one["main"]["sessions"],
            "not known yet" if one["standing"] == "unknown" else one["standing"],
        ]
        for one in figures
    ]
    columns = ["figure", new, base, "difference", "interval", "n", f"n {base}", "standing"]
    lines = [table(rows, columns, right=(new, base, "difference"))]
    for one in figures:
        if one["left_out"]:
            lines.append(f"{one['left_out']:,} calls have no {one['figure']} that is known")
        if one["clipped"]:
            lines.append(f"{one['clipped']:,} values of {one['figure']} count as its nearer bound")
    return lines


def _number(figure: Mapping[str, Any], value: float | None, sign: str = "") -> str | None:
    """A figure in its unit.

    >>> _number({"figure": "error"}, 0.0123), _number({"figure": "cost"}, 0.5, "+")
    ('1.23%', '+0.5')
    """
    if value is None:
        return None
    if figure["figure"] in _RATES:
        return f"{100 * value:{sign}.3g}%"
    return f"{value:{sign}.3g}"
