"""Run: an experiment, its numbers and its verdict."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from trimtab.records.gate import Terms
from trimtab.records.record import Record

Tier = Literal["code", "model", "judge"]
RunTier = Literal["code", "fast", "full"]
RunRole = Literal["candidate", "baseline"]
RunStatus = Literal["running", "done", "failed", "interrupted"]
Outcome = Literal["pass", "fail", "inconclusive"]


class Estimate(Record, frozen=True, kw_only=True):
    """A number with its honesty: interval, how many cases count, and how many there were.

    `judged` of `asked` judgements are there where cases have several; None where each has one.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    total: int
    confidence: float = 0.95
    method: str = ""
    judged: int | None = None
    asked: int | None = None

    @property
    def coverage(self) -> float:
        """Share of the cases, or of their judgements if that is less, that are there, in [0, 1]."""
        share = self.n / self.total if self.total else 0.0
        return min(share, (self.judged or 0) / self.asked) if self.asked else share


class Failures(Record, frozen=True, kw_only=True):
    """Answers that the candidate's task failed to give to cases that the baseline has scores of.

    `cases` counts those cases. The two estimates are the comparison's with each such answer taken
    to have the worst score there is.
    """

    cases: int
    candidate: Estimate
    difference: Estimate


class Comparison(Record, frozen=True, kw_only=True):
    """Candidate against baseline on one metric, over the same examples.

    `difference` is candidate - baseline in the metric's own unit. `detectable` is the smallest true
    difference the pairs would have shown with 80 % power. `p_adjusted` is Holm's over the gating
    metrics; None for a metric that does not gate. `proved` is what the gate takes for proved of a
    gating metric, None where nothing is. `unscored` are the cases that the baseline and the
    candidate lack; `p_at_best` is the p-value of a loss that shows even with the cases that only
    the baseline lacks taken in the candidate's favour; `failures` is what it lacks because its task
    failed. `margin`, `floor` and `must_improve` are of the rule that a gating metric was held to.
    """

    metric: str
    higher_is_better: bool = True
    baseline: Estimate
    candidate: Estimate
    difference: Estimate
    changed: int = 0
    p_value: float | None = None
    p_at_best: float | None = None
    p_adjusted: float | None = None
    unscored: tuple[int, int] = (0, 0)
    failures: Failures | None = None
    test: str = ""
    margin: float | None = None
    floor: float | None = None
    must_improve: bool = False
    detectable: float | None = None
    outcome: Outcome | None = None
    proved: Literal["better", "worse"] | None = None
    reason: str = ""


class Verdict(Record, frozen=True, kw_only=True):
    """What the gate says, in one word and in sentences, with every comparison behind it.

    `outcomes` are what each of the `reasons` says by itself. `notes` are sentences on what its
    numbers do not know. `terms` are all that it was given under, so that it can be given again;
    None of a verdict from before they were kept.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    outcomes: tuple[Outcome, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    baseline_run: str | None = None
    improved: bool = False
    cost_usd: Decimal | None = None
    notes: tuple[str, ...] = ()
    terms: Terms | None = None


class AppliedScorer(Record, frozen=True, kw_only=True):
    """A scorer as a run used it; `digest` tells versions of one name apart.

    `scale` is the least and the greatest value of each of its scores; None where nothing bounds
    them, or nobody said. The greatest is None where only the least is known, as of a time.
    """

    name: str
    digest: str = ""
    version: str = "1"
    tier: Tier = "code"
    higher_is_better: bool = True
    scale: tuple[float, float | None] | None = None


class Run(Record, frozen=True, kw_only=True):
    """An experiment: a task x a dataset version x scorers.

    The task is a release, or whatever `task` describes in words: a prompt with a model, an
    endpoint, a function. `variant` is what tells the cells of a matrix apart, as in
    `{"model": "openai/gpt-5", "temperature": "0"}`. `suite` is the name it was declared under and
    `suite_digest` the hash of that declaration. `total` counts examples times `repeats`.
    `metrics` are headlines by the name of a score.

    `role` is "baseline" for a run that was made only so that another has one to be compared with:
    it has the name of its release, and is not what `last` means.

    `vouched` says that a release may be promoted on it: the server made it itself, or whoever
    brought it may promote releases. `heard_ns` is when whoever executes it was last heard of.
    """

    run_id: str
    project: str = "default"
    name: str
    release: str | None = None
    release_digest: str | None = None
    dataset: str
    dataset_digest: str
    split: str | None = None
    scorers: tuple[AppliedScorer, ...]
    task: str = ""
    task_digest: str = ""
    variant: dict[str, str] = {}
    suite: str | None = None
    suite_digest: str = ""
    role: RunRole = "candidate"
    tier: RunTier = "full"
    repeats: int = 1
    seed: int | None = None
    source: str = "trimtab"
    author: str | None = None
    commit: str | None = None
    status: RunStatus = "running"
    error: str | None = None
    started_ns: int
    ended_ns: int | None = None
    done: int = 0
    total: int = 0
    metrics: dict[str, Estimate] = {}
    verdict: Verdict | None = None
    cost_usd: Decimal | None = None
    vouched: bool = False
    heard_ns: int | None = None

    @property
    def stands(self) -> bool:
        """Whether a later run may be compared with it without it being named: it is done, it was
        not made only to compare with, and no gate said anything but pass."""
        allowed = self.verdict is None or self.verdict.outcome == "pass"
        return self.status == "done" and self.role != "baseline" and allowed
