"""The rules of a gate: which metrics gate, and what each must do. Pure data."""

from __future__ import annotations

import msgspec

from trimtab.errors import MeasureError
from trimtab.records.gate import GateRule

__all__ = ["Gate", "GateRule"]


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
