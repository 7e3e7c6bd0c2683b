"""Runs as they are stored: found by name, with their results and the rows they were made over.

Names go in; runs with what they are made of come out. It computes nothing and writes nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from trimtab.errors import Conflict, NotFound, RequestError
from trimtab.experiments.decision import Measured
from trimtab.experiments.verdict import require_comparable
from trimtab.ports import MetadataStore, ScoreQuery, TelemetryStore
from trimtab.records import Example, Result, Run, Score

LAST = "last"
_EVERY = 10_000_000
_MOST_RUNS = 1000


class Rows(NamedTuple):
    """The rows of runs; of `unknown` of them only the id is, from the results."""

    examples: Sequence[Example]
    unknown: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What not knowing some of them means for intervals and tests; nothing where all are."""
        if not self.unknown:
            return ()
        total = len(self.examples)
        which = "this case is" if total == 1 else f"these {total:,} cases are"
        if self.unknown < total:
            which = f"{self.unknown:,} of these {total:,} cases are"
        note = (
            f"the rows of {which} not on this server, so their clusters are not known: each counts"
            " as independent, and where some belong together intervals are too narrow"
        )
        return (note,)


class StoredRuns:
    """Reads the runs of a server."""

    def __init__(self, *, metadata: MetadataStore, telemetry: TelemetryStore) -> None:
        self._metadata = metadata
        self._telemetry = telemetry

    def run(self, project: str, name: str) -> Run:
        """A run by its id, by its name (the newest finished one), or `last`.

        Raises:
            NotFound: there is none.
        """
        try:
            return self._metadata.runs.get(project, name)
        except NotFound:
            done = self._last(project) if name == LAST else self._done(project, name)
            if done:
                return done[0]
        what = "no finished run" if name == LAST else f"no run {name[:200]!r}"
        raise NotFound(
            f"there is {what}", where="run", fix="see `trimtab runs list` for what there is"
        )

    def measured(self, project: str, name: str) -> Measured:
        """A run by any of its names, with its results. Raises NotFound."""
        return self._with_results(self.run(project, name))

    def pair(self, project: str, run: str, baseline: str) -> tuple[Measured, Measured]:
        """A run and its baseline.

        As a baseline `last` is the newest run that stands. A name and `last` that mean the same
        run are the newest of that name and the one before it that stands, over the same rows if
        there is one.

        Raises:
            NotFound: one is not there.
            Conflict: they are one run, or cannot be compared.
        """
        candidate = self.run(project, run)
        against = self._before(candidate) if baseline == LAST else self.run(project, baseline)
        if candidate.run_id == against.run_id:
            named = run == LAST and baseline == candidate.name
            earlier = self._earlier(candidate) if named else None
            if earlier is None:
                raise _same(candidate, alone=named)
            against = earlier
        require_comparable(candidate, against)
        return self._with_results(candidate), self._with_results(against)

    def rows(self, *measured: Measured) -> Rows:
        """The rows that runs were made over; where they are not stored, what the results know."""
        seen = {result.example_id: None for each in measured for result in each.results}
        known = [row for row in self._rows(measured[0].run) if row.example_id in seen]
        named = {row.example_id for row in known}
        others = [Example(example_id=key, input=None) for key in seen if key not in named]
        return Rows(known + others, len(others))

    def _rows(self, run: Run) -> list[Example]:
        datasets = self._metadata.datasets
        try:
            rows = datasets.examples(run.project, datasets.get(run.project, run.dataset).ref)
        except RequestError:
            return []
        return [row for row in rows if run.split is None or row.split == run.split]

    def _done(self, project: str, name: str | None) -> list[Run]:
        """Finished runs, newest first."""
        found = self._metadata.runs.list(project, limit=_MOST_RUNS, name=name)
        return [run for run in found if run.status == "done"]

    def _last(self, project: str) -> list[Run]:
        """Finished runs that were not made only to compare others with, newest first."""
        return [run for run in self._done(project, None) if run.role != "baseline"]

    def _before(self, run: Run) -> Run:
        """The newest other run that stands, over the same rows if there is one. Raises NotFound."""
        found = self._standing(run, self._last(run.project))
        if found is None:
            raise NotFound(
                "there is no finished run that its gate did not fail",
                where="baseline",
                fix="name a run by its id; see `trimtab runs list`",
            )
        return found

    def _earlier(self, run: Run) -> Run | None:
        """The newest other of the same name that stands, over the same rows if there is one."""
        return self._standing(run, self._done(run.project, run.name))

    def _standing(self, run: Run, runs: Sequence[Run]) -> Run | None:
        others = [other for other in runs if other.run_id != run.run_id and other.stands]
        rows = (run.dataset_digest, run.split)
        same = [other for other in others if (other.dataset_digest, other.split) == rows]
        return next(iter(same or others), None)

    def _with_results(self, run: Run) -> Measured:
        results = list(self._metadata.runs.results(run.project, run.run_id))
        return Measured(run, results or self._of_scores(run))

    def _of_scores(self, run: Run) -> list[Result]:
        """Results of a run from before results were kept: its scores are there, no answers."""
        found = self._telemetry.scores(
            ScoreQuery(project=run.project, run=run.run_id, limit=_EVERY)
        )
        own = {scorer.name for scorer in run.scorers}
        by_example: dict[str, list[Score]] = {}
        for score in sorted(found, key=lambda score: score.time_ns):
            if score.target.kind == "example" and score.name.partition(".")[0] in own:
                by_example.setdefault(score.target.id, []).append(score)
        return [Result(example_id=key, scores=tuple(own)) for key, own in by_example.items()]


def _same(run: Run, *, alone: bool) -> Conflict:
    if alone:
        return Conflict(
            f"run {run.run_id} is the only finished run named {run.name!r} to compare with",
            where="baseline",
            fix="run it again, or name another run to compare with",
        )
    listed = f"trimtab runs list --name {shlex.quote(run.name)}"
    return Conflict(
        f"run {run.run_id} ({run.name}) is on both sides of the comparison",
        where="baseline",
        fix=f"name an earlier run by its id; `{listed}` shows them",
    )
