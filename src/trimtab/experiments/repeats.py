"""Repeats: k answers to one example are one case, whose score is the mean of its repeats.

Results go in; a vector for each metric, the headlines of a run, and cases that pass k of n come
out. Pure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from trimtab.experiments.rules import GateRule
from trimtab.experiments.suite import CaseRule
from trimtab.experiments.vectors import (
    Vector,
    counts_passes,
    covering,
    is_verdict,
    made_no_claim,
)
from trimtab.records import AppliedScorer, Estimate, Example, Result, Score

LEAST_SHARE = 0.5
"""Of the repeats of a case so many must be scored for the case to have a score."""


class _Metric(msgspec.Struct):
    """What one metric says of each example, as it is gathered."""

    numbers: dict[str, float | list[float]] = {}
    verdicts: bool = True
    passing: bool = True
    labelled: bool = False
    abstained: dict[str, int] = {}

    def add(self, example_id: str, score: Score) -> None:
        number = score.number if score.status == "scored" else None
        if number is None:
            self.labelled = self.labelled or score.label is not None
            if made_no_claim(score):
                self.abstained[example_id] = self.abstained.get(example_id, 0) + 1
            return
        self.verdicts = self.verdicts and is_verdict(score)
        self.passing = self.passing and counts_passes(score)
        earlier = self.numbers.get(example_id)
        if earlier is None:
            self.numbers[example_id] = number
        elif isinstance(earlier, list):
            earlier.append(number)
        else:
            self.numbers[example_id] = [earlier, number]

    def vector(
        self, example_ids: Iterable[str], asked: Mapping[str, int], failed: Mapping[str, int]
    ) -> Vector:
        values: dict[str, float | None] = {}
        judged: dict[str, tuple[int, int]] = {}
        whole = verdicts = self.verdicts and bool(self.numbers)
        for example_id in example_ids:
            number = self.numbers.get(example_id)
            there = len(number) if isinstance(number, list) else int(number is not None)
            judged[example_id] = there, max(1, there, asked.get(example_id, 0))
            if there < LEAST_SHARE * judged[example_id][1]:
                values[example_id] = None
                continue
            if isinstance(number, list):
                number = sum(number) / len(number)
            whole = whole and number in (0.0, 1.0)
            values[example_id] = number
        lacking = {key: of - there for key, (there, of) in judged.items() if there < of}
        return Vector(
            values=values,
            binary=whole,
            verdicts=verdicts,
            passing=self.passing and bool(self.numbers),
            abstained={key for key, n in self.abstained.items() if n == asked[key]},
            failed={key: min(n, lacking[key]) for key, n in failed.items() if key in lacking},
            judged=judged if max(asked.values(), default=0) > 1 else None,
        )


def vectors_of(results: Iterable[Result], example_ids: Sequence[str]) -> dict[str, Vector]:
    """One number, or its absence, for each example and metric; repeats are averaged.

    A repeat that could not be scored is left out of the mean; a case of whose repeats less than
    `LEAST_SHARE` could be is None. A metric stays binary only where all repeats of every case
    agree. One that gives only labels has no vector.
    """
    metrics: dict[str, _Metric] = {}
    asked: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for result in results:
        asked[result.example_id] += 1
        if result.error is not None:
            failed[result.example_id] += 1
        for score in result.scores:
            metric = metrics.get(score.name)
            if metric is None:
                metric = metrics[score.name] = _Metric()
            metric.add(result.example_id, score)
    return {
        name: metric.vector(example_ids, asked, failed)
        for name, metric in sorted(metrics.items())
        if metric.numbers or not metric.labelled
    }


def headlines(
    results: Sequence[Result],
    examples: Sequence[Example],
    scorers: Sequence[AppliedScorer],
    confidence: float = 0.95,
) -> dict[str, Estimate]:
    """The headline of each metric over all examples of a run."""
    from trimtab.experiments.compare import summarise  # numpy, which only an ending run needs
    from trimtab.experiments.reducers import of_run

    higher = {scorer.name: scorer.higher_is_better for scorer in scorers}
    clusters = clusters_of(examples)
    ids = [example.example_id for example in examples]
    vectors = vectors_of(results, ids)
    found = {
        name: summarise(
            name,
            vector.values,
            binary=vector.binary,
            higher_is_better=direction(name, higher, vector),
            scale=scale_in(name, scorers, vector),
            clusters=clusters,
            confidence=confidence,
        )
        for name, vector in vectors.items()
    }
    found = {name: covering(each, vectors[name].judgements()) for name, each in found.items()}
    found |= of_run(results, examples, clusters, confidence)
    if all(scorer.tier != "judge" for scorer in scorers):
        return found
    from trimtab.experiments.debiasing import as_sure_as_its_judges

    return {
        name: as_sure_as_its_judges(
            estimate,
            results,
            name,
            groups=clusters,
            scale=scale_in(name, scorers, vectors.get(name)),
        )
        for name, estimate in found.items()
    }


def clusters_of(examples: Iterable[Example]) -> dict[str, str]:
    """The groups that errors are correlated in; an example that names none is its own.

    Rows that are the same but for their ids are one question asked several times, and belong
    together whether somebody says so or not.
    """
    rows = list(examples)
    found = {each.example_id: each.cluster for each in rows if each.cluster is not None}
    first: dict[object, Example] = {}
    alike: dict[object, list[Example]] = {}
    for row in rows:
        if row.cluster is None and row.input is not None:
            key = row.input if isinstance(row.input, str) else _text(row.input)
            known = first.setdefault(key, row)
            if known is not row:
                alike.setdefault(key, [known]).append(row)
    for group in alike.values():
        found |= _same(group)
    return found


def _same(rows: Sequence[Example]) -> dict[str, str]:
    """Rows of one input that agree in everything else too, each with the first of them."""
    first: dict[bytes, str] = {}
    found = {}
    for row in rows:
        content = _text([row.input, row.expected, row.context, row.metadata])
        known = first.setdefault(content, row.example_id)
        if known != row.example_id:
            found[row.example_id] = found[known] = f"same as {known}"
    return found


def _text(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def direction(metric: str, higher: Mapping[str, bool], *vectors: Vector | None) -> bool:
    """Whether more is better of a metric: its own name, else that of the scorer it is part of.

    Args:
        higher: whether more is better of what a scorer measures, by its name.
        vectors: what the metric says of each run. Where all of them count what passed, as `length`
            with a bound does, more is better whatever is measured.
    """
    judged = [vector for vector in vectors if vector is not None and _has_scores(vector)]
    if judged and all(vector.passing for vector in judged):
        return True
    if metric in higher:
        return higher[metric]
    if any(part in metric for part in (".roc_auc", ".pr_auc", ".pass@", ".pass^")):
        return True  # whatever the scorer measures: how well it sorts, and how much passes
    return higher.get(metric.partition(".")[0], True)


def ruled_direction(
    rule: GateRule | None, metric: str, higher: Mapping[str, bool], *vectors: Vector | None
) -> bool:
    """Whether more is better of a metric, by a rule that says so, else as the metric says."""
    if rule is None or rule.direction is None:
        return direction(metric, higher, *vectors)
    return rule.direction == "higher"


def is_of(metric: str, scorers: Collection[str]) -> bool:
    """Whether a metric is what one of these scorers measures, or a part of it."""
    return metric in scorers or metric.partition(".")[0] in scorers


def scale_in(
    metric: str, scorers: Iterable[AppliedScorer], *vectors: Vector | None
) -> tuple[float, float] | None:
    """What bounds a metric: the scale of its own name, else of the scorer it is part of.

    Where it only says passed or not, whatever is measured, it is a share.
    """
    judged = [vector for vector in vectors if vector is not None and _has_scores(vector)]
    if judged and all(vector.verdicts for vector in judged):
        return 0.0, 1.0
    scales = {scorer.name: scorer.scale for scorer in scorers}
    found = scales[metric] if metric in scales else scales.get(metric.partition(".")[0])
    return None if found is None else (found[0], math.inf if found[1] is None else found[1])


def _has_scores(vector: Vector) -> bool:
    return any(value is not None for value in vector.values.values())


def passing(
    results: Iterable[Result],
    rule: CaseRule,
    example_ids: Iterable[str] = (),
    *,
    repeats: int = 1,
) -> dict[str, bool | None]:
    """Whether each case passes a k-of-n rule; None where too few repeats could be scored to say.

    A repeat passes where its score says so, or with a score of 1.

    Args:
        example_ids: the cases that there should be; one without a result is not known to pass.
        repeats: how many there should be of each; those that are not there are not scored.
    """
    counts: dict[str, list[int]] = {key: [0, 0, 0] for key in example_ids}
    for result in results:
        count = counts.setdefault(result.example_id, [0, 0, 0])
        said = (_passes(score) for score in result.scores if score.name == rule.metric)
        passed = next((each for each in said if each is not None), None)
        count[0] += passed is True
        count[1] += passed is not None
        count[2] += 1
    return {
        case: _verdict(rule, passed, scored, max(asked, repeats))
        for case, (passed, scored, asked) in counts.items()
    }


def _passes(score: Score) -> bool | None:
    if score.status != "scored" or score.number is None:
        return None
    return score.number == 1.0 if score.passed is None else score.passed


def _verdict(rule: CaseRule, passed: int, scored: int, asked: int) -> bool | None:
    needed = asked if rule.at_least is None else rule.at_least
    if passed >= needed:
        return True
    return False if passed + (asked - scored) < needed else None
