"""Answers: a task asked at its pace and within its time, whatever it does.

An example and the number of a repeat go in, a `Response` comes out: what goes wrong in a task is
the error of that case alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from trimtab.errors import TrimtabError
from trimtab.experiments.judging import described
from trimtab.experiments.pace import Pace, error_refusal
from trimtab.kit import jsonx
from trimtab.kit.clock import NS_PER_MS
from trimtab.kit.deadline import Deadline, Timers
from trimtab.ports import Clock, Response
from trimtab.records import Example, Result

_log = logging.getLogger("trimtab.experiments")
MAX_ANSWER_BYTES = 8 << 20
"""Of one answer as JSON, with its context: a server takes a result in one request."""
_SURELY_SMALL_CHARS = 64 << 10

_NAMED_FAILURES = 5
Answering = Callable[[Example, int], Awaitable[Response]]
"""A task with the number of the repeat; what `tasks.answering` makes of any task."""


class Answers:
    """What a task answers in one run.

    Args:
        pace: how many are asked at once, and how long whoever refuses is left alone.
        timeout_s: for one answer; None for as long as it takes.
    """

    def __init__(
        self, answer: Answering, pace: Pace, *, run: str, timeout_s: float | None, clock: Clock
    ) -> None:
        self._answer = answer
        self._pace = pace
        self._run = run
        self._timeout_s = timeout_s
        self._timers: Timers | None = None
        self._failures = 0
        self._clock = clock

    async def to(self, example: Example, repeat: int) -> Response:
        """What the task answers to an example."""
        outcome = await self._pace.through(lambda: self._asked(example, repeat), _refusal)
        if isinstance(outcome, Response):
            return _bounded(outcome)
        if not isinstance(outcome, TrimtabError | TimeoutError):
            self._complain(example, outcome)
        return Response(output=None, error=described(outcome))

    def _complain(self, example: Example, outcome: Exception) -> None:
        """The first failures one by one, then only their number as it grows tenfold."""
        self._failures += 1
        if self._failures <= _NAMED_FAILURES:
            _log.warning(
                "the task of run %s failed on %s: %r", self._run, example.example_id, outcome
            )
        elif str(self._failures).strip("0") == "1":
            _log.warning("%d calls of run %s have failed", self._failures, self._run)

    async def _asked(self, example: Example, repeat: int) -> Response | Exception:
        started_ns = self._clock.monotonic_ns()
        timeout_s = self._timeout_s
        try:
            if timeout_s is None:
                response = await self._answer(example, repeat)
            else:
                if self._timers is None:
                    self._loop = asyncio.get_running_loop()
                    self._timers = Timers(self._loop)
                deadline = Deadline(self._loop, timeout_s, self._timers)
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


def too_large(size_bytes: int, limit_bytes: int) -> str:
    """Why an answer is an error of its case."""
    size, limit = size_bytes / (1 << 20), limit_bytes / (1 << 20)
    return f"the answer is too large: {size:.1f} MiB, and the limit is {limit:.4g} MiB"


def _bounded(response: Response) -> Response:
    """The response; without its answer where no server would take that."""
    output = response.output
    if (
        isinstance(output, str)
        and len(output) <= _SURELY_SMALL_CHARS
        and not (response.context or response.passages or response.tool_calls)
    ):
        return response
    about = [output, response.context, response.passages, response.tool_calls]
    try:
        size = len(jsonx.encode(about))
    except (TypeError, ValueError):
        return response  # which is said where it is kept
    if size <= MAX_ANSWER_BYTES:
        return response
    return msgspec.structs.replace(
        response,
        output=None,
        context=(),
        passages=(),
        tool_calls=None,
        error=too_large(size, MAX_ANSWER_BYTES),
    )


def given_before(result: Result) -> Response:
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


def _refusal(outcome: Response | Exception) -> float | None:
    return None if isinstance(outcome, Response) else error_refusal(outcome)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
