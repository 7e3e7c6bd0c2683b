"""The engine: every case through the task, every answer through the scorers.

Examples times repeats go in; results come out one by one, into a sink that makes them durable. A
fixed number of workers take cases from one queue, so that a run of 200,000 costs no more than its
cases do. The engine stores nothing and knows no server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from trimtab.errors import TrimtabError
from trimtab.experiments.answers import Answering, Answers, given_before
from trimtab.experiments.costs import cost_of, judging_cost
from trimtab.experiments.judging import Judging, is_failed, result_of
from trimtab.experiments.pace import Pace
from trimtab.experiments.sink import Key, Sink
from trimtab.experiments.spending import Spending
from trimtab.experiments.tally import Tally
from trimtab.kit.clock import SystemClock
from trimtab.ports import Clock, Response, Scorer
from trimtab.records import Example, Result

__all__ = ["Bounds", "Engine"]

_YIELD_EVERY = 64
_WAITS_MS = 2.0  # an answer that takes longer leaves time to judge another meanwhile

Case = tuple[Example, int]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much at once, how often, and how far.

    `timeout_s` is for one answer of the task, None for as long as it takes, `scorer_timeout_s` for
    a scorer that waits and has no limit of its own. `most_usd` ends the run before it costs more.
    """

    concurrency: int = 8
    repeats: int = 1
    timeout_s: float | None = None
    scorer_timeout_s: float | None = 300.0
    most_usd: Decimal | None = None


