"""Slices: groups of cases looked at by themselves, to find where a run is weak. Pure.

Rows and scores go in; an estimate with its interval for each group comes out, with the difference
from a baseline where there is one. Looking at many groups finds something by chance: p-values are
adjusted by Benjamini and Hochberg (1995) over all groups that are looked at together, which is for
exploring; only a declared gap gates (`gaps`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from trimtab.errors import InvalidRequest
from trimtab.experiments.compare import compare, summarise
from trimtab.experiments.debiasing import as_sure_as_its_judges, compared_as_sure
from trimtab.experiments.gaps import Gap, largest_gap
from trimtab.experiments.languages import UNKNOWN, UNKNOWN_LATIN, guessed
from trimtab.experiments.repeats import clusters_of, direction, is_of, scale_in, vectors_of
from trimtab.experiments.suite import Slice, SuiteGate
from trimtab.experiments.vectors import Vector, compared, covering
from trimtab.measures import unpaired
from trimtab.measures.distributions import student_cdf
from trimtab.measures.intervals import standard_error
from trimtab.measures.significance import benjamini_hochberg
from trimtab.records import AppliedScorer, Comparison, Estimate, Example, Result, text_of

NONE = "(none)"
"""The group of rows that do not say; it is shown and never gates."""

_MOST_GROUPS = 200
_MOST_SHUFFLED = 4_000
_SHUFFLES = 1_999


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of cases on one metric.

    `p_value` is of the group against all other cases, or, with a baseline, of its difference from
    it; None for a group that is `small`. `p_adjusted` is over all groups looked at together.
    """

    key: str
    estimate: Estimate
    small: bool = False
    p_value: float | None = None
    p_adjusted: float | None = None
    comparison: Comparison | None = None


class Sliced(msgspec.Struct, frozen=True, kw_only=True):
    """One metric by one field; the largest groups first. `more` counts groups left out."""

    by: str
    metric: str
    higher_is_better: bool = True
    groups: tuple[Group, ...] = ()
    more: int = 0
    gap: Gap | None = None


def sliced(
    slices: Sequence[Slice],
    candidate: Sequence[Result],
    examples: Sequence[Example],
    *,
    scorers: Sequence[AppliedScorer] = (),
    baseline: Sequence[Result] = (),
    gate: SuiteGate | None = None,
) -> list[Sliced]:
    """Every metric of a run by every field asked for.

    Args:
        slices: which fields; a slice without a metric is of the metrics that gate, else of those
            that pass or fail, else of all.
        baseline: results of another run over the same rows; empty for none.
    Raises:
        InvalidRequest: there is no such field or metric.
    """
    gate = gate or SuiteGate()
    ids = [example.example_id for example in examples]
    after, before = vectors_of(candidate, ids), vectors_of(baseline, ids) if baseline else {}
    higher = {scorer.name: scorer.higher_is_better for scorer in scorers}
    asked = [(each, name) for each in slices for name in _metrics(each, after, gate)]
    gating = sum(each.max_gap is not None for each, _ in asked)
    clusters = clusters_of(examples)
    judges = [scorer.name for scorer in scorers if scorer.tier == "judge"]
    found = []
    for each, name in asked:
        looked = _Looked(
            metric=name,
            after=after[name],
            before=before.get(name),
            higher=direction(name, higher, after[name], before.get(name)),
            scale=scale_in(name, scorers, after[name], before.get(name)),
            clusters=clusters,
            gate=gate,
            voted=(baseline, candidate) if is_of(name, judges) else ((), ()),
        )
        found.append(looked.by(each, grouped(each.by, examples), tests=gating))
    return _adjusted(found)


def grouped(by: str, examples: Sequence[Example]) -> dict[str, list[str]]:
    """Ids of the rows of each group; a row with several tags is in several.

    Args:
        by: `tag`, `split`, `cluster`, `language`, `length` or `metadata.KEY`.
    Raises:
        InvalidRequest: none of these.
    """
    if by == "length":
        return _thirds(examples)
    keys = _KEYS.get(by)
    if keys is None and by.startswith("metadata.") and len(by) > len("metadata."):
        keys = partial(_of_metadata, path=by.partition(".")[2])
    if keys is None:
        raise InvalidRequest(
            f"rows cannot be grouped by {by[:100]!r}",
            where="slices.by",
            fix=f"use {', '.join([*_KEYS, 'length'])} or metadata.KEY",
        )
    groups: dict[str, list[str]] = {}
    for row in examples:
        for key in keys(row) or (None,):
            groups.setdefault(NONE if key is None else key, []).append(row.example_id)
    return groups


