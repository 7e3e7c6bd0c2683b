"""Judging: an answer through the scorers of a run, each in the place it needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from trimtab.errors import TrimtabError
from trimtab.kit.deadline import Deadline
from trimtab.kit.hashing import digest
from trimtab.ports import Clock, Response, Scorer, Subject
from trimtab.records import Example, Result, Score
from trimtab.records.score import ScoreSource, ScoreStatus, score_id
from trimtab.scorers.subjects import of_example

_log = logging.getLogger("trimtab.experiments")
_MAX_REASON = 500
_SOURCE: Mapping[str, ScoreSource] = {"code": "code", "model": "model", "judge": "judge"}


class Judging:
    """The scorers of one run.

    Args:
        scorers: those that block nobody (`inline`) are called where they are, the others side by
            side.
        keep: gets an answer whose scores may take a while.
        baselines: answers of an earlier run by example, for scorers that compare.
        limit_s: for one score of a scorer that waits and has no limit of its own; None for as long
            as it takes. Those that ask judges or embedders are limited by them.

    `may_wait` says that there is a scorer which is not called in place.
    """

    def __init__(
        self,
        scorers: Sequence[Scorer],
        keep: Callable[[Result], None],
        *,
        run: str,
        project: str,
        clock: Clock,
        baselines: Mapping[str, Any],
        limit_s: float | None = None,
    ) -> None:
        self._keep = keep
        self._run = run
        self._project = project
        self._clock = clock
        self._baselines = baselines
        self._limit_s = limit_s
        self._inline = [scorer for scorer in scorers if getattr(scorer, "inline", False)]
        self._slow = [scorer for scorer in scorers if not getattr(scorer, "inline", False)]
        self._order = {scorer.name: place for place, scorer in enumerate(scorers)}
        self.may_wait = bool(self._slow)
        self.wants_samples = any(map(_wants_samples, scorers))

    async def judged(
        self,
        example: Example,
        repeat: int,
        response: Response,
        samples: tuple[Any, ...] | None,
        *,
        known: bool,
    ) -> Result:
        """The result with its scores; an answer that may have to wait for them is kept first."""
        subject = of_example(
            example,
            response,
            project=self._project,
            run=self._run,
            samples=samples,
            baseline=self._baselines.get(example.example_id) if self._baselines else None,
        )
        scores: list[Score] = []
        for scorer in self._inline:
            scores += await self._scored(scorer, subject)
        if self._slow:
            if not known:
                self._keep(
                    result_of(example, repeat, response, tuple(scores), self._clock.now_ns())
                )
            scores += await self._slowly(subject, failed=response.error is not None)
            scores.sort(key=self._place)
        if response.error is not None:
            scores = [_blamed(score, response.error) for score in scores]
        if repeat:
            scores = [_of_repeat(score, repeat) for score in scores]
        return result_of(example, repeat, response, tuple(scores), self._clock.now_ns())

    async def _slowly(self, subject: Subject, *, failed: bool) -> list[Score]:
        """Scorers that wait for something, side by side; none judges an answer there is not."""
        if failed:
            return [self._unscored(scorer, subject, "missing: output") for scorer in self._slow]
        if len(self._slow) == 1:
            return await self._in_time(self._slow[0], subject)
        async with asyncio.TaskGroup() as group:
            judging = [group.create_task(self._in_time(each, subject)) for each in self._slow]
        return [score for task in judging for score in task.result()]

    async def _in_time(self, scorer: Scorer, subject: Subject) -> list[Score]:
        """The scores of a scorer; what hangs costs the run this score alone."""
        if self._limit_s is None or _has_limit(scorer):
            return await self._scored(scorer, subject)
        deadline = Deadline(asyncio.get_running_loop(), self._limit_s)
        try:
            with deadline:
                return await self._scored(scorer, subject)
        except TimeoutError:
            reason = f"took longer than {self._limit_s:g} s"
            return [self._unscored(scorer, subject, reason, status="timeout")]

    async def _scored(self, scorer: Scorer, subject: Subject) -> list[Score]:
        try:
            return await scorer.score(subject)
        except Exception as error:
            # A scorer promises not to; anybody's code breaks promises.
            _log.exception("the scorer %s of run %s raised", scorer.name, self._run)
            return [self._unscored(scorer, subject, described(error), status="error")]

    def _unscored(
        self,
        scorer: Scorer,
        subject: Subject,
        reason: str,
        *,
        status: ScoreStatus = "unscored",
    ) -> Score:
        return Score(
            score_id=score_id(subject.target, scorer.name, scorer.digest, subject.run),
            project=subject.project,
            target=subject.target,
            name=scorer.name,
            status=status,
            reason=reason[:_MAX_REASON],
            source=_SOURCE.get(scorer.tier, "code"),
            scorer_version=scorer.version,
            digest=scorer.digest,
            run=subject.run,
            time_ns=self._clock.now_ns(),
        )

    def _place(self, score: Score) -> int:
        """Scores in the order of their scorers."""
        found = self._order.get(score.name)
        if found is None:
            found = self._order.get(score.name.partition(".")[0], len(self._order))
        return found


def result_of(
    example: Example,
    repeat: int,
    response: Response,
    scores: tuple[Score, ...],
    time_ns: int,
) -> Result:
    """An answer and its scores as a result."""
    return Result(
        example_id=example.example_id,
        repeat=repeat,
        output=response.output,
        error=response.error,
        context=response.context,
        passages=response.passages,
        tool_calls=response.tool_calls or (),
        model=response.model,
        usage=response.usage,
        cost_usd=response.cost_usd,
        latency_ms=response.latency_ms,
        first_token_ms=response.first_token_ms,
        trace_id=response.trace_id,
        span_id=response.span_id,
        cached=response.cached,
        scores=scores,
        time_ns=time_ns,
    )


def is_failed(result: Result) -> bool:
    """Whether the task failed on a case, or a scorer did."""
    return result.error is not None or any(map(failed_to_judge, result.scores))


def failed_to_judge(score: Score) -> bool:
    """Whether a score is missing because something went wrong, not because there was nothing to
    judge. Of a judge that gives no score nobody can tell: it counts as wrong."""
    if score.status in ("error", "timeout"):
        return True
    return score.status == "unscored" and score.source in ("judge", "model")


def described(error: BaseException) -> str:
    """An error as the text of a result."""
    try:
        said = str(error)
    except Exception:
        said = "(its message cannot be read)"
    if isinstance(error, TrimtabError | TimeoutError) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _has_limit(scorer: Scorer) -> bool:
    """Whether a scorer ends by itself: by its own limit, or by that of whom it asks."""
    own = getattr(scorer, "timeout_s", None) is not None
    asks = bool(getattr(scorer, "resources", None))
    several = getattr(scorer, "scorers", ()) or getattr(scorer, "voters", ())
    return own or asks or (bool(several) and all(map(_has_limit, several)))


def _wants_samples(scorer: Scorer) -> bool:
    return any(argument.name == "samples" for argument in getattr(scorer, "arguments", ()))


def _blamed(score: Score, error: str) -> Score:
    """A score that could not be given because the task failed says so."""
    if score.status == "scored":
        return score
    return msgspec.structs.replace(score, reason=f"the task failed: {error}"[:_MAX_REASON])


def _of_repeat(score: Score, repeat: int) -> Score:
    """Scores of the repeats of one example are different scores."""
    return msgspec.structs.replace(
        score,
        score_id=digest([score.score_id, repeat])[:32],
        metadata={**score.metadata, "repeat": repeat},
    )
