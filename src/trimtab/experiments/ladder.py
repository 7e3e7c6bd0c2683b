"""Several runs as one ladder: who beats whom, case by case (Bradley & Terry 1952). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec

from trimtab.errors import Conflict, InvalidRequest, TooLarge
from trimtab.experiments.decision import Measured
from trimtab.experiments.repeats import clusters_of, direction, vectors_of
from trimtab.experiments.vectors import Vector
from trimtab.experiments.words import called
from trimtab.measures.preference import bradley_terry, elo
from trimtab.records import Example

PAIRWISE = "pairwise"
"""The metric whose values are who won against the baseline: 1, 0, or a half for a tie."""

_TIE = 0.5
_MOST = 100
_MOST_CELLS = 50_000_000


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """A run on the ladder. `elo` is the strength where 400 points are odds of ten to one."""

    run_id: str
    name: str
    elo: float
    low: float
    high: float
    wins: int
    losses: int
    ties: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A ladder by one metric, the strongest first, over so many pairs of answers.

    `notes` are sentences on what its intervals do not know.
    """

    metric: str
    rungs: tuple[Rung, ...]
    pairs: int
    confidence: float = 0.95
    notes: tuple[str, ...] = ()


class _Bouts(msgspec.Struct):
    """Every case of every two runs, from the first one's side."""

    first: list[str] = []
    second: list[str] = []
    verdicts: list[float] = []
    clusters: list[str] = []

    def add(self, one: str, other: str, verdict: float, cluster: str) -> None:
        self.first.append(one)
        self.second.append(other)
        self.verdicts.append(verdict)
        self.clusters.append(cluster)


def standing(
    runs: Sequence[Measured], examples: Sequence[Example], *, metric: str | None = None
) -> Standing:
    """The ladder of runs over the same rows, by who has the better score of each case.

    Equal scores are a tie. Cases of one cluster go together in the intervals, and so do the pairs
    of one case.

    Args:
        metric: what decides; without one, the first pass-or-fail metric that all runs have, else
            the first that they have. `pairwise` is who won by itself: a judge's word on each case
            of a run and of the baseline it was judged against, where both are on the ladder.
    Raises:
        Conflict: the runs are over different rows.
        InvalidRequest: fewer than two runs, or a metric that one does not have.
        TooLarge: so many runs over so many cases.
    """
    _require(runs)
    ids = [example.example_id for example in examples]
    found = {each.run.run_id: vectors_of(each.results, ids) for each in runs}
    clusters = clusters_of(examples)
    if metric is not None and metric.partition(".")[0] == PAIRWISE:
        bouts = _judged(runs, {key: own.get(metric) for key, own in found.items()}, clusters)
        return _ladder(runs, metric, bouts, higher=True)
    name = metric or _usual(list(found.values()))
    lacking = [run_id for run_id, own in found.items() if name not in own]
    if lacking:
        raise InvalidRequest(
            f"run {lacking[0]} has no metric {name[:100]!r}",
            where="metric",
            fix="name one that all of them have",
        )
    higher = {scorer.name: scorer.higher_is_better for scorer in runs[0].run.scorers}
    bouts = _bouts({key: own[name] for key, own in found.items()}, clusters)
    given = [own[name] for own in found.values()]
    return _ladder(runs, name, bouts, higher=direction(name, higher, *given))


def _require(runs: Sequence[Measured]) -> None:
    if not 2 <= len({each.run.run_id for each in runs}) <= _MOST:
        raise InvalidRequest(f"a ladder takes 2 to {_MOST} different runs", where="runs")
    digests = {(each.run.dataset_digest, each.run.split) for each in runs}
    if len(digests) > 1:
        raise Conflict(
            "the runs are over different examples: "
            + ", ".join(dict.fromkeys(each.run.dataset for each in runs)),
            fix="run all of them over the same version of the dataset",
        )


def _usual(found: Sequence[Mapping[str, Vector]]) -> str:
    shared = [name for name in found[0] if all(_has_scores(own.get(name)) for own in found)]
    passing = [name for name in shared if all(own[name].verdicts for own in found)]
    if not shared:
        raise InvalidRequest("the runs have no metric in common", where="metric")
    return (passing or shared)[0]


def _has_scores(vector: Vector | None) -> bool:
    return vector is not None and any(value is not None for value in vector.values.values())


def _bouts(vectors: Mapping[str, Vector], clusters: Mapping[str, str]) -> _Bouts:
    bouts = _Bouts()
    for (one, a), (other, b) in combinations(vectors.items(), 2):
        for key, own in a.values.items():
            theirs = b.values[key]
            if own is not None and theirs is not None:
                verdict = _TIE if own == theirs else float(own > theirs)
                bouts.add(one, other, verdict, clusters.get(key, f"example {key}"))
    return bouts


def _judged(
    runs: Sequence[Measured], vectors: Mapping[str, Vector | None], clusters: Mapping[str, str]
) -> _Bouts:
    """What a judge said of each run against its baseline."""
    bouts = _Bouts()
    for each in runs:
        against = each.run.verdict.baseline_run if each.run.verdict is not None else None
        vector = vectors[each.run.run_id]
        if vector is None or against is None or against not in vectors:
            continue
        for key, own in vector.values.items():
            if own is not None:
                cluster = clusters.get(key, f"example {key}")
                bouts.add(each.run.run_id, against, own, cluster)
    return bouts


def _ladder(runs: Sequence[Measured], metric: str, bouts: _Bouts, *, higher: bool) -> Standing:
    if not bouts.verdicts:
        raise InvalidRequest(
            f"no case of two of the runs was compared by {metric[:100]}",
            where="metric",
            fix="name another, or run them over the same rows",
        )
    if len(bouts.verdicts) * len(runs) ** 2 > _MOST_CELLS:
        raise TooLarge(
            f"{len(runs)} runs over so many cases make {len(bouts.verdicts):,} pairs",
            where="runs",
            fix="put fewer runs on the ladder, or run them over a sample",
        )
    verdicts = [verdict if higher else 1 - verdict for verdict in bouts.verdicts]
    ladder = bradley_terry(bouts.first, bouts.second, verdicts, clusters=bouts.clusters)
    names = {each.run.run_id: called(each.run) for each in runs}
    counts = {key: [0, 0, 0] for key in names}
    for one, other, verdict in zip(bouts.first, bouts.second, verdicts, strict=True):
        won = 0 if verdict > _TIE else 1 if verdict < _TIE else 2
        counts[one][won] += 1
        counts[other][(1, 0, 2)[won]] += 1
    rungs = [
        Rung(
            run_id=str(key),
            name=names[str(key)],
            elo=elo(strength.value),
            low=elo(strength.low),
            high=elo(strength.high),
            wins=counts[str(key)][0],
            losses=counts[str(key)][1],
            ties=counts[str(key)][2],
        )
        for key, strength in zip(ladder.competitors, ladder.strengths, strict=True)
    ]
    return Standing(metric=metric, rungs=tuple(rungs), pairs=len(verdicts))
