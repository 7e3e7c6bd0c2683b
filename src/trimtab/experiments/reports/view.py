"""View: everything a report is made of. Pure data; a report reads it and asks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trimtab.records import CalibrationCard, Comparison, Example, Result, Run


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A run with its results, the rows it was made over, and the run it is compared with.

    The verdict, if there is one, is `run.verdict`; `comparisons` are those of the verdict, or all
    that could be made where nothing gates.

    Args:
        results: one for each (example_id, repeat) that came to an end, in the order of arrival; the
            reasons why something is unscored are in their scores.
        examples: the rows of the run, in order; a row without a result was not reached.
        baseline, baseline_results: the run it is compared with; None and empty without one.
        slices: metrics by groups of cases (`experiments.slices.Sliced`).
        cards: calibration cards by the digest of the scorer that has one.
        notes: sentences for people about how the run was made (sampled, resumed, stopped by its
            budget, a judge of the candidate's own family).
        url: where the run can be looked at, without a slash at the end; None where nowhere.
    """

    run: Run
    results: Sequence[Result] = ()
    examples: Sequence[Example] = ()
    baseline: Run | None = None
    baseline_results: Sequence[Result] = ()
    comparisons: Sequence[Comparison] = ()
    slices: Sequence[Any] = ()
    cards: Mapping[str, CalibrationCard] = {}
    notes: Sequence[str] = ()
    url: str | None = None
