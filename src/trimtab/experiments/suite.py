"""Suite: an evaluation as a file or a program declares it. Pure data, checked when made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypedDict, Unpack

import msgspec
from msgspec import Meta

from trimtab.errors import MeasureError
from trimtab.experiments.references import (
    DataRef,
    EndpointRef,
    JudgeRef,
    ScorerRef,
    TaskRef,
    data_of,
    each_row,
    rows_in,
    task_of,
)
from trimtab.records.gate import CaseRule, GateRule, Slice
from trimtab.records.run import RunTier

if TYPE_CHECKING:
    from trimtab.experiments.references import Data, Task

__all__ = [
    "DEFAULT_SCORERS",
    "CaseRule",
    "DataRef",
    "EndpointRef",
    "JudgeRef",
    "ScorerRef",
    "Slice",
    "Suite",
    "SuiteGate",
    "SuiteSettings",
    "TaskRef",
    "data_of",
    "each_row",
    "rows_in",
    "task_of",
]

DEFAULT_SCORERS = (
    "answer_correct",
    "token_f1",
    "cites_source",
    "groundedness",
    "abstains",
    "latency",
    "cost",
)
"""What judges a release where nobody says: what can be judged without a model."""


class SuiteGate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a suite passes.

    `rules` compare with the baseline (`margin`, `must_improve`) and hold the candidate to a
    `floor`; without a baseline only floors and `cases` gate. `coverage` is the least share of
    cases that must be scored, `alpha` the most that may be risked of a verdict without a cause.
    """

    rules: Sequence[GateRule] = ()
    cases: Sequence[CaseRule] = ()
    coverage: Annotated[float, Meta(gt=0, le=1)] = 0.98
    confidence: Annotated[float, Meta(ge=0.5, lt=1)] = 0.95
    alpha: Annotated[float, Meta(gt=0, le=0.5)] = 0.05

    def __post_init__(self) -> None:
        """A file's are checked as they are read, with their places; these are a program's."""
        for name, within, words in (
            ("coverage", 0 < self.coverage <= 1, "above 0 and at most 1"),
            ("confidence", 0.5 <= self.confidence < 1, "at least 0.5 and below 1"),
            ("alpha", 0 < self.alpha <= 0.5, "above 0 and at most 0.5"),
        ):
            if not within:
                raise MeasureError(
                    f"{name} must be {words}", where=f"gate.{name}", got=getattr(self, name)
                )


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One evaluation: data x task x scorers, and when it passes.

    `embedder` is the model of embeddings (`provider/model`) for scorers that compare meanings.

    `scorer_timeout_s` is for one score of a scorer that waits and has no limit of its own; null for
    as long as it takes.

    A program may give `data` as the name of a file or dataset or as rows, and `task` as a function
    or its name, a release or a model: they become a `DataRef` and a `TaskRef`.

    `tier` is the least tier that runs it: a `code` suite runs always, a `full` one only in a full
    run. In a `code` run only scorers of the tier code are applied and no model is asked; in a
    `fast` one a sample of `fast_sample` rows is taken.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.\-/ ]{1,200}$")]
    data: DataRef
    task: TaskRef
    scorers: Sequence[ScorerRef] = ()
    judge: JudgeRef | None = None
    embedder: str | None = None
    tier: RunTier = "code"
    fast_sample: Annotated[int, Meta(ge=1)] = 100
    baseline: str | None = None
    gate: SuiteGate = SuiteGate()
    slices: Sequence[Slice] = ()
    repeat: Annotated[int, Meta(ge=1, le=1000)] = 1
    concurrency: Annotated[int, Meta(ge=1, le=512)] = 8
    seed: int | None = None
    max_cost_usd: Annotated[float, Meta(gt=0)] | None = None
    scorer_timeout_s: Annotated[float, Meta(gt=0)] | None = 300.0
    description: str = ""

    if TYPE_CHECKING:

        def __init__(  # what a program may give is more than what a suite then has
            self,
            *,
            name: str,
            data: Data,
            task: Task,
            scorers: Sequence[ScorerRef] = (),
            gate: SuiteGate = ...,
            **settings: Unpack[SuiteSettings],
        ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "data", data_of(self.data))
        msgspec.structs.force_setattr(self, "task", task_of(self.task))


class SuiteSettings(TypedDict, total=False):
    """What a suite takes beside what it is made of."""

    judge: JudgeRef | None
    embedder: str | None
    tier: RunTier
    fast_sample: int
    baseline: str | None
    slices: Sequence[Slice]
    repeat: int
    concurrency: int
    seed: int | None
    max_cost_usd: float | None
    scorer_timeout_s: float | None
    description: str
