"""What is asked of stored runs: a verdict, changed cases, slices, a ladder, live releases.

Runs, their results and rows are read from the stores; the answers are computed each time, and only
a verdict is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest, NotFound
from trimtab.experiments.calibration import uncalibrated
from trimtab.experiments.evidence import VOUCHING, was_promoted_on
from trimtab.experiments.examples import Change, changes
from trimtab.experiments.gate import GateRule
from trimtab.experiments.ladder import Standing, standing
from trimtab.experiments.live import LiveComparison, LiveScore, compared
from trimtab.experiments.slices import Sliced, sliced
from trimtab.experiments.stored import StoredRuns
from trimtab.experiments.suite import Slice
from trimtab.experiments.verdict import judged
from trimtab.ports import MetadataStore, TelemetryStore
from trimtab.records import Comparison, Principal, Run, Verdict

_MOST_LIVE = 200_000
_LIVE_S = 30.0


class Comparisons:
    """Compares what is stored; belongs to a server."""

    def __init__(self, *, metadata: MetadataStore, telemetry: TelemetryStore) -> None:
        self._metadata = metadata
        self._telemetry = telemetry
        self._stored = StoredRuns(metadata=metadata, telemetry=telemetry)

    def judged(
        self,
        principal: Principal,
        run: str,
        baseline: str,
        rules: Sequence[GateRule] = (),
        *,
        allow_uncalibrated: bool = False,
    ) -> Run:
        """The run with the verdict of the gate against a baseline run, which is stored with it.

        It is answered and not stored where it would change what a promotion rests on: the run is
        evidence already, or it is vouched for, and somebody who may not promote chose what gates.

        Args:
            run, baseline: runs by id, by name, or as `last`.
            allow_uncalibrated: judges without a calibration card gate too.
        """
        candidate, against = self._stored.pair(principal.project, run, baseline)
        rows = self._stored.rows(candidate, against)
        found = judged(
            candidate,
            against,
            rows.examples,
            rules=rules,
            uncalibrated=() if allow_uncalibrated else self._uncalibrated(candidate.run),
            notes=rows.notes,
        )
        chosen = bool(rules) or allow_uncalibrated
        may_store = not (found.vouched and chosen) or principal.may(VOUCHING)
        if may_store and not was_promoted_on(self._metadata.releases, found):
            self._metadata.runs.put(found)
        return found

    def confirmed(self, run: Run) -> Verdict:
        """The verdict on a run computed anew, from the results and rows that are stored.

        The rules are those of the comparisons that gate in its verdict, the usual ones where none
        does. Judges gate that its verdict let gate.

        Raises:
            NotFound: the baseline of its verdict is not stored.
            Conflict: the two runs cannot be compared.
        """
        verdict = run.verdict
        baseline = verdict.baseline_run if verdict is not None else None
        candidate, against = self._stored.pair(run.project, run.run_id, baseline or "")
        gating = [each for each in verdict.comparisons if each.outcome] if verdict else []
        rules = [_rule_of(each) for each in gating]
        rows = self._stored.rows(candidate, against)
        found = judged(candidate, against, rows.examples, rules=rules, notes=rows.notes).verdict
        return found or Verdict(outcome="inconclusive", reasons=("nothing was scored",))

    def changes(
        self, project: str, run: str, baseline: str, *, gating: Collection[str] = ()
    ) -> list[Change]:
        """The cases that changed from a baseline run, losses first."""
        candidate, against = self._stored.pair(project, run, baseline)
        verdict = candidate.run.verdict
        if not gating and verdict is not None and verdict.baseline_run == against.run.run_id:
            gating = [each.metric for each in verdict.comparisons if each.outcome is not None]
        return changes(
            candidate.results,
            against.results,
            self._stored.rows(candidate, against).examples,
            scorers=candidate.run.scorers,
            gating=gating,
        )

    def slices(
        self, project: str, run: str, slices: Sequence[Slice], *, baseline: str | None = None
    ) -> list[Sliced]:
        """A run's metrics by groups of cases, with differences from a baseline run.

        Raises:
            NotFound: its rows are not stored.
        """
        if baseline is None:
            measured = [self._stored.measured(project, run)]
        else:
            measured = list(self._stored.pair(project, run, baseline))
        rows = self._stored.rows(*measured)
        if rows.unknown and rows.unknown == len(rows.examples):
            raise NotFound(
                f"the rows of {measured[0].run.dataset} are not on this server",
                where="dataset",
                fix="store them with `trimtab datasets create`, and run over the dataset",
            )
        return sliced(
            slices,
            measured[0].results,
            rows.examples,
            scorers=measured[0].run.scorers,
            baseline=measured[1].results if baseline is not None else (),
        )

    def ladder(self, project: str, runs: Sequence[str], metric: str | None = None) -> Standing:
        """Several runs over the same rows, the strongest first."""
        measured = [self._stored.measured(project, name) for name in runs]
        if not measured:
            raise InvalidRequest("no run is named", where="runs", fix="name at least two")
        rows = self._stored.rows(*measured)
        found = standing(measured, rows.examples, metric=metric)
        return msgspec.structs.replace(found, notes=rows.notes)

    def live(
        self,
        project: str,
        route: str,
        score: str,
        *,
        base: str | None = None,
        new: str | None = None,
        since_ns: int | None = None,
        bounds: tuple[float, float] = (0.0, 1.0),
        higher_is_better: bool = True,
    ) -> LiveComparison:
        """The live scores of two releases of a route.

        Args:
            base, new: releases as `route@version`, or their versions; without them the two newest
                that have such scores, the older one as the base.
        Raises:
            InvalidRequest: fewer than two releases have such scores, or there are too many scores.
        """
        scores = self._live_scores(project, route, score, since_ns)
        names = sorted({each.release for each in scores}, key=_version)
        given = [_release(route, name) for name in (base, new) if name is not None]
        if base is None or new is None:
            rest = [name for name in names if name not in given]
            if len(rest) < 2 - len(given):
                raise InvalidRequest(
                    f"{len(names)} releases of {route[:100]!r} have live scores {score[:100]!r}",
                    where="route",
                    fix="name both with base and new, or wait until two have some",
                )
            base = _release(route, base) if base else rest[-1 if new else -2]
            new = _release(route, new) if new else rest[-1]
        return compared(
            scores,
            route=route,
            score=score,
            base=_release(route, base),
            new=_release(route, new),
            low=bounds[0],
            high=bounds[1],
            higher_is_better=higher_is_better,
        )

    # -- what is stored ------------------------------------------------------------------------

    def _uncalibrated(self, run: Run) -> dict[str, str]:
        newest_first = self._metadata.cards.list(run.project)
        return uncalibrated(run, {card.digest: card for card in reversed(newest_first)})

    def _live_scores(
        self, project: str, route: str, score: str, since_ns: int | None
    ) -> list[LiveScore]:
        """Scores of calls that no run made, in the order of the calls."""
        text = _LIVE.format(
            route=_quoted(route),
            score=_quoted(score),
            since=int(since_ns or 0),
        )
        table = self._telemetry.sql(project, text, max_rows=_MOST_LIVE, timeout_s=_LIVE_S)
        if table.truncated:
            raise InvalidRequest(
                f"there are more than {_MOST_LIVE:,} such scores",
                where="since",
                fix="look at a shorter period",
            )
        named = {one.release_id: one.ref for one in self._metadata.releases.list(project)}
        return list(_read(table.rows, named))


def _rule_of(comparison: Comparison) -> GateRule:
    """The rule that a gating metric was held to."""
    return GateRule(
        metric=comparison.metric,
        margin=comparison.margin or 0.0,
        floor=comparison.floor,
        direction="higher" if comparison.higher_is_better else "lower",
        must_improve=comparison.must_improve,
    )


_LIVE = """
SELECT spans.release, coalesce(spans.session, spans.trace_id), scores.value, scores.passed
FROM scores JOIN spans
ON scores.target_trace_id = spans.trace_id
AND (scores.target_id = spans.span_id OR scores.target_kind = 'trace')
WHERE scores.name = {score} AND scores.status = 'scored' AND spans.route = {route}
AND spans.release IS NOT NULL AND spans.parent_id IS NULL AND spans.run IS NULL
AND spans.start_ns >= {since}
ORDER BY spans.start_ns, spans.trace_id
"""


def _read(rows: Iterable[Sequence[Any]], named: Mapping[str, str]) -> Iterable[LiveScore]:
    """Scores with the names of their releases, which spans know by their ids."""
    for release, session, value, passed in rows:
        number = passed if value is None else value
        if number is not None:
            yield LiveScore(named.get(release, release), session, float(number))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _release(route: str, name: str) -> str:
    return name if "@" in name else f"{route}@{name}"


def _version(release: str) -> tuple[int, str]:
    version = release.rpartition("@")[2]
    return (int(version) if version.isdecimal() else 0, release)