class Engine:
    """One run over one task; `go` once.

    Args:
        answer: what is asked.
        scorers: what judges; those of the tier "code" that block nobody are called in place.
        project, run: what scores belong to.
        sink: gets every result as soon as there is one.
        baselines: answers of an earlier run by example, for scorers that compare.
        broken: why no case can be done any more, if so: the run ends, and cases that failed
            meanwhile have no result.
    """

    def __init__(
        self,
        answer: Answering,
        scorers: Sequence[Scorer],
        sink: Sink,
        *,
        run: str,
        project: str = "default",
        bounds: Bounds | None = None,
        baselines: Mapping[str, Any] | None = None,
        broken: Callable[[], TrimtabError | None] = lambda: None,
        clock: Clock | None = None,
    ) -> None:
        self._sink = sink
        self._run = run
        self._bounds = bounds or Bounds()
        self._broken = broken
        self._clock = clock or SystemClock()
        self._judging = Judging(
            scorers,
            self._keep,
            run=run,
            project=project,
            clock=self._clock,
            baselines=baselines or {},
            limit_s=self._bounds.scorer_timeout_s,
        )
        self._together = self._bounds.repeats > 1 and self._judging.wants_samples
        self.pace = Pace(self._bounds.concurrency)
        self._answers = Answers(
            answer, self.pace, run=run, timeout_s=self._bounds.timeout_s, clock=self._clock
        )
        self.spending = Spending(self._bounds.most_usd)
        self.tally = Tally(total=0)

    async def go(
        self,
        examples: Sequence[Example],
        *,
        results: Mapping[Key, Result] | None = None,
        answers: Mapping[Key, Result] | None = None,
    ) -> bool:
        """Run every case; False when the money was over before the cases were.

        Args:
            results: those an earlier attempt at this run has; not done again.
            answers: those that only have to be judged.
        Raises:
            Whatever the sink raises, and what is `broken`; cancelling stops all that is in flight.
        """
        results, answers = results or {}, answers or {}
        self.tally = Tally(total=len(examples) * self._bounds.repeats)
        workers = min(self._bounds.concurrency, max(1, self.tally.total))
        if self._together:
            each, kept = iter(examples), {**answers, **results}
            work = partial(self._work_together, each, kept, results.keys())
            await _all(lambda _: work(), workers)
        else:
            cases = self._cases(examples, results)
            await _all(lambda group: self._work(group, cases, answers), workers)
        return not self.spending.exhausted

    def _cases(self, examples: Sequence[Example], results: Mapping[Key, Result]) -> Iterator[Case]:
        """Every repeat of all examples before the next, so that a run cut short has all cases."""
        for repeat in range(self._bounds.repeats):
            for example in examples:
                kept = results.get((example.example_id, repeat)) if results else None
                if kept is None:
                    yield example, repeat
                else:
                    self._reuse(kept)

    # -- workers -------------------------------------------------------------------------------

    async def _work(
        self, group: asyncio.TaskGroup, cases: Iterator[Case], answers: Mapping[Key, Result]
    ) -> None:
        """One case after the other; while one is judged, the next is asked already.

        So a call that waits fills its slot all the time, however long judging takes. Where money
        is limited a case is paid for before the next is begun.
        """
        limited, since = self.spending.limited, 0
        behind: asyncio.Task[Result] | None = None
        for case in cases:
            if limited and not await self.spending.set_aside():
                return
            result: Result | None = None
            try:
                response, known = await self._answered(case, answers)
                if self._leaves_time(response):
                    if behind is not None and not behind.done():
                        known = known or self._keep_answer(case, response)
                        await behind
                    behind = group.create_task(self._judged(case, response, known))
                    continue
                result = await self._judged(case, response, known)
            finally:
                if limited:
                    self._settle([] if result is None else [result])
            since += 1
            if since == _YIELD_EVERY:
                # A task that never waits would keep signals and progress from being seen.
                since = 0
                await asyncio.sleep(0)

    def _leaves_time(self, response: Response) -> bool:
        """Whether the next call is likely to wait so long that this answer is judged meanwhile."""
        if self._bounds.concurrency == 1 or self.spending.limited or response.cached:
            return False
        return (response.latency_ms or 0.0) > _WAITS_MS

    async def _answered(self, case: Case, answers: Mapping[Key, Result]) -> tuple[Response, bool]:
        """The answer to a case, and whether it is kept already."""
        example, repeat = case
        kept = answers.get((example.example_id, repeat)) if answers else None
        if kept is not None:
            return given_before(kept), True
        return await self._answers.to(example, repeat), False

    def _keep_answer(self, case: Case, response: Response) -> bool:
        """An answer that waits to be judged is paid for, and must not be lost."""
        self._keep(result_of(*case, response, (), self._clock.now_ns()))
        return True

    def _keep(self, result: Result) -> None:
        """Keep an answer whose scores are still to come, unless there is none."""
        broken = self._broken()
        if broken is not None and result.error is not None:
            raise broken
        self._sink.answered(result)

    def _finish(self, result: Result) -> None:
        """Keep a result, unless it failed for what would fail every case."""
        broken = self._broken()
        if broken is None or not is_failed(result):
            self._sink.finished(result)
        if broken is not None:
            raise broken

    async def _judged(self, case: Case, response: Response, known: bool) -> Result:
        """The result of a case, which the sink has then."""
        result = await self._judging.judged(*case, response, None, known=known)
        self._finish(result)
        self._count(result, paid=not self.spending.limited)
        if self._sink.waits:
            await self._sink.settled(result)
        return result

    async def _work_together(
        self, examples: Iterator[Example], kept: Mapping[Key, Result], over: Collection[Key]
    ) -> None:
        """All answers to an example first, then their scores: some scorers look at all of them.

        Args:
            kept: answers that an earlier attempt has; those in `over` are judged as well.
        """
        for example in examples:
            keys = [(example.example_id, repeat) for repeat in range(self._bounds.repeats)]
            if all(key in over for key in keys):
                for key in keys:
                    self._reuse(kept[key])
                continue
            if not await self.spending.set_aside():
                return
            results: list[Result] = []
            try:
                await self._example_together(example, keys, kept, results)
            finally:
                self._settle(results, kept)

    def _settle(self, results: Sequence[Result], kept: Collection[Key] = ()) -> None:
        """What a case cost, of which some answers were kept; nobody knows it of one cut short."""
        judging = [judging_cost(each) for each in results]
        costs = [
            cost if each.key in kept else cost_of(each)
            for each, cost in zip(results, judging, strict=True)
        ]
        known = [cost for cost in costs if cost is not None]
        total = sum(known, Decimal(0)) if known and len(known) == len(costs) else None
        self.spending.settle(total, bounded=None not in judging)

    async def _example_together(
        self,
        example: Example,
        keys: Sequence[Key],
        kept: Mapping[Key, Result],
        results: list[Result],
    ) -> None:
        """Answer and judge all repeats of an example; adds each result as soon as it is there."""
        responses = []
        for key in keys:
            if key in kept:
                responses.append(given_before(kept[key]))
                continue
            response = await self._answers.to(example, key[1])
            self._keep_answer((example, key[1]), response)
            responses.append(response)
        for place, (key, response) in enumerate(zip(keys, responses, strict=True)):
            others = tuple(
                other.output
                for at, other in enumerate(responses)
                if at != place and other.error is None
            )
            result = await self._judging.judged(example, key[1], response, others, known=True)
            self._finish(result)
            self._count(result, paid=False)
            if self._sink.waits:
                await self._sink.settled(result)
            results.append(result)

    def _reuse(self, result: Result) -> None:
        self.tally.reused += 1
        self._count(result, paid=False)

    def _count(self, result: Result, *, paid: bool) -> None:
        self.tally.count(result)
        if paid:
            self.spending.pay(cost_of(result))


async def _all(
    work: Callable[[asyncio.TaskGroup], Coroutine[Any, Any, None]], workers: int
) -> None:
    """Wait for all workers; the first that fails stops the others, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work(group))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
