"""Online scoring: every recorded call is judged in the background, once, whatever crashes.

Spans come from the telemetry store in the order of their arrival; scores go back into it. A cursor
is moved only after the scores of everything before it are durable, and score ids are stable, so a
crash repeats work but neither doubles nor loses a score. It never touches the request path.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from trimtab.errors import InvalidRequest, ScorerError, StoreError
from trimtab.kit.hashing import sha256_hex
from trimtab.kit.looping import Looping
from trimtab.kit.threads import finished
from trimtab.ports import Clock, CursorStore, Scorer, Sequenced, Subject, TelemetryStore
from trimtab.records import Score, Span
from trimtab.records.score import score_id
from trimtab.records.span import PLAYGROUND
from trimtab.scorers.subjects import of_span
from trimtab.scoring.pace import Pace

_log = logging.getLogger("trimtab.scoring")
_PAUSE_S = 0.2  # so that a look at the store finds more than one commit
_LONGEST_PAUSE_S = 5.0
_LEAST_PAGE = 50
_RESTS = 19  # times as long as it works: a twentieth of a core is for judging, the rest for calls
_LONGEST_BACKOFF_S = 30.0
_NOTED_EVERY_NS = 30 * 10**9

CURSOR = "scoring.online"


class Waits(NamedTuple):
    """Seconds between looks at the store when nothing calls `wake`, and until the first retry when
    the store fails, which doubles up to 30."""

    poll_s: float = 1.0
    backoff_s: float = 0.5


_WAITS = Waits()


class OnlineScoring(Looping):
    """Scores live calls: root spans of the gateway that succeeded and belong to no experiment.

    Args:
        telemetry: where spans come from and scores go.
        cursors: remembers how far scoring came, under `CURSOR`.
        scorers: run on every sampled call.
        sample: share of calls that are scored, in [0, 1]; chosen by trace id, so the same calls
            are chosen again after a restart.
        pace: how many calls are scored when more come; None for all. Then those at the beginning
            of every look at the store are scored, and `skipped` counts the spans passed over.
        concurrency: calls judged at once.
        page: spans read at once.
    Raises:
        ScorerError: `sample` is not a share.
    """

    def __init__(
        self,
        telemetry: TelemetryStore,
        cursors: CursorStore,
        scorers: Sequence[Scorer],
        sample: float,
        clock: Clock,
        *,
        pace: Pace | None = None,
        concurrency: int = 8,
        page: int = 500,
        waits: Waits = _WAITS,
    ) -> None:
        if not 0 <= sample <= 1:
            raise ScorerError("sample is not between 0 and 1", where="scoring.sample", got=sample)
        super().__init__("trimtab-scoring")
        self._telemetry = telemetry
        self._cursors = cursors
        self._scorers = tuple(scorers)
        self._sample = sample
        self._clock = clock
        self._gate = asyncio.Semaphore(concurrency)
        self._page = page
        self._waits = waits
        self.skipped = 0
        self._pace = pace
        self._cursor: int | None = None
        self._noted_ns = 0
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something new; call it from the event loop."""
        self._woken.set()

    async def drain(self) -> None:
        """Return when everything stored before the call is scored; works stopped or started.

        Waits for a store that is away to come back, so give it a timeout.
        """
        async with self._turn:
            delay_s = self._waits.backoff_s
            while not await self._caught_up():
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, _LONGEST_BACKOFF_S)

    async def _loop(self) -> None:
        while True:
            self._woken.clear()
            began_s = time.monotonic()
            await self.drain()
            worked_s = time.monotonic() - began_s
            await asyncio.sleep(min(_LONGEST_PAUSE_S, max(_PAUSE_S, _RESTS * worked_s)))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._waits.poll_s):
                    await self._woken.wait()

    async def _caught_up(self) -> bool:
        """Score page after page up to the end; False when something failed on the way."""
        try:
            while await self._score_page():
                pass
        except StoreError as error:
            _log.warning("live scoring waits for the store: %s", error)
            return False
        except Exception:
            _log.exception("live scoring failed and will be tried again")
            return False
        return True

    # -- one page ------------------------------------------------------------------------------

    async def _score_page(self) -> bool:
        """Score the next spans and move the cursor; False at the end of what is stored.

        What nobody would score is passed over without being read: most of what other
        applications send is.
        """
        position = await self._position()
        cursor = await finished(lambda: self._pass_over(position))
        self._cursor = cursor
        last = self._telemetry.last_seq()
        if cursor >= last:
            return False
        limit = self._page if self._pace is None else min(self._page, self._pace.room())
        if limit < min(_LEAST_PAGE, self._page):  # a page costs as much for one call as for many
            self.skipped += last - cursor
            await finished(lambda: self._commit([], last))
            self._cursor = last
            return False
        page = await finished(lambda: self._telemetry.spans_after(cursor, limit=limit))
        if not page:
            return False
        subjects = await self._subjects(page)
        if self._pace is not None:
            self._pace.spend(len(subjects))
        judged = await asyncio.gather(*map(self._judge, subjects))
        scores = [score for group in judged for score in group]
        await finished(lambda: self._commit(scores, page[-1].seq))
        self._cursor = page[-1].seq
        return len(page) == limit

    def _pass_over(self, position: int) -> int:
        """A place behind what need not be read; noted now and then, for the next start."""
        if self._scorers:
            place = self._telemetry.before_next_call(position)
        else:
            place = self._telemetry.last_seq()
        if place > position and self._clock.now_ns() - self._noted_ns > _NOTED_EVERY_NS:
            self._commit([], place)
        return place

    async def _position(self) -> int:
        if self._cursor is None:
            self._cursor = await finished(lambda: self._cursors.get(CURSOR))
        return self._cursor

    def _commit(self, scores: list[Score], seq: int) -> None:
        """First the scores, then the cursor: never the other way round."""
        if scores:
            self._append(scores)
        self._cursors.put(CURSOR, seq)
        self._noted_ns = self._clock.now_ns()

    def _append(self, scores: Sequence[Score]) -> None:
        """Store scores; one that can never be stored must not keep the others waiting."""
        try:
            self._telemetry.append(scores=scores).result()
        except InvalidRequest as error:
            if len(scores) > 1:
                for score in scores:
                    self._append([score])
                return
            [score] = scores
            _log.error("the score %s cannot be stored: %s", score.name, error)
            if score.status != "error":
                self._append([self._error(score, f"the score cannot be stored: {error}")])

    async def _subjects(self, page: Sequence[Sequenced]) -> list[Subject]:
        """What to judge in a page, each root with the spans of its trace.

        A trace is stored in one piece, so only those at the edges of the page can be cut.
        """
        spans = [item.span for item in page]
        edges = {_key(spans[0]), _key(spans[-1])}
        traces: dict[tuple[str, str], list[Span]] = {}
        for span in spans:
            traces.setdefault(_key(span), []).append(span)
        subjects = []
        for root in self._chosen(spans):
            key = _key(root)
            whole = await self._trace(*key) if key in edges else traces[key]
            subjects.append(of_span(root, whole))
        return subjects

    async def _trace(self, project: str, trace_id: str) -> list[Span]:
        return await finished(lambda: self._telemetry.trace(project, trace_id))

    def _chosen(self, spans: Iterable[Span]) -> list[Span]:
        if not self._scorers:
            return []
        return [
            span for span in spans if is_live_call(span) and sampled(span.trace_id, self._sample)
        ]

    async def _judge(self, subject: Subject) -> list[Score]:
        async with self._gate:
            scores: list[Score] = []
            for scorer in self._scorers:
                scores += await self._supervised(scorer, subject)
                await asyncio.sleep(0)  # a page of quick scorers must not hold up the gateway
            return scores

    async def _supervised(self, scorer: Scorer, subject: Subject) -> list[Score]:
        """A scorer that breaks its promise not to raise yields an error, not a stuck queue."""
        try:
            return await scorer.score(subject)
        except (Exception, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task and task.cancelling():
                raise
            _log.exception("the scorer %s raised", scorer.name)
            blank = Score(
                score_id=score_id(subject.target, scorer.name, scorer.digest),
                project=subject.project,
                target=subject.target,
                name=scorer.name,
                scorer_version=scorer.version,
                digest=scorer.digest,
                source=scorer.tier,
                time_ns=0,
            )
            return [self._error(blank, f"{type(error).__name__}: {error}")]

    def _error(self, score: Score, reason: str) -> Score:
        """The same score with a failure in place of its judgement."""
        return Score(
            score_id=score.score_id,
            project=score.project,
            target=score.target,
            name=score.name,
            status="error",
            reason=reason.encode("utf-8", "replace").decode()[:500],
            source=score.source,
            scorer_version=score.scorer_version,
            digest=score.digest,
            time_ns=self._clock.now_ns(),
        )


def is_live_call(span: Span) -> bool:
    """Whether a span is a whole call through the gateway that succeeded, outside any experiment.

    What somebody tries out in the playground is none.
    """
    return (
        span.parent_id is None
        and span.kind in ("chain", "llm")
        and (span.route is not None or span.model is not None)
        and span.run is None
        and PLAYGROUND not in span.attributes
        and span.status == "ok"
    )


def sampled(trace_id: str, share: float) -> bool:
    """Whether a trace belongs to a sample of this share; what is in a small one is in a larger.

    >>> sampled("4bf92f3577b34da6a3ce929d0e0e4736", 1.0)
    True
    """
    return int(sha256_hex(trace_id.encode())[:13], 16) < share * 16**13


def _key(span: Span) -> tuple[str, str]:
    return span.project, span.trace_id
