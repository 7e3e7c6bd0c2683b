"""One metric of a run, looked at group by group: estimates, differences, p-values, gaps. Pure.

What the candidate's task failed to answer is treated as the gate treats it of all cases: no group
looks better, and no gap smaller, for answers that are not there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from trimtab.experiments.compare import Scores, compare, summarise
from trimtab.experiments.debiasing import as_sure_as_its_judges, compared_as_sure
from trimtab.experiments.gaps import Gap, largest_gap, with_failures
from trimtab.experiments.grouping import NONE
from trimtab.experiments.languages import UNKNOWN, UNKNOWN_LATIN
from trimtab.experiments.missing import with_missing
from trimtab.experiments.suite import Slice, SuiteGate
from trimtab.experiments.vectors import Vector, compared, covering
from trimtab.measures import unpaired
from trimtab.measures.distributions import student_cdf
from trimtab.measures.intervals import standard_error
from trimtab.records import Comparison, Estimate, Result

_MOST_SHUFFLED = 4_000
_SHUFFLES = 1_999


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of cases on one metric.

    `at_worst` is the estimate with each answer that the task failed to give taken to have the worst
    score there is, where it failed to give some and that score is known. `p_value` is of the group
    against all other cases, or, with a baseline, of its difference from it, with such answers as
    the worst; None for a group that is `small`. `p_adjusted` is over all groups looked at together.
    """

    key: str
    estimate: Estimate
    at_worst: Estimate | None = None
    small: bool = False
    p_value: float | None = None
    p_adjusted: float | None = None
    comparison: Comparison | None = None


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a run, and what it is looked at with.

    `worst` is its worst score, where that is known, and `at_worst` its numbers with each answer
    that the task failed to give taken to have it.
    """

    metric: str
    after: Vector
    before: Vector | None
    higher: bool
    scale: tuple[float, float] | None
    worst: float | None
    at_worst: Scores
    clusters: Mapping[str, str]
    gate: SuiteGate
    voted: tuple[Sequence[Result], Sequence[Result]]

    def group(self, key: str, ids: Sequence[str], min_cases: int) -> Group:
        estimate = self._summary(ids, self.gate.confidence)
        at_worst = None
        if self._failures(ids):
            at_worst = self._summary(ids, self.gate.confidence, at_worst=True)
        small = (at_worst or estimate).n < min_cases
        found = None if self.before is None else self._compared(self.before, ids)
        p_value = None
        if not small:
            p_value = self._against_rest(ids) if found is None else found.p_value
        return Group(
            key=key,
            estimate=estimate,
            at_worst=at_worst,
            small=small,
            p_value=p_value,
            comparison=None if found is None else found.comparison,
        )

    def gap(self, each: Slice, groups: Mapping[str, list[str]], tests: int) -> Gap:
        named = {
            key: ids for key, ids in groups.items() if key not in (NONE, UNKNOWN, UNKNOWN_LATIN)
        }
        scored = [value for value in self.after.values.values() if value is not None]

        def largest(*, at_worst: bool) -> Gap:
            return largest_gap(
                {key: len(ids) for key, ids in named.items()},
                lambda key, confidence: self._summary(named[key], confidence, at_worst=at_worst),
                allowed=each.max_gap or 0.0,
                min_cases=each.min_cases,
                coverage=self.gate.coverage,
                confidence=self.gate.confidence,
                tests=max(1, tests),
                in_points=self.higher and all(0 <= value <= 1 for value in scored),
                higher_is_better=self.higher,
            )

        found = largest(at_worst=False)
        failed = self._failures(list({key for ids in named.values() for key in ids}))
        return with_failures(found, largest(at_worst=True), failed) if failed else found

    def _failures(self, ids: Sequence[str]) -> int:
        """The cases of which the task failed to give an answer whose score could be the worst."""
        return 0 if self.worst is None else sum(key in self.after.failed for key in ids)

    def _summary(
        self, ids: Sequence[str], confidence: float, *, at_worst: bool = False
    ) -> Estimate:
        values = self.at_worst if at_worst else self.after.values
        own = {key: values[key] for key in ids}
        found = summarise(
            self.metric,
            own,
            binary=self.after.binary and _is_whole(own),
            higher_is_better=self.higher,
            scale=self.scale,
            clusters=self.clusters,
            confidence=confidence,
        )
        votes = self._of(ids)[1]
        found = as_sure_as_its_judges(
            found, votes, self.metric, groups=self.clusters, scale=self.scale
        )
        return found if at_worst else covering(found, self.after.judgements(ids))

    def _compared(self, before: Vector, ids: Sequence[str]) -> _Moved:
        """The difference from the baseline, as the gate has it of all cases.

        Cases on which both made no claim are left out of it.
        """
        silent = set(before.abstained) & set(self.after.abstained)
        own = [key for key in ids if key not in silent]
        old, new = before.only(own), self.after.only(own)
        votes = self._of(own)

        def again(baseline: Scores, candidate: Scores) -> Comparison:
            found = compare(
                self.metric,
                baseline,
                candidate,
                binary=before.binary and self.after.binary and _is_whole(candidate),
                higher_is_better=self.higher,
                scale=self.scale,
                clusters=self.clusters,
                confidence=self.gate.confidence,
            )
            return compared_as_sure(found, *votes, groups=self.clusters, scale=self.scale)

        found = again(old.values, new.values)
        p_value = found.p_value
        if self.worst is not None and self._failures(own):
            p_value = again(old.values, new.with_failed_as(self.worst)).p_value
        found = with_missing(compared(found, old, new), old, new, again, worst=self.worst)
        return _Moved(found, p_value)

    def _of(self, ids: Sequence[str]) -> tuple[list[Result], list[Result]]:
        """What judges said of some cases, in the baseline and in the run."""
        wanted = set(ids)
        old, new = ([one for one in each if one.example_id in wanted] for each in self.voted)
        return old, new

    def _against_rest(self, ids: Sequence[str]) -> float | None:
        inside, values = set(ids), self.at_worst
        scored = [key for key, value in values.items() if value is not None]
        sides = [[key for key in scored if (key in inside) is wanted] for wanted in (True, False)]
        if min(map(len, sides)) < 2:
            return None
        (own, own_keys), (rest, rest_keys) = (self._side(side, values) for side in sides)
        if len(scored) <= _MOST_SHUFFLED:
            return unpaired.permutation(
                own,
                rest,
                first_clusters=own_keys,
                second_clusters=rest_keys,
                seed=0,
                shuffles=_SHUFFLES,
            )
        return _welch(own, own_keys, rest, rest_keys)

    def _side(
        self, ids: Sequence[str], values: Mapping[str, float | None]
    ) -> tuple[list[float], list[str] | None]:
        numbers = [value for key in ids if (value := values[key]) is not None]
        keys = [self.clusters.get(key, f"example {key}") for key in ids] if self.clusters else None
        return numbers, keys


class _Moved(NamedTuple):
    """How a group moved from the baseline, and the p-value with its failures as the worst."""

    comparison: Comparison
    p_value: float | None


def _is_whole(values: Scores) -> bool:
    return all(value in (None, 0.0, 1.0) for value in values.values())


def _welch(
    own: list[float], own_keys: list[str] | None, rest: list[float], rest_keys: list[str] | None
) -> float:
    """Two-sided p-value of Welch's (1947) t with cluster-robust errors, for many cases."""
    a, b = standard_error(own, own_keys), standard_error(rest, rest_keys)
    apart = abs(float(np.mean(own) - np.mean(rest)))
    variance = a.value**2 + b.value**2
    if variance == 0:
        return 1.0 if apart == 0 else 0.0
    df = variance**2 / (a.value**4 / a.df + b.value**4 / b.df)
    return min(1.0, 2 * (1 - student_cdf(apart / math.sqrt(variance), df)))
