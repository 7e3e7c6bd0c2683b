"""The engine: every case through the task, every answer through the scorers.

Examples times repeats go in; results come out one by one, into a sink that makes them durable. A
fixed number of workers take cases from one queue, so that a run of 200,000 costs no more than its
cases do. The engine stores nothing and knows no server.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from trimtab.errors import TrimtabError
from trimtab.experiments.costs import cost_of, judging_cost
from trimtab.experiments.judging import Judging, described, result_of
from trimtab.experiments.pace import Pace, error_refusal
from trimtab.experiments.spending import Spending
from trimtab.kit.clock import NS_PER_MS, SystemClock
from trimtab.kit.deadline import Deadline
from trimtab.ports import Clock, Response, Scorer
from trimtab.records import Example, Result

__all__ = ["Answering", "Bounds", "Engine", "Key", "Sink", "Tally"]

_log = logging.getLogger("trimtab.experiments")
_YIELD_EVERY = 64

Key = tuple[str, int]
Answering = Callable[[Example, int], Awaitable[Response]]
"""A task with the number of the repeat; what `tasks.answering` makes of any task."""


class Sink(Protocol):
    """Where results go. What it raises ends the run: an answer that is paid for must be kept."""

    waits: bool

    def answered(self, result: Result) -> None:
        """An answer whose scores are still to come, and may take a while."""
        ...

    def finished(self, result: Result) -> None:
        """An answer with its scores."""
        ...

    async def settled(self, result: Result) -> None:
        """Wait until a worker may take its next case; `waits` says whether this is called."""
        ...


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much at once, how often, and how far.

    `timeout_s` is for one answer of the task, None for as long as it takes. `most_usd` ends the
    run before it costs more.
    """

    concurrency: int = 8
    repeats: int = 1
    timeout_s: float | None = None
    most_usd: Decimal | None = None


class Tally(msgspec.Struct):
    """How far a run is; read it at any time. `failed` counts cases that the task failed on."""

    total: int
    done: int = 0
    failed: int = 0
    unscored: int = 0
    cached: int = 0
    reused: int = 0


