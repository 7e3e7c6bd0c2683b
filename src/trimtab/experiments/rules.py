"""The rules of a gate: which metrics gate, and what each must do. Pure data."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from trimtab.errors import MeasureError


class GateRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one metric must do. Numbers are in the metric's own unit.

    Args:
        margin: the loss that is tolerable, >= 0. With 0 only a proved gain passes.
        floor: the worst acceptable value of the candidate itself (a ceiling where lower is better).
        direction: which way is better; None: as the metric says.
        must_improve: not losing is not enough; only a proved gain passes.
    """

    metric: str
    margin: float = 0.0
    floor: float | None = None
    direction: Literal["higher", "lower"] | None = None
    must_improve: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.margin) and self.margin >= 0):
            raise MeasureError(
                "a margin must be a number >= 0", where=self.metric, margin=self.margin
            )
        if self.floor is not None and not math.isfinite(self.floor):
            raise MeasureError("a floor must be a number", where=self.metric, floor=self.floor)


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which metrics gate and how sure it must be. Other metrics are reported only."""

    rules: tuple[GateRule, ...]
    min_coverage: float = 0.98
    alpha: float = 0.05
    confidence: float = 0.95

    def __post_init__(self) -> None:
        names = [rule.metric for rule in self.rules]
        if len(set(names)) < len(names):
            raise MeasureError("a metric has two rules", fix="give each metric one", got=names)
        if not 0 < self.alpha <= 0.5:
            raise MeasureError("alpha must be above 0 and at most 0.5", where="alpha")
        if not 0.5 <= self.confidence < 1:
            raise MeasureError("confidence must be at least 0.5 and below 1", where="confidence")
        if not 0 < self.min_coverage <= 1:
            raise MeasureError("min_coverage must be above 0 and at most 1", where="min_coverage")
