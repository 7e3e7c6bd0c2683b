"""One question of a step, asked until its answer fits: schema, retries, votes, budget, time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.dialects.llm.ballots import count, meant
from trimtab.errors import (
    BudgetExceeded,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RequestError,
    StoreError,
    TrimtabError,
)
from trimtab.kit import jsonx
from trimtab.plans.asking import Ask, On, Said
from trimtab.plans.compiled import CompiledStep
from trimtab.plans.ledger import Ledger

_NOTHING = Decimal(0)
_WAIT_S, _MOST_WAIT_S = 0.5, 30.0
_SHOWN_CHARS = 4_000
_FREE = (RequestError, Overloaded, ProviderUnavailable)
_UNASKED = (
    InvalidRequest,
    NotFound,
    Conflict,
    Forbidden,
    RateLimited,
    Overloaded,
    ProviderUnavailable,
)
"""Without a cost: turned away before a provider was asked."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a step was answered, what it took, or why there is no answer."""

    output: Any = None
    error: TrimtabError | None = None
    agreed: int | None = None
    attempts: int = 0
    calls: int = 0
    cost_usd: Decimal | None = _NOTHING
    model: str | None = None
    pinned: str | None = None


class Stopped(Exception):
    """Another step failed, so this one does not begin."""


class Asking:
    """Asks for one run.

    Args:
        at_once: how many questions are asked at a time, of all steps together.
        stopped: whether nothing new may begin.
    """

    def __init__(
        self, ask: Ask, ledger: Ledger, *, at_once: int, stopped: Callable[[], bool]
    ) -> None:
        self._ask = ask
        self._ledger = ledger
        self._places = asyncio.Semaphore(at_once)
        self._stopped = stopped

    async def answer(self, step: CompiledStep, request: Mapping[str, Any], on: On) -> Answer:
        """The answer to a step's request; what goes wrong is its `error`.

        Raises:
            Stopped: it did not begin before nothing more might.
        """
        votes, begun = step.step.votes, asyncio.Event()
        if votes == 1:
            return await self._one(step, request, on, begun)
        ballots = [_ballot(request, number) for number in range(votes)]
        voting = (self._one(step, ballot, on, begun) for ballot in ballots)
        return _elected(await asyncio.gather(*voting), votes)

    async def _one(
        self, step: CompiledStep, request: Mapping[str, Any], on: On, begun: asyncio.Event
    ) -> Answer:
        async with self._places:
            # Votes that others wait for are cast: what was paid is not thrown away.
            if self._stopped() and not begun.is_set():
                raise Stopped
            begun.set()
            turn = _Turn(self._ask, self._ledger, step, on)
            limit_s = step.step.timeout_s
            if (left_s := self._ledger.left_s) is not None:
                limit_s = min(limit_s, left_s)
            try:
                async with asyncio.timeout(limit_s):
                    return await turn.take(request)
            except TimeoutError:
                return turn.ended(
                    ProviderTimeout(
                        f"the step {step.name!r} had no answer in {limit_s:g} s",
                        where=step.where,
                        fix="raise its timeout_s, or budget.minutes",
                    )
                )
            except StoreError:
                raise  # nothing is wrong with the step: it is done when there is room again
            except TrimtabError as error:
                return turn.ended(error)


