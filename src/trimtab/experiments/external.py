"""Runs that are executed elsewhere: opened, filled with results, ended.

What whoever executes it says goes to the stores; the scores are copied to the telemetry, so that
they can be asked for beside those of live traffic. It executes nothing and judges nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from trimtab.errors import Conflict, Forbidden, NotFound
from trimtab.experiments.evidence import VOUCHING, was_promoted_on
from trimtab.experiments.incoming import refuse_late, refuse_wrong
from trimtab.experiments.silence import HERE, heard
from trimtab.ports import Clock, ReleaseStore, RunStore, TelemetryStore
from trimtab.records import AppliedScorer, Estimate, Principal, Result, Run, Score, Verdict
from trimtab.records.run import RunRole, RunStatus, RunTier

_Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,100}$(?!\n)")]
_Name = Annotated[str, Meta(min_length=1, max_length=500)]
_Text = Annotated[str, Meta(max_length=500)]
_Source = Annotated[str, Meta(pattern=r"^[a-z0-9_.-]{1,50}$(?!\n)")]


class RunOpening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run as whoever executes it describes it; the fields are those of a run.

    `run_id` is chosen by whoever executes it, so that opening it twice opens one.
    """

    run_id: _Id
    name: _Name
    dataset: _Name
    dataset_digest: _Text = ""
    split: str | None = None
    release: str | None = None
    release_digest: str | None = None
    scorers: Annotated[tuple[AppliedScorer, ...], Meta(max_length=1000)] = ()
    task: Annotated[str, Meta(max_length=2000)] = ""
    task_digest: _Text = ""
    variant: Annotated[dict[str, str], Meta(max_length=50)] = {}
    suite: _Text | None = None
    suite_digest: _Text = ""
    role: RunRole = "candidate"
    tier: RunTier = "full"
    repeats: Annotated[int, Meta(ge=1, le=1000)] = 1
    seed: int | None = None
    source: _Source = "eval"
    commit: _Text | None = None
    started_ns: Annotated[int, Meta(ge=0)]
    total: Annotated[int, Meta(ge=0)]


class RunEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a run came to its end, and what it found."""

    status: RunStatus
    done: Annotated[int, Meta(ge=0)]
    error: Annotated[str, Meta(max_length=2000)] | None = None
    metrics: dict[str, Estimate] = {}
    verdict: Verdict | None = None
    cost_usd: Decimal | None = None
    ended_ns: int | None = None


class ExternalRuns:
    """Takes runs from elsewhere into the stores.

    What anybody says of their own run is no evidence to promote on: it is vouched for only when
    all of it comes from principals who could promote without it. A finished run that a release was
    promoted on is not written any more.
    """

    def __init__(
        self, *, runs: RunStore, releases: ReleaseStore, telemetry: TelemetryStore, clock: Clock
    ) -> None:
        self._runs = runs
        self._releases = releases
        self._telemetry = telemetry
        self._clock = clock

    def open(self, principal: Principal, opening: RunOpening) -> Run:
        """The run, stored as running; one that is there already goes on.

        Raises:
            Conflict: there is another run with this id, or a release was promoted on it.
            Forbidden: it is vouched for, and the principal cannot vouch.
        """
        given = {name: getattr(opening, name) for name in opening.__struct_fields__}
        given["source"] = "eval" if opening.source == HERE else opening.source
        run = Run(
            project=principal.project,
            author=principal.id,
            vouched=principal.may(VOUCHING),
            heard_ns=self._clock.now_ns(),
            **given,
        )
        try:
            known = self._runs.get(run.project, run.run_id)
        except NotFound:
            self._runs.put(run)
            return run
        self._refuse(known, principal)
        if (known.dataset_digest, known.task_digest) != (run.dataset_digest, run.task_digest):
            raise Conflict(
                f"run {run.run_id} is over other examples, or of another task",
                fix="open it with an id of its own",
            )
        if (known.status, known.dataset) != ("running", run.dataset):
            # The same rows may be stored by now, or under another name.
            known = msgspec.structs.replace(
                known,
                dataset=run.dataset,
                status="running",
                error=None,
                ended_ns=None,
                heard_ns=self._clock.now_ns(),
            )
            self._runs.put(known)
        return known

    async def append(self, principal: Principal, run_id: str, results: Sequence[Result]) -> None:
        """Make results durable, and their scores known to the telemetry.

        No results say that whoever executes the run is still at it.

        Raises:
            NotFound: there is no such run.
            InvalidRequest: a number of them cannot be, or a score is of another run.
            Conflict: the run has ended, the server executes it itself, or a release was promoted
                on it.
            Forbidden: it is vouched for, and the principal cannot vouch.
        """
        project = principal.project
        run = await asyncio.to_thread(self._runs.get, project, run_id)
        self._refuse(run, principal)
        refuse_wrong(run, results)
        refuse_late(run)
        await asyncio.to_thread(heard, self._runs, run, self._clock)
        own = [_of_run(result, project, run_id) for result in results]
        scores = [score for result in own for score in result.scores]
        await asyncio.to_thread(self._runs.append, project, run_id, own)
        if scores:
            await asyncio.wrap_future(self._telemetry.append(scores=scores))

    def end(self, principal: Principal, run_id: str, end: RunEnd) -> Run:
        """The run with its end, stored.

        Raises:
            NotFound: there is no such run.
            Conflict: the server executes it itself, or a release was promoted on it.
            Forbidden: it is vouched for, and the principal cannot vouch.
        """
        run = self._runs.get(principal.project, run_id)
        self._refuse(run, principal)
        ended_ns = end.ended_ns if end.ended_ns is not None else self._clock.now_ns()
        ended = msgspec.structs.replace(
            run,
            status=end.status,
            done=end.done,
            error=end.error,
            metrics=end.metrics,
            verdict=end.verdict,
            cost_usd=end.cost_usd,
            ended_ns=None if end.status == "running" else ended_ns,
        )
        self._runs.put(ended)
        return ended

    def _refuse(self, run: Run, principal: Principal) -> None:
        """Refuse what would make a run something else than it says."""
        if run.source == HERE:
            raise Conflict(
                f"run {run.run_id} is executed by this server",
                where="run_id",
                fix="open a run of your own with POST /api/v1/runs/external",
            )
        if run.vouched and not principal.may(VOUCHING):
            raise Forbidden(
                f"run {run.run_id} was opened by {run.author}, who may promote on it",
                where="run_id",
                fix=f"open a run of your own, or use a key with {VOUCHING}",
                permission=VOUCHING,
            )
        if run.status == "done" and was_promoted_on(self._releases, run):
            raise Conflict(
                f"a release was promoted on run {run.run_id}, which stays as it was",
                where="run_id",
                fix="open a run of your own, with an id of its own",
            )


def _of_run(result: Result, project: str, run_id: str) -> Result:
    """A result whose scores are this run's, whatever they say."""
    if all(score.project == project and score.run == run_id for score in result.scores):
        return result
    scores = tuple(_moved(score, project, run_id) for score in result.scores)
    return msgspec.structs.replace(result, scores=scores)


def _moved(score: Score, project: str, run_id: str) -> Score:
    return msgspec.structs.replace(score, project=project, run=run_id)