class _Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a run, and what it is looked at with."""

    metric: str
    after: Vector
    before: Vector | None
    higher: bool
    scale: tuple[float, float] | None
    clusters: Mapping[str, str]
    gate: SuiteGate
    voted: tuple[Sequence[Result], Sequence[Result]]

    def by(self, each: Slice, groups: Mapping[str, list[str]], *, tests: int) -> Sliced:
        order = list(groups)
        if each.by != "length":
            order.sort(key=lambda key: (key == NONE, -len(groups[key]), key))
        shown = order[:_MOST_GROUPS]
        looked = tuple(self._group(key, groups[key], each.min_cases) for key in shown)
        return Sliced(
            by=each.by,
            metric=self.metric,
            higher_is_better=self.higher,
            groups=looked,
            more=len(order) - len(shown),
            gap=self._gap(each, groups, tests) if each.max_gap is not None else None,
        )

    def _group(self, key: str, ids: Sequence[str], min_cases: int) -> Group:
        estimate = self._summary(ids, self.gate.confidence)
        small = estimate.n < min_cases
        comparison = None if self.before is None else self._compared(self.before, ids)
        p_value = None
        if not small:
            p_value = self._against_rest(ids) if comparison is None else comparison.p_value
        return Group(
            key=key, estimate=estimate, small=small, p_value=p_value, comparison=comparison
        )

    def _summary(self, ids: Sequence[str], confidence: float) -> Estimate:
        values = self.after.values
        found = summarise(
            self.metric,
            {key: values[key] for key in ids},
            binary=self.after.binary,
            higher_is_better=self.higher,
            scale=self.scale,
            clusters=self.clusters,
            confidence=confidence,
        )
        own = self._of(ids)[1]
        found = as_sure_as_its_judges(found, own, self.metric, groups=self.clusters)
        return covering(found, self.after.judgements(ids))

    def _compared(self, before: Vector, ids: Sequence[str]) -> Comparison:
        found = compare(
            self.metric,
            {key: before.values[key] for key in ids},
            {key: self.after.values[key] for key in ids},
            binary=before.binary and self.after.binary,
            higher_is_better=self.higher,
            scale=self.scale,
            clusters=self.clusters,
            confidence=self.gate.confidence,
        )
        old, new = self._of(ids)
        found = compared_as_sure(found, old, new, groups=self.clusters)
        return compared(found, before, self.after, ids)

    def _of(self, ids: Sequence[str]) -> tuple[list[Result], list[Result]]:
        """What judges said of some cases, in the baseline and in the run."""
        wanted = set(ids)
        old, new = ([one for one in each if one.example_id in wanted] for each in self.voted)
        return old, new

    def _against_rest(self, ids: Sequence[str]) -> float | None:
        inside = set(ids)
        scored = [key for key, value in self.after.values.items() if value is not None]
        sides = [[key for key in scored if (key in inside) is wanted] for wanted in (True, False)]
        if min(map(len, sides)) < 2:
            return None
        (own, own_keys), (rest, rest_keys) = (self._side(side) for side in sides)
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

    def _side(self, ids: Sequence[str]) -> tuple[list[float], list[str] | None]:
        values = [value for key in ids if (value := self.after.values[key]) is not None]
        keys = [self.clusters.get(key, f"example {key}") for key in ids] if self.clusters else None
        return values, keys

    def _gap(self, each: Slice, groups: Mapping[str, list[str]], tests: int) -> Gap:
        named = {
            key: ids for key, ids in groups.items() if key not in (NONE, UNKNOWN, UNKNOWN_LATIN)
        }
        values = self.after.values
        sizes = {key: len(ids) for key, ids in named.items()}
        scored = [value for value in values.values() if value is not None]
        return largest_gap(
            sizes,
            lambda key, confidence: self._summary(named[key], confidence),
            allowed=each.max_gap or 0.0,
            min_cases=each.min_cases,
            coverage=self.gate.coverage,
            confidence=self.gate.confidence,
            tests=max(1, tests),
            in_points=self.higher and all(0 <= value <= 1 for value in scored),
            higher_is_better=self.higher,
        )


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


def _adjusted(found: Sequence[Sliced]) -> list[Sliced]:
    """With p-values adjusted over all groups of all slices."""
    tests = [g.p_value for each in found for g in each.groups if g.p_value is not None]
    adjusted = iter(benjamini_hochberg(tests))
    return [
        msgspec.structs.replace(
            each,
            groups=tuple(
                group
                if group.p_value is None
                else msgspec.structs.replace(group, p_adjusted=next(adjusted))
                for group in each.groups
            ),
        )
        for each in found
    ]


def _metrics(each: Slice, after: Mapping[str, Vector], gate: SuiteGate) -> list[str]:
    if each.metric is not None:
        if each.metric not in after:
            raise InvalidRequest(
                f"the run has no metric {each.metric[:100]!r}",
                where="slices.metric",
                fix=f"use one of {', '.join(after)}" if after else "score something with it",
            )
        return [each.metric]
    gating = [rule.metric for rule in gate.rules if rule.metric in after]
    return gating or [name for name in after if after[name].verdicts] or list(after)


def _thirds(examples: Sequence[Example]) -> dict[str, list[str]]:
    """Rows by the length of their input; equal lengths stay together."""
    lengths = {row.example_id: len(said(row.input)) for row in examples}
    order = sorted(lengths.values())
    first, second = (order[len(order) * k // 3] for k in (1, 2)) if order else (0, 0)
    names = (f"up to {first} characters", f"up to {second} characters", "longer")
    groups: dict[str, list[str]] = {name: [] for name in names}
    for key, length in lengths.items():
        groups[names[0 if length <= first else 1 if length <= second else 2]].append(key)
    return {name: ids for name, ids in groups.items() if ids}


def said(value: Any) -> str:
    """An input or an answer as text."""
    return text_of(value) or ("" if value is None else str(value))


def _language(row: Example) -> str:
    for key in ("language", "lang", "locale"):
        told = row.metadata.get(key)
        if isinstance(told, str) and told:
            return told.replace("_", "-").partition("-")[0].lower()
    return guessed(said(row.input))


def _of_metadata(row: Example, *, path: str) -> list[str | None]:
    """What is said at a key of the metadata, or at a path of keys."""
    value: Any = row.metadata.get(path)
    if value is None:
        value = row.metadata
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
    if value is None or value == "":
        return [None]
    return [str(value).lower() if isinstance(value, bool) else said(value)]


_KEYS: Mapping[str, Callable[[Example], Sequence[str | None]]] = {
    "tag": lambda row: row.tags,
    "split": lambda row: [row.split],
    "cluster": lambda row: [row.cluster],
    "language": lambda row: [_language(row)],
}
