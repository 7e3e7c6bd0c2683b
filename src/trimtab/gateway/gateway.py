"""Gateway: admits a request, resolves who answers it, and starts the exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

import msgspec

from trimtab.dialects.llm import DIALECTS, passthrough
from trimtab.dialects.llm.dialect import Dialect
from trimtab.dialects.llm.votes import Votes
from trimtab.errors import InvalidRequest, Overloaded
from trimtab.gateway.admission import Admission, Reservation
from trimtab.gateway.answer import Answer
from trimtab.gateway.ask import Ask, Caller, Passing, Told
from trimtab.gateway.balancing import Balancer
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.calling import ANSWER_BYTES
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.hooks import Hooks
from trimtab.gateway.in_flight import InFlight
from trimtab.gateway.journal import Journal
from trimtab.gateway.lookup import Lookup, lookup_of
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.shadow import Shadows
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.target import Target
from trimtab.gateway.turned_away import TurnedAway
from trimtab.gateway.voting import elected, votes_for
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
        hooks: Callable[[Ask, Resolution], Hooks | None] | None = None,
        redact: Callable[[Span], Span] | None = None,
    ) -> None:
        self._hooks = hooks
        self.snapshot = snapshot
        self.cache = cache
        self._balancer = Balancer(clock, random)
        self.health = self._balancer.health
        self.shadows = Shadows()
        self.figures = journal.figures
        self._turned_away = TurnedAway(journal, clock, redact=redact)
        self._journal = journal
        self._admission = admission
        self._clock = clock
        self.limits = limits
        self._in_flight = InFlight()

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
            if allows(caller, name, snapshot.resolve(caller.project, name).arm.pool.ids)
        ]

    async def require_allowed(
        self, caller: Caller, name: str, *, prompt_model: str | None = None
    ) -> None:
        """Refuse a name that a request of this caller could not ask for, limits aside.

        Raises:
            Forbidden: somebody else may.
            NotFound, RouteUnavailable, InvalidRequest: nobody may.
        """
        find = partial(self.snapshot.resolve, prompt_model=prompt_model)
        found = await asyncio.to_thread(find, caller.project, name)
        asked = found.route or (name if found.prompt is None else found.compiled.route.name)
        self._admission.require(caller, asked, found.arm.pool.ids)

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
        ask = Ask.read(dialect, body, caller, variables=variables, prompt_model=prompt_model)
        return await self.put(ask)

    async def put(self, ask: Ask) -> Answer:
        """Answer a request that was read already. Raises as `ask`."""
        with self._turned_away.during(ask):
            resolution = await self._resolved(ask)
            votes = votes_for(ask, resolution)
            if votes is not None:
                return await self._elect(ask, resolution, votes)
            return await self._answer(ask, resolution)

    async def _resolved(self, ask: Ask) -> Resolution:
        """What answers a request. Raises as `Snapshot.resolve`."""
        snapshot, project, name = self.snapshot, ask.caller.project, ask.envelope.model
        if ask.prompt is None and snapshot.is_cold(project, name):
            find = partial(snapshot.resolve, prompt_model=ask.prompt_model)
            await asyncio.to_thread(find, project, name)  # nobody else should wait for it
        return self._balancer.resolved(snapshot, ask)

    async def _elect(self, ask: Ask, resolution: Resolution, votes: Votes) -> Answer:
        return await elected(
            ask,
            resolution,
            votes,
            admit=self._admission.admit,
            answer=lambda one, resolution, held: self._answer(one, resolution, reservation=held),
            journal=self._journal,
            clock=self._clock,
        )

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
            resolution = (
                await self._resolved(ask)
                if envelope.model
                else self.snapshot.resolve_provider(provider)
            )
            if resolution.prompt is not None:
                raise InvalidRequest(
                    f"{resolution.prompt.prompt.ref} is a prompt, and this request has no messages",
                    where="model",
                    fix="name a route or a model of GET /v1/models",
                )
            return await self._answer(ask, resolution)

    async def _answer(
        self,
        ask: Ask,
        resolution: Resolution,
        hooks: Hooks | None = None,
        *,
        shadow: bool = False,
        reservation: Reservation | None = None,
    ) -> Answer:
        """Answer as resolved; `reservation` is what was admitted already."""
        if hooks is None and self._hooks is not None:
            hooks = self._hooks(ask, resolution)
        leave = self._enter()
        # Before anything is awaited: what is answered so is not kept once the cache was emptied.
        lookup = lookup_of(self.cache, ask, resolution, self._clock)
        try:
            if reservation is None:
                reservation = await self._admission.admit(ask, resolution, shadow=shadow)
            exchange = Exchange(
                ask,
                resolution,
                self._balancer.attempts(ask, resolution, reservation),
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
        for target in self._balancer.shadows(ask, resolution):
            self._shadow(ask, resolution, target, hooks)
        if self._balancer.remembers(ask):
            exchange.remember(self._balancer.answered)
        return await exchange.answer()

    def _shadow(
        self, ask: Ask, resolution: Resolution, target: Target, hooks: Hooks | None
    ) -> None:
        """Start a copy, which needs what the request has until it ends itself."""
        leave = self._in_flight.enter(counts=False)
        if not self.shadows.start(partial(self._copy, ask, resolution, target, hooks), leave):
            leave()

    async def _copy(
        self, ask: Ask, resolution: Resolution, target: Target, hooks: Hooks | None
    ) -> None:
        """Ask a target the same in the shadow; what it says is on record and goes to nobody."""
        direct = msgspec.structs.replace(
            self.snapshot.resolve_target(target),
            deployment=resolution.deployment,
            prompt=resolution.prompt,
        )
        answer = await self._answer(ask.in_shadow(), direct, hooks, shadow=True)
        try:
            async for _ in answer.chunks:
                pass
        finally:
            await answer.chunks.aclose()

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
