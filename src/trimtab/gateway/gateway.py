"""Gateway: admits a request, plans who answers it, and starts the exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random, SystemRandom
from typing import Any

import msgspec

from trimtab.dialects.llm import DIALECTS, passthrough
from trimtab.dialects.llm.dialect import Dialect
from trimtab.dialects.llm.openai_responses import previous
from trimtab.errors import InvalidRequest, Overloaded
from trimtab.gateway.admission import Admission, Reservation
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Ask, Caller, Passing, Told
from trimtab.gateway.attempts import Attempts, Candidates
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.calling import ANSWER_BYTES
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.health import Health
from trimtab.gateway.hooks import Hooks
from trimtab.gateway.in_flight import InFlight
from trimtab.gateway.journal import Journal
from trimtab.gateway.lookup import Lookup, lookup_of
from trimtab.gateway.routing import Router
from trimtab.gateway.shadow import Shadows
from trimtab.gateway.snapshot import Plan, Snapshot
from trimtab.gateway.target import Target
from trimtab.gateway.turned_away import TurnedAway
from trimtab.ports import Clock
from trimtab.records import Span

_NOTHING: Mapping[str, Any] = {}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one process takes at once, and of one answer."""

    concurrency: int = 256
    answer_bytes: int = ANSWER_BYTES


