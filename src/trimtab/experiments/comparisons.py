"""What is asked of stored runs: a verdict, changed cases, slices, a ladder, live releases.

Runs, their results and rows are read from the stores; the answers are computed each time, and only
a verdict is stored, where that is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from trimtab.errors import Conflict, Forbidden, InvalidRequest, NotFound
from trimtab.experiments.calibration import uncalibrated
from trimtab.experiments.evidence import VOUCHING, was_promoted_on
from trimtab.experiments.examples import Change, changes
from trimtab.experiments.gate import GateRule
from trimtab.experiments.ladder import Standing, standing
from trimtab.experiments.live import LiveComparison, compared
from trimtab.experiments.live_scores import live_scores
from trimtab.experiments.slices import Sliced, sliced
from trimtab.experiments.stored import StoredRuns
from trimtab.experiments.suite import Slice, SuiteGate
from trimtab.experiments.verdict import judged
from trimtab.experiments.words import Told, sentence
from trimtab.ports import MetadataStore, TelemetryStore
from trimtab.records import Comparison, Principal, Run, Verdict
from trimtab.records.gate import Terms


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
        store: bool = False,
    ) -> Run:
        """The run with the verdict of the gate against a baseline run.

        Comparing writes nothing unless that is asked for: the verdict of a run is what it came to
        its end with, and says what may be promoted and what `last` means.

        Args:
            run, baseline: runs by id, by name, or as `last`.
            allow_uncalibrated: judges without a calibration card gate too.
            store: the verdict is kept as the run's own.
        Raises:
            Conflict: the runs cannot be compared; or it is to be stored, and a release was promoted
                on the run.
            Forbidden: it is to be stored with a run that is vouched for, and somebody who may not
                promote chose what gates.
        """
        candidate, against = self._stored.pair(principal.project, run, baseline)
        if store:
            chosen = bool(rules) or allow_uncalibrated
            self._require_storable(principal, candidate.run, chosen=chosen)
        rows = self._stored.rows(candidate, against)
        found = judged(
            candidate,
            against,
            rows.examples,
            gate=SuiteGate(rules=tuple(rules)),
            uncalibrated=() if allow_uncalibrated else self._uncalibrated(candidate.run),
            notes=rows.notes,
        )
        if store:
            self._metadata.runs.put(found)
        return found

    def told(self, project: str, run: str, baseline: str | None = None) -> Told:
        """What came of a run, against a baseline or by its own verdict; nothing is written.

        Against the baseline of its own verdict that one is told, with the rules that gated then.

        Raises:
            NotFound: a run is not there.
            Conflict: the runs cannot be compared.
        """
        if baseline is None:
            found = self._stored.run(project, run)
            named = found.verdict.baseline_run if found.verdict else None
            against = self._known(project, named)
            return Told(run=found, baseline=against, sentence=sentence(found, against))
        candidate, base = self._stored.pair(project, run, baseline)
        own = candidate.run.verdict
        if own is not None and own.baseline_run == base.run.run_id:
            said = sentence(candidate.run, base.run)
            return Told(run=candidate.run, baseline=base.run, sentence=said)
        rows = self._stored.rows(candidate, base)
        found = judged(
            candidate,
            base,
            rows.examples,
            gate=SuiteGate(),
            uncalibrated=self._uncalibrated(candidate.run),
            notes=rows.notes,
        )
        return Told(
            run=found,
            baseline=base.run,
            sentence=sentence(found, base.run),
            cases=len(rows.examples),
        )

    def confirmed(self, run: Run) -> Verdict:
        """The verdict on a run computed anew, from the results and rows that are stored.

        It is given under the terms of the one that the run has: its rules, cases, gaps, coverage
        and certainty, and the judges that were let gate. Of a verdict that has none on record they
        are the rules of the comparisons that gate in it, the usual ones where none does.

        Raises:
            NotFound: the baseline of its verdict is not stored.
            Conflict: the two runs cannot be compared.
        """
        verdict = run.verdict
        baseline = verdict.baseline_run if verdict is not None else None
        candidate, against = self._stored.pair(run.project, run.run_id, baseline or "")
        terms = _terms_of(verdict)
        rows = self._stored.rows(candidate, against)
        found = judged(
            candidate,
            against,
            rows.examples,
            gate=SuiteGate(
                rules=terms.rules,
                cases=terms.cases,
                coverage=terms.coverage,
                confidence=terms.confidence,
                alpha=terms.alpha,
            ),
            slices=terms.gaps,
            uncalibrated=terms.uncalibrated,
            notes=rows.notes,
        ).verdict
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
        scores = live_scores(self._metadata, self._telemetry, project, route, score, since_ns)
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

    def _known(self, project: str, run_id: str | None) -> Run | None:
        try:
            return self._metadata.runs.get(project, run_id) if run_id else None
        except NotFound:
            return None

    # -- what is stored ------------------------------------------------------------------------

    def _require_storable(self, principal: Principal, run: Run, *, chosen: bool) -> None:
        """Refuse to change what a promotion rests on."""
        if run.vouched and chosen and not principal.may(VOUCHING):
            raise Forbidden(
                f"run {run.run_id} may be promoted on, and what gates it is for those to choose who"
                " may promote",
                where="rules",
                fix=f"compare without storing, or use a key with {VOUCHING}",
                permission=VOUCHING,
            )
        if was_promoted_on(self._metadata.releases, run):
            raise Conflict(
                f"a release was promoted on run {run.run_id}, which stays as it was",
                where="run_id",
                fix="compare without storing",
            )

    def _uncalibrated(self, run: Run) -> dict[str, str]:
        newest_first = self._metadata.cards.list(run.project)
        return uncalibrated(run, {card.digest: card for card in reversed(newest_first)})


def _terms_of(verdict: Verdict | None) -> Terms:
    if verdict is None:
        return Terms()
    if verdict.terms is not None:
        return verdict.terms
    return Terms(rules=tuple(_rule_of(each) for each in verdict.comparisons if each.outcome))


def _rule_of(comparison: Comparison) -> GateRule:
    """The rule that a gating metric was held to."""
    return GateRule(
        metric=comparison.metric,
        margin=comparison.margin or 0.0,
        floor=comparison.floor,
        direction="higher" if comparison.higher_is_better else "lower",
        must_improve=comparison.must_improve,
    )


def _release(route: str, name: str) -> str:
    return name if "@" in name else f"{route}@{name}"


def _version(release: str) -> tuple[int, str]:
    version = release.rpartition("@")[2]
    return (int(version) if version.isdecimal() else 0, release)
