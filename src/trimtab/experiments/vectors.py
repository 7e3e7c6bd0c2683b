"""Scores as vectors: one number, or its absence, for each example of a run and each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from trimtab.records import Score
from trimtab.scorers.abstention import ABSTAINED


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over the examples of a run; None where there is no judgement.

    `binary` says that every judgement is passed or not; `abstained` that some answers made no claim
    that this metric could judge, so that its coverage is low by design.
    """

    values: Mapping[str, float | None]
    binary: bool
    abstained: bool = False


def vectors(scores: Sequence[Score], example_ids: Sequence[str]) -> dict[str, Vector]:
    """Group the scores of a run by metric; examples without a score of it count as unscored.

    Of two scores of one example by one metric the later counts. Labels are no numbers: a metric
    that gives them has no vector.
    """
    found: dict[str, dict[str, Score]] = {}
    for score in sorted(scores, key=lambda score: score.time_ns):
        if score.target.kind == "example":
            found.setdefault(score.name, {})[score.target.id] = score
    result = {}
    for name, by_example in sorted(found.items()):
        given = [score for score in by_example.values() if score.number is not None]
        if not given and any(score.label for score in by_example.values()):
            continue
        result[name] = Vector(
            values={key: _number(by_example.get(key)) for key in example_ids},
            binary=bool(given) and all(score.passed is not None for score in given),
            abstained=any(_made_no_claim(score) for score in by_example.values()),
        )
    return result


def _made_no_claim(score: Score) -> bool:
    return score.status == "unscored" and score.reason == ABSTAINED.reason


def _number(score: Score | None) -> float | None:
    return score.number if score is not None and score.status == "scored" else None
