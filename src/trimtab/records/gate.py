"""What a verdict is given under: rules on metrics, cases and groups, and how sure it must be.

Pure data, checked when made. A verdict keeps its terms, so that it can be given again.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from trimtab.errors import MeasureError
from trimtab.records.record import Record


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


class CaseRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case passes a metric when at least `at_least` of its repeats do (all of them if None)."""

    metric: str
    at_least: Annotated[int, Meta(ge=1)] | None = None


class Slice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Groups of cases that are looked at by themselves.

    `by` is `tag`, `split`, `cluster`, `language`, `length` (of the input, in thirds) or
    `metadata.KEY`. With `max_gap` the largest difference between two groups gates (bias gaps).
    """

    by: str
    metric: str | None = None
    max_gap: Annotated[float, Meta(gt=0)] | None = None
    min_cases: Annotated[int, Meta(ge=1)] = 20


class Terms(Record, frozen=True, kw_only=True):
    """All that a verdict was given under, beside the runs themselves.

    `rules` are as declared: where there are none, every pass-or-fail metric gated. `gaps` are the
    groups between which a gap gated. `uncalibrated` are the scorers that were not let gate.
    """

    rules: tuple[GateRule, ...] = ()
    cases: tuple[CaseRule, ...] = ()
    gaps: tuple[Slice, ...] = ()
    coverage: Annotated[float, Meta(gt=0, le=1)] = 0.98
    confidence: Annotated[float, Meta(ge=0.5, lt=1)] = 0.95
    alpha: Annotated[float, Meta(gt=0, le=0.5)] = 0.05
    uncalibrated: tuple[str, ...] = ()
