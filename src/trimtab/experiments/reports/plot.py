"""Intervals as small drawings: a line for the interval, a dot for the value (SVG). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from trimtab.records import Comparison, Estimate

_WIDTH, _MIDDLE, _PAD = 230, 13, 8


class Scale(NamedTuple):
    """From values to places along a drawing."""

    low: float
    high: float

    def at(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        share = min(1.0, max(0.0, (value - self.low) / span))
        return round(_PAD + share * (_WIDTH - 2 * _PAD), 1)


SHARES = Scale(0.0, 1.0)


def around_zero(comparisons: Iterable[Comparison]) -> Scale:
    """One scale for several differences, the same to both sides of 0."""
    reach = 0.0
    for each in comparisons:
        bounds = (each.difference.low, each.difference.high, each.margin)
        reach = max([reach, *(abs(bound) for bound in bounds if bound is not None)])
    reach = reach * 1.1 or 1.0
    return Scale(-reach, reach)


def difference(comparison: Comparison, scale: Scale) -> str:
    """A difference with its interval, the line of no difference, and the margin that gates."""
    kind = comparison.proved or ""
    marks = [_tick(scale.at(0.0), "zero")]
    if comparison.outcome is not None and comparison.margin:
        loss = -comparison.margin if comparison.higher_is_better else comparison.margin
        marks.append(_tick(scale.at(loss), "margin"))
    return _drawn(comparison.difference, scale, marks, kind)


def value(estimate: Estimate, scale: Scale = SHARES) -> str:
    """A value with its interval."""
    ends = [_tick(scale.at(scale.low), "axis"), _tick(scale.at(scale.high), "axis")]
    return _drawn(estimate, scale, ends, "")


def _drawn(estimate: Estimate, scale: Scale, marks: list[str], kind: str) -> str:
    if estimate.value is None:
        return ""
    parts = [f'<line class="axis" x1="{_PAD}" x2="{_WIDTH - _PAD}" y1="13" y2="13"/>', *marks]
    if estimate.low is not None and estimate.high is not None:
        ends = f'x1="{scale.at(estimate.low)}" x2="{scale.at(estimate.high)}"'
        parts.append(f'<line class="range" {ends} y1="{_MIDDLE}" y2="{_MIDDLE}"/>')
    parts.append(f'<circle class="dot" cx="{scale.at(estimate.value)}" cy="{_MIDDLE}" r="5"/>')
    box = f'viewBox="0 0 {_WIDTH} 26"'
    return f'<svg class="plot {kind}" {box} aria-hidden="true">{"".join(parts)}</svg>'


def _tick(x: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="3" y2="23"/>'
