"""Slices: groups of cases looked at by themselves, to find where a run is weak. Pure.

Rows and scores go in; an estimate with its interval for each group comes out, with the difference
from a baseline where there is one. Looking at many groups finds something by chance: p-values are
adjusted by Benjamini and Hochberg (1995) over all groups that are looked at together, which is for
exploring; only a declared gap gates (`gaps`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.experiments.gaps import Gap
from trimtab.experiments.grouping import NONE, grouped
from trimtab.experiments.groups import Group, Looked
from trimtab.experiments.missing import worst_score
from trimtab.experiments.repeats import clusters_of, direction, is_of, scale_in, vectors_of
from trimtab.experiments.suite import Slice, SuiteGate
from trimtab.experiments.vectors import Vector
from trimtab.measures.significance import benjamini_hochberg
from trimtab.records import AppliedScorer, Example, Result

__all__ = ["Group", "Sliced", "sliced"]

_MOST_GROUPS = 200


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
        sides = [side for side in (after[name], before.get(name)) if side is not None]
        better, scale = direction(name, higher, *sides), scale_in(name, scorers, *sides)
        worst = worst_score(*sides, higher_is_better=better, scale=scale)
        looked = Looked(
            metric=name,
            after=after[name],
            before=before.get(name),
            higher=better,
            scale=scale,
            worst=worst,
            at_worst=after[name].values if worst is None else after[name].with_failed_as(worst),
            clusters=clusters,
            gate=gate,
            voted=(baseline, candidate) if is_of(name, judges) else ((), ()),
        )
        found.append(_by(looked, each, grouped(each.by, examples), tests=gating))
    return _adjusted(found)


def _by(looked: Looked, each: Slice, groups: Mapping[str, list[str]], *, tests: int) -> Sliced:
    """One metric by one field."""
    order = list(groups)
    if each.by != "length":
        order.sort(key=lambda key: (key == NONE, -len(groups[key]), key))
    shown = order[:_MOST_GROUPS]
    return Sliced(
        by=each.by,
        metric=looked.metric,
        higher_is_better=looked.higher,
        groups=tuple(looked.group(key, groups[key], each.min_cases) for key in shown),
        more=len(order) - len(shown),
        gap=looked.gap(each, groups, tests) if each.max_gap is not None else None,
    )


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
