"""The largest gap between groups of cases, with an interval that knows how many were looked at.

Estimates by group go in; the gap, its interval and what it says of a limit come out. Pure.

Whoever names the largest of many differences picks the luckiest one, so its usual interval lies too
high. Here each pair of groups has an interval at confidence 1 - alpha / pairs, so that all of them
hold together with 1 - alpha (Bonferroni), whatever pair turns out to be the largest. The largest
true gap then lies between the greatest of their lower bounds and the greatest of their upper
bounds. The interval of a pair is put together from those of its two groups as the sides of a right
angle (Newcombe 1998, method 10; Zou & Donner 2008), which takes the groups for independent: cases
they share make the true one narrower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations

import msgspec

from trimtab.experiments.findings import failures
from trimtab.records import Estimate
from trimtab.records.run import Outcome

Summary = Callable[[str, float], Estimate]
"""The estimate of a group at a confidence."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The largest gap between two groups; `value` is as seen, and None where too few compare."""

    allowed: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    worst: str = ""
    best: str = ""
    groups: int = 0
    confidence: float = 0.95
    outcome: Outcome = "inconclusive"
    reason: str = ""


def largest_gap(
    sizes: Mapping[str, int],
    summary: Summary,
    *,
    allowed: float,
    min_cases: int,
    coverage: float,
    confidence: float = 0.95,
    tests: int = 1,
    in_points: bool = True,
    higher_is_better: bool = True,
) -> Gap:
    """The largest gap between groups of at least `min_cases` cases.

    It fails where the gap is proved larger than allowed, passes where it is proved to be no larger,
    and is inconclusive in between, or where a group is not covered.

    Args:
        sizes: cases by group, scored or not: a group is too small to gate by what it is, and not
            by what nobody could score of it.
        summary: the estimate of a group at a confidence.
        tests: how many gaps gate together; each takes its share of 1 - confidence.
    """
    names = [name for name, size in sizes.items() if size >= min_cases]
    gap = Gap(allowed=allowed, groups=len(names), confidence=confidence)
    if len(names) < 2:
        return _with(gap, "inconclusive", f"fewer than two groups have {min_cases} cases")
    pairs = len(names) * (len(names) - 1) // 2
    each = 1 - (1 - confidence) / (pairs * tests)
    found = {name: summary(name, each) for name in names}
    thin = [name for name in names if found[name].coverage < coverage]
    if thin:
        share = 100 * found[thin[0]].coverage
        return _with(gap, "inconclusive", f"only {share:.1f} % of {thin[0]} were scored")
    if any(one.value is None or one.low is None or one.high is None for one in found.values()):
        return _with(gap, "inconclusive", "a group has too few independent cases for an interval")
    bounds = [_between(found[one], found[other]) for one, other in combinations(names, 2)]
    order = sorted(names, key=lambda name: found[name].value or 0.0, reverse=not higher_is_better)
    gap = msgspec.structs.replace(
        gap,
        value=max(value for value, _, _ in bounds),
        low=max(low for _, low, _ in bounds),
        high=max(high for _, _, high in bounds),
        worst=order[0],
        best=order[-1],
    )
    return _judged(gap, in_points)


def with_failures(gap: Gap, at_worst: Gap, failed: int) -> Gap:
    """A gap that passes only where it does so with failures taken as the worst too.

    Args:
        at_worst: the gap with each answer that the task failed to give taken to have the worst
            score.
        failed: the cases of which it failed to give one.
    """
    if gap.outcome != "pass" or at_worst.outcome == "pass":
        return gap
    return _with(gap, "inconclusive", f"{gap.reason}; but {failures(failed)} {at_worst.reason}")


def _between(one: Estimate, other: Estimate) -> tuple[float, float, float]:
    """The absolute difference of two groups with its bounds."""
    upper, lower = (one, other) if (one.value or 0) >= (other.value or 0) else (other, one)
    value = _arm(upper.value, lower.value)
    down = math.hypot(_arm(upper.value, upper.low), _arm(lower.high, lower.value))
    up = math.hypot(_arm(upper.high, upper.value), _arm(lower.value, lower.low))
    return value, max(0.0, value - down), max(value + up, abs(value - down))


def _arm(upper: float | None, lower: float | None) -> float:
    return (upper or 0.0) - (lower or 0.0)


def _judged(gap: Gap, in_points: bool) -> Gap:
    value, low, high = gap.value or 0.0, gap.low or 0.0, gap.high or 0.0
    numbers = f"{_size(value, in_points)} [{_number(low, in_points)}, {_number(high, in_points)}]"
    between = f"{gap.worst} is {numbers} behind {gap.best}, the largest gap of {gap.groups} groups"
    limit = _size(gap.allowed, in_points)
    if low > gap.allowed:
        return _with(gap, "fail", f"{between}: proved larger than the {limit} allowed")
    if high <= gap.allowed:
        return _with(gap, "pass", f"{between}: within the {limit} allowed")
    return _with(gap, "inconclusive", f"{between}: whether it is within {limit} is not decided")


def _with(gap: Gap, outcome: Outcome, reason: str) -> Gap:
    return msgspec.structs.replace(gap, outcome=outcome, reason=reason)


def _size(number: float, in_points: bool) -> str:
    return f"{_number(number, in_points)} points" if in_points else _number(number, in_points)


def _number(number: float, in_points: bool) -> str:
    return f"{100 * number:.1f}" if in_points else f"{number:.3g}"