class Engine:
    """One run over one task; `go` once.

    Args:
        answer: what is asked.
        scorers: what judges; those of the tier "code" that block nobody are called in place.
        project, run: what scores belong to.
        sink: gets every result as soon as there is one.
        baselines: answers of an earlier run by example, for scorers that compare.
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
        clock: Clock | None = None,
    ) -> None:
        self._answer = answer
        self._sink = sink
        self._run = run
        self._bounds = bounds or Bounds()
        self._clock = clock or SystemClock()
        self._judging = Judging(
            scorers,
            sink.answered,
            run=run,
            project=project,
            clock=self._clock,
            baselines=baselines or {},
        )
        self._together = self._bounds.repeats > 1 and self._judging.wants_samples
        self.pace = Pace(self._bounds.concurrency)
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
            Whatever the sink raises; cancelling stops all that is in flight.
        """
        results, answers = results or {}, answers or {}
        self.tally = Tally(total=len(examples) * self._bounds.repeats)
        workers = range(min(self._bounds.concurrency, max(1, self.tally.total)))
        if self._together:
            each, kept = iter(examples), {**answers, **results}
            await _all([self._work_together(each, kept, results.keys()) for _ in workers])
        else:
            cases = self._cases(examples, results)
            await _all([self._work(cases, answers) for _ in workers])
        return not self.spending.exhausted

    def _cases(
        self, examples: Sequence[Example], results: Mapping[Key, Result]
    ) -> Iterator[tuple[Example, int]]:
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
        self,
        cases: Iterator[tuple[Example, int]],
        answers: Mapping[Key, Result],
    ) -> None:
        limited, waits, since = self.spending.limited, self._sink.waits, 0
        for example, repeat in cases:
            if limited and not await self.spending.set_aside():
                return
            result: Result | None = None
            try:
                kept = answers.get((example.example_id, repeat)) if answers else None
                response = await self._response(example, repeat) if kept is None else _again(kept)
                result = await self._judging.judged(
                    example, repeat, response, None, known=kept is not None
                )
            finally:
                if limited:
                    self.spending.settle(None if result is None else cost_of(result))
            self._sink.finished(result)
            self._count(result, paid=not limited)
            if waits:
                await self._sink.settled(result)
            since += 1
            if since == _YIELD_EVERY:
                # A task that never waits would keep signals and progress from being seen.
                since = 0
                await asyncio.sleep(0)

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
            paid: Decimal | None = Decimal(0)
            try:
                paid = await self._example_together(example, keys, kept)
            finally:
                self.spending.settle(paid)

    async def _example_together(
        self, example: Example, keys: Sequence[Key], kept: Mapping[Key, Result]
    ) -> Decimal | None:
        """Answer and judge all repeats of an example; what that cost now."""
        responses = []
        for key in keys:
            if key in kept:
                responses.append(_again(kept[key]))
                continue
            response = await self._response(example, key[1])
            now_ns = self._clock.now_ns()
            self._sink.answered(result_of(example, key[1], response, (), now_ns))
            responses.append(response)
        costs: list[Decimal | None] = []
        for place, (key, response) in enumerate(zip(keys, responses, strict=True)):
            others = tuple(
                other.output
                for at, other in enumerate(responses)
                if at != place and other.error is None
            )
            result = await self._judging.judged(example, key[1], response, others, known=True)
            self._sink.finished(result)
            self._count(result, paid=False)
            if self._sink.waits:
                await self._sink.settled(result)
            costs.append(judging_cost(result) if key in kept else cost_of(result))
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None

    # -- answering -----------------------------------------------------------------------------

    async def _response(self, example: Example, repeat: int) -> Response:
        """What the task answers; what goes wrong in it is the error of this case alone."""
        outcome = await self.pace.through(lambda: self._asked(example, repeat), _refusal)
        if isinstance(outcome, Response):
            return outcome
        if not isinstance(outcome, TrimtabError | TimeoutError):
            _log.warning(
                "the task of run %s failed on %s: %r", self._run, example.example_id, outcome
            )
        return Response(output=None, error=described(outcome))

    async def _asked(self, example: Example, repeat: int) -> Response | Exception:
        started_ns = self._clock.monotonic_ns()
        timeout_s = self._bounds.timeout_s
        try:
            if timeout_s is None:
                response = await self._answer(example, repeat)
            else:
                deadline = Deadline(asyncio.get_running_loop(), timeout_s)
                with deadline:
                    response = await self._answer(example, repeat)
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            return RuntimeError("the task cancelled itself")
        except Exception as error:
            # A task is anybody's code: one example that it fails on does not end the run.
            if timeout_s is not None and isinstance(error, TimeoutError) and deadline.expired:
                return TimeoutError(f"no answer in {timeout_s:g} s")
            return error
        if response.latency_ms is None:
            taken_ms = (self._clock.monotonic_ns() - started_ns) / NS_PER_MS
            return msgspec.structs.replace(response, latency_ms=taken_ms)
        return response

    def _reuse(self, result: Result) -> None:
        self.tally.reused += 1
        self._count(result, paid=False)

    def _count(self, result: Result, *, paid: bool) -> None:
        tally = self.tally
        tally.done += 1
        if result.error is not None:
            tally.failed += 1
        if result.cached:
            tally.cached += 1
        for score in result.scores:
            if score.status != "scored":
                tally.unscored += 1
                break
        if paid:
            self.spending.pay(cost_of(result))


async def _all(workers: Sequence[Any]) -> None:
    """Wait for all workers; the first that fails stops the others, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _refusal(outcome: Response | Exception) -> float | None:
    return None if isinstance(outcome, Response) else error_refusal(outcome)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _again(result: Result) -> Response:
    """The answer that a result holds, to be judged."""
    return Response(
        output=result.output,
        error=result.error,
        context=result.context,
        passages=result.passages,
        tool_calls=result.tool_calls or None,
        model=result.model,
        usage=result.usage,
        cost_usd=result.cost_usd,
        latency_ms=result.latency_ms,
        first_token_ms=result.first_token_ms,
        trace_id=result.trace_id,
        span_id=result.span_id,
        cached=result.cached,
    )