class _Turn:
    """One question until it is answered, and what it took so far."""

    def __init__(self, ask: Ask, ledger: Ledger, step: CompiledStep, on: On) -> None:
        self._ask = ask
        self._ledger = ledger
        self._step = step
        self._on = on
        self._attempts = 0
        self._calls = 0
        self._cost: Decimal | None = _NOTHING

    def ended(self, error: TrimtabError | None = None, **found: Any) -> Answer:
        taken: dict[str, Any] = {
            "attempts": self._attempts,
            "calls": self._calls,
            "cost_usd": self._cost,
        }
        return Answer(error=error, **taken, **found)

    async def take(self, request: Mapping[str, Any]) -> Answer:
        """Raises the error that the last attempt ended with."""
        left = self._step.step.retries
        messages: Sequence[Any] = request["messages"]
        while True:
            self._attempts += 1
            try:
                said = await self._patiently({**request, "messages": messages})
            except ProviderError:
                if not left:
                    raise
                await asyncio.sleep(_WAIT_S * 2 ** (self._step.step.retries - left))
            else:
                output, faults = read(said.text, self._step)
                if not faults:
                    return self.ended(output=output, model=said.model, pinned=said.pinned)
                if not left:
                    raise InvalidRequest(
                        f"the answer is not what output_schema asks for: {faults}",
                        where=f"{self._step.where}.output_schema",
                        fix="ask for less, say more in the message, or raise `retries`",
                    )
                messages = [*request["messages"], *_told(said.text, faults)]
            left -= 1

    async def _patiently(self, request: Mapping[str, Any]) -> Said:
        """Wait where too many are asked at once; that is no attempt."""
        wait_s = _WAIT_S
        while True:
            try:
                return await self._call(request)
            except BudgetExceeded:
                raise
            except (RateLimited, Overloaded) as error:
                told_s = error.fields.get("retry_after_s")
                await asyncio.sleep(min(told_s or wait_s, _MOST_WAIT_S))
                wait_s = min(2 * wait_s, _MOST_WAIT_S)

    async def _call(self, request: Mapping[str, Any]) -> Said:
        most_usd = _NOTHING
        if self._ledger.asks_usd:
            most_usd = await asyncio.to_thread(self._ask.most_usd, request)  # it renders prompts
        await self._ledger.begin(most_usd)
        made = True
        cost: Decimal | None = None
        try:
            said = await self._ask(request, self._on)
            cost = said.cost_usd
            return said
        except _FREE as error:
            cost = error.fields.get("cost_usd", _NOTHING)
            made = "cost_usd" in error.fields or not isinstance(error, _UNASKED)
            raise
        finally:
            self._ledger.settle(most_usd, cost, made=made)
            self._calls += made
            self._cost = None if cost is None or self._cost is None else self._cost + cost


def read(text: str, step: CompiledStep) -> tuple[Any, str]:
    """The output that an answer gives, and what is wrong with it."""
    if step.schema is None:
        return text, ""
    try:
        value = jsonx.decode(_unfenced(text).encode("utf-8", "replace"), what="the answer")
    except InvalidRequest as error:
        return None, error.what
    faults = step.schema.faults(value)
    return value, "; ".join(f"{one.path}: {one.rule}" for one in faults)


def _unfenced(text: str) -> str:
    """The inside of a fenced block, where an answer is nothing else."""
    lines = text.strip().splitlines()
    if len(lines) > 2 and lines[0] in ("```", "```json") and lines[-1] == "```":
        return "\n".join(lines[1:-1])
    return text


def _told(text: str, faults: str) -> list[dict[str, str]]:
    """How a model is told what was wrong with its answer."""
    return [
        {"role": "assistant", "content": text[:_SHOWN_CHARS]},
        {
            "role": "user",
            "content": f"That does not match the JSON schema ({faults}). "
            "Answer again with nothing but JSON that matches it.",
        },
    ]


def _ballot(request: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The request of one vote: not from a cache, and not with the same seed as the others."""
    ballot = dict(request)
    ballot["trimtab"] = {**request.get("trimtab", {}), "cache": False}
    if isinstance(seed := request.get("seed"), int):
        ballot["seed"] = seed + number
    return ballot


def _elected(answers: Sequence[Answer], votes: int) -> Answer:
    """The answer that most say, of those the first; an error where half or more have none."""
    given = [one for one in answers if one.error is None]
    costs = [one.cost_usd for one in answers]
    taken: dict[str, Any] = {
        "attempts": sum(one.attempts for one in answers),
        "calls": sum(one.calls for one in answers),
        "cost_usd": None if None in costs else sum((one or _NOTHING for one in costs), _NOTHING),
    }
    if 2 * len(given) <= votes:
        failed = next(one for one in answers if one.error is not None)
        return msgspec.structs.replace(failed, **taken)
    said = [None if one.error is not None else meant(one.output) for one in answers]
    ballot = count(said, asked=votes)
    chosen = answers[ballot.first] if ballot is not None else given[0]
    agreed = len(ballot.agreed) if ballot is not None else None
    return msgspec.structs.replace(chosen, agreed=agreed, **taken)