class Gateway:
    """Answers requests in every dialect of `trimtab.dialects.llm`.

    Args:
        snapshot, limits: what can answer, and how much at once; swapped by assigning them.
        journal: makes records durable.
        admission: who may ask what, and how much.
        cache: for the routes that want one; None: every answer is a model's.
        hooks: which guards a request passes, by its route.
        redact: what hides parts of the record of a request that was refused before it had a route.
    """

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        journal: Journal,
        admission: Admission,
        clock: Clock,
        limits: Limits,
        random: Random | None = None,
        cache: AnswerCache | None = None,
        hooks: Callable[[Ask, Plan], Hooks | None] | None = None,
        redact: Callable[[Span], Span] | None = None,
    ) -> None:
        self._hooks = hooks
        self.snapshot = snapshot
        self.cache = cache
        self.health = Health(clock)
        self._random = random or SystemRandom()
        self._router = Router(self.health, clock=clock, random=self._random)
        self.shadows = Shadows()
        self.figures = journal.figures
        self._turned_away = TurnedAway(journal, clock, redact=redact)
        self._journal = journal
        self._admission = admission
        self._clock = clock
        self.limits = limits
        self._in_flight = InFlight()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def in_flight(self) -> int:
        """Requests admitted and not yet answered to the end."""
        return self._in_flight.count

    async def quiet(self) -> None:
        """Return when every request that is in flight now has ended; later ones do not matter."""
        await self._in_flight.over()

    def names(self, caller: Caller) -> list[str]:
        """Every route and model that somebody may ask for."""
        snapshot, allows = self.snapshot, self._admission.allows
        return [
            name
            for name in snapshot.names(caller.project)
            if allows(caller, name, snapshot.plan(caller.project, name).arm.pool.ids)
        ]

    async def chat(self, body: bytes, caller: Caller) -> Answer:
        """`ask` in the dialect of OpenAI's chat completions."""
        return await self.ask(DIALECTS["openai.chat"], body, caller)

    async def ask(
        self,
        dialect: Dialect,
        body: bytes,
        caller: Caller,
        *,
        variables: Mapping[str, Any] = _NOTHING,
        prompt_model: str | None = None,
    ) -> Answer:
        """Answer one request.

        Args:
            variables: for the prompt of the route; those of the body's `trimtab.variables` win.
            prompt_model: who answers a prompt that is asked for by its name; the body's
                `trimtab.model` wins.
        Raises:
            InvalidRequest, NotFound, Forbidden, RateLimited, Overloaded: refused before anything
                was called.
            ProviderError: nothing answered; the failed call is on record.
            NotDurable: the call could not be recorded, so its answer is withheld.
        """
        ask = _read(dialect, body, caller, variables, prompt_model)
        with self._turned_away.during(ask):
            return await self._answer(ask, self._plan(ask))

    async def pass_on(self, passing: Passing, caller: Caller, *, provider: str | None) -> Answer:
        """Pass a request on to a path of a provider's API, byte for byte but for the model's name.

        Args:
            provider: who gets a request that names no model.
        Raises:
            As `ask`.
        """
        envelope = passthrough.read(passing.body, passing.content_type)
        Told.of(envelope.trimtab)
        ask = Ask(
            dialect=passthrough.PASSTHROUGH, envelope=envelope, caller=caller, passing=passing
        )
        with self._turned_away.during(ask):
            plan = self._plan(ask) if envelope.model else self.snapshot.provider_plan(provider)
            if plan.prompt is not None:
                raise InvalidRequest(
                    f"{plan.prompt.prompt.ref} is a prompt, and this request has no messages",
                    where="model",
                    fix="name a route or a model of GET /v1/models",
                )
            return await self._answer(ask, plan)

    async def _answer(
        self, ask: Ask, plan: Plan, hooks: Hooks | None = None, *, shadow: bool = False
    ) -> Answer:
        if hooks is None and self._hooks is not None:
            hooks = self._hooks(ask, plan)
        leave = self._enter()
        # Before anything is awaited: an answer by this plan is not kept once the cache was emptied.
        lookup = lookup_of(self.cache, ask, plan, self._clock)
        reservation: Reservation | None = None
        try:
            reservation = await self._admission.admit(ask, plan, shadow=shadow)
            exchange = Exchange(
                ask,
                plan,
                self._attempts(ask, plan, reservation),
                reservation,
                journal=self._journal,
                clock=self._clock,
                hooks=hooks,
                answer_bytes=self.limits.answer_bytes,
            )
        except BaseException:
            if reservation is not None:
                reservation.settle(None, None)
            leave()
            raise
        exchange.when_done(leave)
        if lookup is not None:
            exchange.look_up(lookup)
            exchange.when_done(partial(_looked_up, lookup, leave))
        for target in self._router.shadows(plan.compiled):
            self._shadow(ask, plan, target, hooks)
        if ask.dialect.name == "openai.responses":
            exchange.remember(self._router.answered)
        return await exchange.answer()

    def _shadow(self, ask: Ask, plan: Plan, target: Target, hooks: Hooks | None) -> None:
        """Start a copy, which needs what the request has until it ends itself."""
        leave = self._in_flight.enter(counts=False)
        if not self.shadows.start(partial(self._copy, ask, plan, target, hooks), leave):
            leave()

    async def _copy(self, ask: Ask, plan: Plan, target: Target, hooks: Hooks | None) -> None:
        """Ask a target the same in the shadow; what it says is on record and goes to nobody.

        The project pays for it and not the caller, who did not ask for it.
        """
        caller = msgspec.structs.replace(
            ask.caller,
            key=None,
            key_user=None,
            team=None,
            models=None,
            attributes={**ask.caller.attributes, "trimtab.shadow": True},
        )
        copy = msgspec.structs.replace(ask, caller=caller)
        direct = msgspec.structs.replace(
            self.snapshot.direct_plan(target), deployment=plan.deployment, prompt=plan.prompt
        )
        answer = await self._answer(copy, direct, hooks, shadow=True)
        try:
            async for _ in answer.chunks:
                pass
        finally:
            await answer.chunks.aclose()

    def _plan(self, ask: Ask) -> Plan:
        unit = ask.unit
        return self.snapshot.plan(
            ask.caller.project,
            ask.envelope.model,
            lambda compiled: self._router.arm(compiled, unit),
            prompt_model=ask.prompt_model,
        )

    def _attempts(self, ask: Ask, plan: Plan, reservation: Reservation) -> Attempts:
        continued = previous(ask.envelope) if ask.dialect.name == "openai.responses" else None
        candidates: Candidates = partial(
            self._router.candidates,
            plan.compiled,
            plan.arm,
            session=ask.unit,
            previous=continued,
        )
        if plan.compiled.fallbacks:
            # The targets themselves were looked at by admission.
            candidates = partial(_approved, candidates, reservation)
        return Attempts(
            candidates,
            health=self.health,
            retries=plan.compiled.retries,
            total_s=plan.compiled.timeouts.total_s,
            breaker=plan.compiled.breaker,
            clock=self._clock,
            random=self._random,
            loop=self._running(),
        )

    def _running(self) -> asyncio.AbstractEventLoop:
        """The one event loop that a gateway belongs to."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def _enter(self) -> Callable[[], None]:
        """Take a place, before anything is awaited; what is returned gives it back."""
        if self.in_flight >= self.limits.concurrency:
            raise Overloaded(
                f"{self.in_flight} requests are in flight, the most this server takes at once",
                fix="retry after a second, or raise limits.concurrency",
                retry_after_s=1,
            )
        return self._in_flight.enter()


def _looked_up(lookup: Lookup, leave: Callable[[], None]) -> None:
    try:
        lookup.over()
    finally:
        leave()


def _approved(
    candidates: Candidates, reservation: Reservation, *, last_resort: bool
) -> Iterator[Target]:
    return (target for target in candidates(last_resort=last_resort) if reservation.may_ask(target))


def _read(
    dialect: Dialect,
    body: bytes,
    caller: Caller,
    variables: Mapping[str, Any],
    prompt_model: str | None,
) -> Ask:
    envelope = dialect.envelope(body)
    if envelope.trimtab:
        told = Told.of(envelope.trimtab)
        variables = {**variables, **told.variables}
        prompt_model = told.model or prompt_model
    return Ask(
        dialect=dialect,
        envelope=envelope,
        caller=caller,
        variables=variables,
        prompt_model=prompt_model,
    )
