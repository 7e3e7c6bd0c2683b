"""What a comparison says, in plain sentences with numbers. Pure: records in, text out.

Pass/fail metrics and scores within [0, 1] of which more is better are written in points (hundredths
of the difference); everything else in its own unit.
"""

from __future__ import annotations

import math

from trimtab.records import Comparison, Estimate

__all__ = [
    "at_floor",
    "below_floor",
    "change",
    "in_points",
    "no_gain",
    "numbers",
    "straddles",
    "tolerated",
    "unbounded",
    "uncovered",
    "worse",
]


def numbers(comparison: Comparison) -> str:
    """`groundedness: 0.91 against 0.84, +7.0 points [+2.1, +11.9], n=160/160`."""
    difference = comparison.difference
    size = f"n={difference.n}/{difference.total}"
    if difference.value is None:
        return f"{comparison.metric}: {size}"
    sides = f"{_value(comparison, comparison.candidate)} against " + _value(
        comparison, comparison.baseline
    )
    return (
        f"{comparison.metric}: {sides}, {_change(comparison, difference.value)}"
        f"{_bounds(comparison)}, {size}"
    )


def change(comparison: Comparison) -> str:
    """The difference with its interval: `+7.0 points [+2.1, +11.9]`."""
    difference = comparison.difference.value
    if difference is None:
        return "not measured"
    return _change(comparison, difference) + _bounds(comparison)


def uncovered(comparison: Comparison, wanted: float) -> str:
    difference = comparison.difference
    if difference.n == 0:
        return "no example was scored in both runs"
    share = math.floor(difference.coverage * 1000) / 10  # 97.96 % must not read 98.0 %
    return (
        f"only {difference.n} of {difference.total} examples ({share:.1f} %) were scored in both"
        f" runs, {100 * wanted:g} % are needed"
    )


def unbounded() -> str:
    return "too few independent examples for an interval"


def worse(p_adjusted: float | None) -> str:
    p = "" if p_adjusted is None else f" (p={p_adjusted:.2g})"
    return f"proved worse{p}"


def tolerated(comparison: Comparison, proved_worse: bool) -> str:
    margin = _size(comparison, comparison.margin or 0.0)
    if proved_worse:
        return f"proved worse, but by less than the {margin} allowed"
    return f"not worse by {margin} or more"


def below_floor(comparison: Comparison, floor: float) -> str:
    side = "below the floor" if comparison.higher_is_better else "above the ceiling"
    return f"proved {side} of {_number(comparison, floor)}"


def at_floor(comparison: Comparison, floor: float) -> str:
    name = "floor" if comparison.higher_is_better else "ceiling"
    low, high = comparison.candidate.low, comparison.candidate.high
    inside = (
        ""
        if low is None or high is None
        else (f"; the candidate lies in [{_number(comparison, low)}, {_number(comparison, high)}]")
    )
    return f"meeting the {name} of {_number(comparison, floor)} is not proved{inside}"


def no_gain(comparison: Comparison) -> str:
    return f"no improvement proved; {_power(comparison, comparison.margin or 0.0)}"


def straddles(comparison: Comparison) -> str:
    margin = comparison.margin or 0.0
    if margin:
        return (
            f"a loss of {_size(comparison, margin)} is not excluded; {_power(comparison, margin)}"
        )
    return f"neither better nor worse is proved; {_power(comparison, margin)}"


def _power(comparison: Comparison, margin: float) -> str:
    """What the pairs could have shown, and roughly how many more would settle it."""
    n, seen = comparison.difference.n, comparison.detectable
    if seen is None:
        return f"{n} pairs cannot show a difference of any size"
    text = f"these {n} pairs could have shown {_size(comparison, seen)} (80 % power)"
    wanted = _worth_seeing(comparison, margin)
    if not wanted:
        return text
    ratio = seen / wanted
    # the detectable difference falls with n where next to nothing changes, else with its root
    needed = math.ceil(n * (ratio if comparison.changed < 8 else ratio**2)) - n
    if needed <= 0:
        return text
    if needed > 100 * n:
        return f"{text}; no reasonable number of examples would show {_size(comparison, wanted)}"
    return f"{text}; about {_rounded(needed)} more would show {_size(comparison, wanted)}"


def _worth_seeing(comparison: Comparison, margin: float) -> float:
    """The margin; once that can be seen, how far the observed difference lies from it."""
    observed = comparison.difference.value or 0.0
    oriented = observed if comparison.higher_is_better else -observed
    if margin and (comparison.detectable or 0.0) > margin:
        return margin
    return abs(oriented + margin)


def _rounded(count: int) -> str:
    step = 10 ** max(0, len(str(count)) - 2)
    return f"{math.ceil(count / step) * step:,}"


def in_points(comparison: Comparison) -> bool:
    """Whether a difference is best said in hundredths."""
    if comparison.baseline.method.startswith("Wilson"):
        return True
    values = (comparison.baseline.value, comparison.candidate.value)
    return comparison.higher_is_better and all(v is not None and 0 <= v <= 1 for v in values)


def _value(comparison: Comparison, estimate: Estimate) -> str:
    return "nothing" if estimate.value is None else _number(comparison, estimate.value)


def _number(comparison: Comparison, number: float) -> str:
    return f"{number:.2f}" if in_points(comparison) else f"{number:.4g}"


def _size(comparison: Comparison, size: float) -> str:
    return f"{100 * size:.1f} points" if in_points(comparison) else f"{size:.3g}"


def _change(comparison: Comparison, change: float) -> str:
    return f"{100 * change:+.1f} points" if in_points(comparison) else f"{change:+.3g}"


def _bounds(comparison: Comparison) -> str:
    low, high = comparison.difference.low, comparison.difference.high
    if low is None or high is None:
        return ""
    scale, digits = (100, ".1f") if in_points(comparison) else (1, ".3g")
    return f" [{scale * low:+{digits}}, {scale * high:+{digits}}]"
