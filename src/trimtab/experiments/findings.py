"""What a comparison says, in plain sentences with numbers. Pure: records in, text out.

Pass/fail metrics and scores within [0, 1] of which more is better are written in points (hundredths
of the difference); everything else in its own unit.
"""

from __future__ import annotations

import math

from trimtab.records import Comparison, Estimate

__all__ = [
    "advice",
    "at_floor",
    "below_floor",
    "change",
    "counted",
    "failures",
    "hidden",
    "in_points",
    "lacks_power",
    "needed",
    "no_gain",
    "not_covered",
    "numbers",
    "p_value",
    "power",
    "straddles",
    "tolerated",
    "unbounded",
    "uncovered",
    "worse",
    "worse_at_best",
]

TOO_FEW = "too few cases deviate"
"""The method of an interval that is undefined because nearly all cases are alike."""

_LEAST_P = 0.0001
_FEW = 8


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
    where = "in a run" if _lacks_judgements(difference) else "in both runs"
    said = f"only {counted(difference)} were scored {where}, {100 * wanted:g} % are needed"
    return f"{said}{_lacking(comparison)}"


def not_covered(estimate: Estimate, wanted: float) -> str:
    return f"only {counted(estimate)} were scored, {100 * wanted:g} % are needed"


def failures(cases: int) -> str:
    """`with the 6 cases that the task failed to answer as the worst`."""
    said = "1 case" if cases == 1 else f"{cases} cases"
    return f"with the {said} that the task failed to answer as the worst"


def hidden(comparison: Comparison, *, gain: bool) -> str:
    """What the cases that the candidate failed to answer do not exclude."""
    found = comparison.failures
    if found is None or found.difference.value is None:
        return ""
    change = _change(comparison, found.difference.value) + _bounds(comparison, found.difference)
    open_question = (
        "no gain is proved"
        if gain
        else f"a loss of {_size(comparison, comparison.margin or 0.0)} is not excluded"
    )
    return f"{failures(found.cases)} it is {change}: {open_question}"


def worse_at_best(comparison: Comparison, p_adjusted: float) -> str:
    """Proved worse although the baseline lacks scores."""
    count = comparison.unscored[0]
    return (
        f"{worse(p_adjusted)}, whatever the {count} cases that the baseline lacks would have said"
    )


def _lacking(comparison: Comparison) -> str:
    """`; 12 cases of the baseline have no score`: which run lacks scores, where that is known."""
    sides = zip(("baseline", "candidate"), comparison.unscored, strict=True)
    said = [
        f"1 case of the {side} has no score"
        if count == 1
        else f"{count} cases of the {side} have no score"
        for side, count in sides
        if count
    ]
    return f"; {' and '.join(said)}" if said else ""


def counted(estimate: Estimate) -> str:
    """`190 of 200 examples (95.0 %)`, or judgements where there are fewer of those."""
    share = math.floor(estimate.coverage * 1000) / 10  # 97.96 % must not read 98.0 %
    if _lacks_judgements(estimate):
        return f"{estimate.judged} of {estimate.asked} judgements ({share:.1f} %)"
    return f"{estimate.n} of {estimate.total} examples ({share:.1f} %)"


def _lacks_judgements(estimate: Estimate) -> bool:
    if not (estimate.asked and estimate.total):
        return False
    return (estimate.judged or 0) / estimate.asked < estimate.n / estimate.total


def unbounded(estimate: Estimate) -> str:
    """Why there is no interval."""
    if estimate.method == TOO_FEW:
        return (
            "nearly all cases are alike, and nothing says how far one can go: no interval;"
            " declare the scorer's scale, or score more cases"
        )
    return "too few independent examples for an interval"


def p_value(p: float | None) -> str:
    """A p-value as it is printed: none is 0.

    >>> p_value(0.03125), p_value(3e-12), p_value(None)
    ('0.0312', '<0.0001', '-')
    """
    if p is None:
        return "-"
    return "<0.0001" if p < _LEAST_P else f"{p:.4f}"


def worse(p_adjusted: float | None) -> str:
    if p_adjusted is None:
        return "proved worse"
    said = p_value(p_adjusted)
    return f"proved worse (p{said if said.startswith('<') else f'={said}'})"


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
    return f"no improvement proved; {power(comparison)}"


def straddles(comparison: Comparison) -> str:
    margin = comparison.margin or 0.0
    if margin:
        return f"a loss of {_size(comparison, margin)} is not excluded; {power(comparison)}"
    return f"neither better nor worse is proved; {power(comparison)}"


def power(comparison: Comparison) -> str:
    """What the pairs could have shown, and roughly how many more would settle it."""
    n, seen = comparison.difference.n, comparison.detectable
    if seen is None:
        return f"{n} pairs cannot show a difference of any size"
    text = f"these {n} pairs could have shown {_size(comparison, seen)} (80 % power)"
    wanted, more = _worth_seeing(comparison), needed(comparison)
    if more <= 0:
        return text
    if more > 100 * n:
        return f"{text}; no reasonable number of examples would show {_size(comparison, wanted)}"
    return f"{text}; about {_rounded(math.ceil(more))} more would show {_size(comparison, wanted)}"


def needed(comparison: Comparison) -> float:
    """Roughly how many more pairs would settle it; 0 for none, infinite where nothing is seen."""
    n, seen, wanted = comparison.difference.n, comparison.detectable, _worth_seeing(comparison)
    if seen is None:
        return math.inf
    if not wanted:
        return 0.0
    ratio = seen / wanted
    # the detectable difference falls with n where next to nothing changes, else with its root
    return max(0.0, math.ceil(n * (ratio if comparison.changed < _FEW else ratio**2)) - n)


def advice(comparison: Comparison) -> str:
    """Of why a comparison is not decided, what is most useful to know.

    What its pairs could have shown, where that is the reason; else the reason without the numbers.
    """
    said = power(comparison)
    return said if said in comparison.reason else _finding(comparison)


def lacks_power(comparison: Comparison) -> bool:
    """Whether more pairs are what would decide it."""
    return power(comparison) in comparison.reason


def _finding(comparison: Comparison) -> str:
    return comparison.reason.removeprefix(f"{numbers(comparison)}: ")


def _worth_seeing(comparison: Comparison) -> float:
    """The margin; once that can be seen, how far the observed difference lies from it."""
    margin = comparison.margin or 0.0
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


def _bounds(comparison: Comparison, difference: Estimate | None = None) -> str:
    difference = difference or comparison.difference
    low, high = difference.low, difference.high
    if low is None or high is None:
        return ""
    scale, digits = (100, ".1f") if in_points(comparison) else (1, ".3g")
    return f" [{scale * low:+{digits}}, {scale * high:+{digits}}]"
