"""Score: one judgement of one target. Verdicts, metrics, labels and feedback are all scores."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from trimtab.kit.hashing import digest
from trimtab.records.record import Record

TargetKind = Literal["span", "trace", "session", "example", "run", "window"]
ScoreStatus = Literal["scored", "unscored", "error", "timeout"]
ScoreSource = Literal["code", "model", "judge", "human", "user", "monitor"]


class Target(Record, frozen=True, kw_only=True, gc=False):
    """What is judged. A span is named by its span id, with the trace it belongs to."""

    kind: TargetKind
    id: str
    trace_id: str | None = None


class Score(Record, frozen=True, kw_only=True, gc=False):
    """One judgement: a value, a label or passed, or the reason why there is none.

    It has a value and `passed` where the lesser value passes.
    `status` says whether there is a judgement at all; when it is not "scored", `value`, `label` and
    `passed` are None and `reason` says why. `digest` identifies the exact scorer (code, prompt,
    parameters), so scores of different scorers with one name are never mixed silently.
    Identity is (project, score_id): writing it again replaces the earlier judgement.
    """

    score_id: str
    project: str = "default"
    target: Target
    name: str
    status: ScoreStatus = "scored"
    value: float | None = None
    label: str | None = None
    passed: bool | None = None
    reason: str | None = None
    evidence: tuple[str, ...] = ()
    source: ScoreSource = "code"
    scorer_version: str = "1"
    digest: str = ""
    author: str | None = None
    run: str | None = None
    cost_usd: Decimal | None = None
    latency_ms: float | None = None
    time_ns: int
    metadata: dict[str, Any] = {}

    @property
    def number(self) -> float | None:
        """The judgement as a number: the value, or 1.0 / 0.0 for passed; None without either."""
        if self.value is not None:
            return self.value
        return None if self.passed is None else float(self.passed)


def score_id(target: Target, name: str, scorer_digest: str, run: str | None = None) -> str:
    """A stable id, so that scoring the same target twice with one scorer yields one score."""
    return digest([target.kind, target.trace_id, target.id, name, scorer_digest, run])[:32]
