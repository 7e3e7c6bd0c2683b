"""Attempts: tries targets one after the other until one answers, within the route's bounds.

Another target is tried at once; the same one only after a pause. What happened is on record,
attempt by attempt. Nothing is tried again once content came: `call` returns with the first of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random
from typing import Literal, Protocol, TypeVar

import msgspec

from trimtab.errors import ProviderTimeout, ProviderUnavailable, TrimtabError
from trimtab.gateway.health import Health, Slot
from trimtab.gateway.refusals import Retryable
from trimtab.gateway.target import Target
from trimtab.kit.deadline import Deadline
from trimtab.ports import Clock
from trimtab.records.route import Breaker, Retries

__all__ = ["Attempt", "Attempts", "Candidates", "Retryable"]

T = TypeVar("T")
Then = Literal[
    "answered",
    "next_target",
    "pause",
    "no_target_left",
    "no_attempt_left",
    "out_of_time",
    "final",
    "given_up",
]

_NS_PER_S = 1_000_000_000
_MOST_ERROR_CHARS = 300
_TIMER_S = 0.001  # by which a timer may be early
_REST_S = 1.0  # of a target over its limit that does not say for how long


class Attempt(msgspec.Struct, kw_only=True):
    """One attempt as the span of the call shows it, and what came of it. Unix nanoseconds."""

    target: str
    started_ns: int
    ended_ns: int
    then: Then = "answered"
    status: int | None = None
    error: str | None = None
    pause_s: float = 0.0


class Candidates(Protocol):
    """One pass over the targets of a request; `Router.candidates` with its arguments bound."""

    def __call__(self, *, last_resort: bool) -> Iterator[Target]: ...


class Attempts:
    """The attempts of one request.

    Args:
        candidates: called for each pass.
        retries: attempts after the first, and pauses.
        total_s: for everything up to the first content, pauses included.
        breaker: which failures in a row open a target's breaker.
        random: where the jitter comes from.
        loop: the running one, if the caller knows it.

    `records` has every attempt. `slot` is the place of the target that answered, or None: give it
    back with `over` when its answer has ended.
    """

    def __init__(
        self,
        candidates: Candidates,
        *,
        health: Health,
        retries: Retries,
        total_s: float,
        breaker: Breaker,
        clock: Clock,
        random: Random,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._candidates = candidates
        self._health = health
        self._retries = retries
        self._total_s = total_s
        self._breaker = breaker
        self._clock = clock
        self._random = random
        self._loop = loop
        self._deadline_ns = 0
        self._not_before_ns: dict[str, int] = {}  # of targets that may be asked again
        self._given_up: set[str] = set()
        self._errors: list[TrimtabError] = []
        self.records: list[Attempt] = []
        self.slot: Slot | None = None

    async def run(
        self,
        call: Callable[[Target], Awaitable[T]],
        *,
        measured: Callable[[T], bool] | None = None,
    ) -> T:
        """The first answer.

        Args:
            call: asks one target; raises Retryable for what may be tried again.
            measured: whether an answer's time is worth remembering; None: always.

        Raises:
            TrimtabError: nothing answered: the last refusal of a provider, or else the last error.
        """
        self._deadline_ns = self._clock.monotonic_ns() + int(self._total_s * _NS_PER_S)
        limit = Deadline(self._loop or asyncio.get_running_loop(), self._total_s)
        try:
            with limit:
                answer = await self._tried(call, limit)
        except TimeoutError:
            if not limit.expired:
                raise
            raise self._out_of_time() from None
        if self.slot is not None:
            self.slot.began(measured=measured is None or measured(answer))
        return answer

    def passed_over(self, targets: Sequence[str]) -> list[str]:
        """Which of these would not be asked now: their breaker is open, or they rest."""
        now_ns = self._clock.monotonic_ns()
        return [one for one in targets if not self._health.of(one).admits(now_ns)]

    def over(self, *, failed: bool = False) -> None:
        """The answer ended, or `failed` on the way by the target's fault. Twice does nothing."""
        slot, self.slot = self.slot, None
        if slot is None:
            return
        if failed:
            slot.failed(self._breaker)
        else:
            slot.ended()

    def release(self) -> None:
        """The answer was given up by the caller, who does not know how it would have ended."""
        slot, self.slot = self.slot, None
        if slot is not None:
            slot.release()

    # -- one after the other -------------------------------------------------------------------

    async def _tried(self, call: Callable[[Target], Awaitable[T]], limit: Deadline) -> T:
        targets = self._candidates(last_resort=True)
        target = next(targets, None)
        while target is not None:
            try:
                return await self._attempt(call, target, limit)
            except Retryable as refused:
                self._learn(target, refused)
            if len(self.records) > self._retries.attempts:
                raise self._last_word("no_attempt_left")
            target = self._next(targets)
            if target is None:
                await self._pause()
                targets = self._candidates(last_resort=False)
                target = self._next(targets)
            else:
                self.records[-1].then = "next_target"
        raise self._last_word("no_target_left")

    async def _attempt(
        self, call: Callable[[Target], Awaitable[T]], target: Target, limit: Deadline
    ) -> T:
        slot = self._health.of(target.id).enter()
        now_ns = self._clock.now_ns()
        record = Attempt(target=target.id, started_ns=now_ns, ended_ns=now_ns)
        self.records.append(record)
        try:
            answer = await call(target)
        except Retryable as refused:
            _note(record, refused.error)
            rest_s = refused.retry_after_s
            if rest_s is None and refused.limited:
                rest_s = min(_REST_S, self._retries.max_s)
            slot.failed(
                self._breaker, rest_s=rest_s, fault=refused.failure, limited=refused.limited
            )
            raise
        except BaseException as error:
            _note(record, error)
            # With all the time to itself, it was the target that was too slow.
            if limit.expired and len(self.records) == 1:
                slot.failed(self._breaker)
            raise
        else:
            self.slot = slot
            return answer
        finally:
            record.ended_ns = self._clock.now_ns()
            if self.slot is not slot:
                slot.release()

    def _learn(self, target: Target, refused: Retryable) -> None:
        self._errors.append(refused.error)
        wait_s = refused.retry_after_s
        if not refused.again or (wait_s is not None and wait_s > self._retries.max_s):
            self._given_up.add(target.id)
        elif wait_s is None:
            self._not_before_ns.pop(target.id, None)
        else:
            now_ns = self._clock.monotonic_ns()
            self._not_before_ns[target.id] = now_ns + int(wait_s * _NS_PER_S)

    def _next(self, targets: Iterator[Target]) -> Target | None:
        now_ns = self._clock.monotonic_ns()
        for target in targets:
            if target.id in self._given_up:
                continue
            if self._not_before_ns.get(target.id, 0) <= now_ns:
                return target
        return None

    # -- pauses --------------------------------------------------------------------------------

    async def _pause(self) -> None:
        """Wait until a target that was tried may be asked again.

        Raises:
            TrimtabError: none will be, or not in time.
        """
        now_ns = self._clock.monotonic_ns()
        until_ns = self._again_ns(now_ns)
        if until_ns is None:
            raise self._last_word("no_target_left")
        if until_ns >= self._deadline_ns:
            raise self._last_word("out_of_time")
        self.records[-1].then = "pause"
        self.records[-1].pause_s = max(0, until_ns - now_ns) / _NS_PER_S
        # A loop's timers may be a little early, and the target would not be due then.
        await asyncio.sleep(self.records[-1].pause_s + _TIMER_S)

    def _again_ns(self, now_ns: int) -> int | None:
        """When the first target that was tried is due, in monotonic time.

        Each after what its Retry-After said, or else after a pause of "full jitter":
        random_between(0, min(cap, base * 2 ** attempt)) (Brooker, "Exponential Backoff And
        Jitter", AWS Architecture Blog, 2015).
        """
        retries = self._retries
        cap_s = min(retries.max_s, retries.base_s * 2 ** len(self.records))
        jitter_ns = now_ns + int(self._random.uniform(0, cap_s) * _NS_PER_S)
        latest_ns = now_ns + int(retries.max_s * _NS_PER_S)
        first_ns: int | None = None
        for target in {record.target for record in self.records} - self._given_up:
            ready_ns = self._health.of(target).ready_ns()
            if ready_ns is None:  # somebody else's probe is out
                continue
            due_ns = max(self._not_before_ns.setdefault(target, jitter_ns), ready_ns)
            if due_ns <= latest_ns and (first_ns is None or due_ns < first_ns):
                first_ns = due_ns
        return first_ns

    # -- the end -------------------------------------------------------------------------------

    def _last_word(self, then: Then) -> TrimtabError:
        """What the caller is told: the last answer of a provider, or else the last error."""
        if self.records:
            self.records[-1].then = then
        for error in reversed(self._errors):
            if error.fields.get("status") is not None:
                return error
        if self._errors:
            return self._errors[-1]
        return ProviderUnavailable("there is no target to ask", fix="add one to the route")

    def _out_of_time(self) -> TrimtabError:
        late = ProviderTimeout(
            f"no answer began within {self._total_s:g} s, in {len(self.records)} attempts",
            fix="retry, or raise the route's timeouts.total_s",
        )
        self._errors.append(late)
        return self._last_word("out_of_time")


def _note(record: Attempt, error: BaseException) -> None:
    record.then = "final"
    if isinstance(error, asyncio.CancelledError):
        record.then = "given_up"
        record.error = "given up before it answered"
        return
    # An error nobody foresaw could quote anything.
    known = isinstance(error, TrimtabError)
    record.error = str(error)[:_MOST_ERROR_CHARS] if known else type(error).__name__
    if isinstance(error, TrimtabError) and isinstance(status := error.fields.get("status"), int):
        record.status = status
