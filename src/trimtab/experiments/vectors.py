"""Scores as vectors: one number, or its absence, for each example of a run and each metric."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from trimtab.records import Comparison, Estimate, Score
from trimtab.scorers.abstention import ABSTAINED
from trimtab.scorers.judgement import VERDICTS

Judgements = tuple[int, int] | None
"""How many there are, and how many were asked for; None where each case has one."""


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """One metric over the examples of a run; None where there is no judgement.

    `verdicts` says that every judgement is passed or not, so that numbers are shares where repeats
    do not agree; `binary` that all of those do, so that each number is 0 or 1; `passing` that they
    are shares of what passed, so that more is better whatever is judged. `abstained` are the cases
    whose answers made no claim that this metric could judge: they lack a number by design. `failed`
    is how many answers of a case the task failed to give, where that is why judgements are missing.
    `judged` is, where cases have several repeats, how many of those were judged of how many there
    are, by example.
    """

    values: Mapping[str, float | None]
    binary: bool
    verdicts: bool = False
    passing: bool = False
    abstained: Collection[str] = ()
    failed: Mapping[str, int] = {}
    judged: Mapping[str, tuple[int, int]] | None = None

    def without(self, example_ids: Collection[str]) -> Vector:
        """The other cases."""
        values = {key: value for key, value in self.values.items() if key not in example_ids}
        return msgspec.structs.replace(self, values=values)

    def only(self, example_ids: Iterable[str]) -> Vector:
        """These cases alone."""
        return msgspec.structs.replace(self, values={key: self.values[key] for key in example_ids})

    def with_failed_as(self, worst: float) -> dict[str, float | None]:
        """The numbers with each answer that the task failed to give taken to have this one."""
        found = dict(self.values)
        for key in self.failed.keys() & found.keys():
            value, failed = found[key], self.failed[key]
            there = 1 if self.judged is None else self.judged[key][0]
            found[key] = (
                worst if value is None else (value * there + worst * failed) / (there + failed)
            )
        return found

    def judgements(self, example_ids: Iterable[str] | None = None) -> Judgements:
        """Those there are, and how many were asked for, of some examples or of all."""
        if self.judged is None:
            return None
        wanted = self.values if example_ids is None else example_ids
        counts = [self.judged[key] for key in wanted]
        return sum(there for there, _ in counts), sum(asked for _, asked in counts)


def covering(estimate: Estimate, judgements: Judgements) -> Estimate:
    """An estimate that says how many judgements it is made of."""
    if judgements is None:
        return estimate
    there, asked = judgements
    return msgspec.structs.replace(estimate, judged=there, asked=asked)


def compared(
    comparison: Comparison, before: Vector, after: Vector, ids: Sequence[str] | None = None
) -> Comparison:
    """A comparison that says how many judgements it is made of.

    The difference has those of the run with the smaller share of them.
    """
    sides = before.judgements(ids), after.judgements(ids)
    worst = min((s for s in sides if s), key=lambda side: side[0] / max(1, side[1]), default=None)
    return msgspec.structs.replace(
        comparison,
        baseline=covering(comparison.baseline, sides[0]),
        candidate=covering(comparison.candidate, sides[1]),
        difference=covering(comparison.difference, worst),
    )


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
            binary=bool(given)
            and all(is_verdict(score) and score.number in (0.0, 1.0) for score in given),
            verdicts=bool(given) and all(map(is_verdict, given)),
            passing=bool(given) and all(map(counts_passes, given)),
            abstained={key for key, score in by_example.items() if made_no_claim(score)},
        )
    return result


def is_verdict(score: Score) -> bool:
    """Whether a judgement is passed or not, or the share of those that a judge made of it."""
    return score.passed is not None or bool(score.metadata.get(VERDICTS))


def counts_passes(score: Score) -> bool:
    """Whether the number of a judgement says passed or not, and nothing else."""
    return score.passed is not None and score.number == float(score.passed)


def made_no_claim(score: Score) -> bool:
    """Whether the answer claimed nothing that could be judged."""
    return score.status == "unscored" and score.reason == ABSTAINED.reason


def _number(score: Score | None) -> float | None:
    return score.number if score is not None and score.status == "scored" else None
