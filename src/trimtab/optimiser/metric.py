"""What a result says of a metric, as one number of which more is better. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.optimiser.job import Goal
from trimtab.records import AppliedScorer, Result, Score

_PASSED = 0.999  # of a score on a scale up to 1, from where there is nothing left to improve


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a scorer: its name, which way is better, and the worst there is of it."""

    goal: Goal
    higher_is_better: bool = True
    scale: tuple[float, float | None] | None = None

    @property
    def name(self) -> str:
        return self.goal.metric

    def of(self, result: Result) -> float | None:
        """The score of a result, turned so that more is better; None where there is none."""
        found = self.score_of(result)
        number = None if found is None or found.status != "scored" else found.number
        if number is None:
            return None
        return number if self.higher_is_better else -number

    def score_of(self, result: Result) -> Score | None:
        """What the scorer said of a result; of several scores the one that has its name."""
        return next((score for score in result.scores if score.name == self.name), None)

    def passes(self, result: Result) -> bool:
        """Whether a result leaves nothing to improve."""
        found = self.score_of(result)
        if found is None or found.status != "scored":
            return False
        if found.passed is not None:
            return found.passed
        number = self.of(result)
        best = self._best
        return number is not None and best is not None and number >= best

    @property
    def _best(self) -> float | None:
        if not self.higher_is_better:
            return None if self.scale is None else -self.scale[0]
        most = None if self.scale is None else self.scale[1]
        return _PASSED if most is None else most * _PASSED

    def gain(self, before: Sequence[Result], after: Sequence[Result]) -> float:
        """The mean paired difference over rows that both have a score of, more is better.

        A row that only `before` has a score of counts as lost: it takes the worst score seen.
        """
        old = {one.example_id: self.of(one) for one in before}
        new = {one.example_id: self.of(one) for one in after}
        known = [value for value in (*old.values(), *new.values()) if value is not None]
        if not known:
            return 0.0
        worst = min(known)
        pairs = [
            (was, worst if (now := new.get(key)) is None else now)
            for key, was in old.items()
            if was is not None
        ]
        return sum(now - was for was, now in pairs) / len(pairs) if pairs else 0.0

    def mean(self, results: Sequence[Result]) -> float | None:
        """The mean of the scores there are, in the metric's own unit."""
        known = [value for value in map(self.of, results) if value is not None]
        if not known:
            return None
        mean = sum(known) / len(known)
        return mean if self.higher_is_better else -mean


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a job: what is to get better, and what must not get worse."""

    first: Metric
    others: tuple[Metric, ...] = ()

    @property
    def all(self) -> tuple[Metric, ...]:
        return self.first, *self.others


def metrics_of(goals: Sequence[Goal], scorers: Sequence[AppliedScorer]) -> Metrics:
    """The metrics that goals mean.

    Raises:
        InvalidRequest: a metric that must not get worse has no scale for the usual margin.
    """
    by_name: Mapping[str, AppliedScorer] = {scorer.name: scorer for scorer in scorers}
    found = []
    for goal in goals:
        scorer = by_name.get(goal.metric) or by_name[goal.metric.partition(".")[0]]
        found.append(
            Metric(goal=goal, higher_is_better=scorer.higher_is_better, scale=scorer.scale)
        )
    return Metrics(first=found[0], others=tuple(found[1:]))


def require_margin(name: str, given: float | None, scorer: AppliedScorer) -> None:
    """Raises InvalidRequest where the usual margin says nothing, for scores are not from 0 to 1."""
    if given is None and scorer.scale not in (None, (0.0, 1.0)):
        raise InvalidRequest(
            f"{name} is not measured from 0 to 1, so that nobody can guess how much of it may be"
            " lost",
            where="metric",
            fix=f"write --metric {name}:LOSS, in its own unit",
        )
