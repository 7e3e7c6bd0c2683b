"""Balancing: which arm of a route a request draws, and the targets it is tried with in turn.

In: a request and what it resolved to; out: attempts. How every target fares is known here, for all
requests of one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from random import Random, SystemRandom

from msgspec.structs import replace

from trimtab.dialects.llm.openai_responses import previous
from trimtab.gateway.admission import Reservation
from trimtab.gateway.ask import Ask
from trimtab.gateway.attempts import Attempts, Candidates
from trimtab.gateway.health import Health
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.routing import Router
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.target import Target
from trimtab.ports import Clock
from trimtab.records.route import Retries


class Balancer:
    """Spreads the requests of one process over arms and targets; belongs to one event loop.

    Args:
        random: what draws; None is the system's.
    """

    def __init__(self, clock: Clock, random: Random | None = None) -> None:
        self._clock = clock
        self._random = random or SystemRandom()
        self.health = Health(clock)
        self._router = Router(self.health, clock=clock, random=self._random)
        self._loop: asyncio.AbstractEventLoop | None = None

    def resolved(self, snapshot: Snapshot, ask: Ask) -> Resolution:
        """What answers a request. Raises as `Snapshot.resolve`."""
        unit = ask.unit
        return snapshot.resolve(
            ask.caller.project,
            ask.envelope.model,
            lambda compiled: self._router.arm(compiled, unit, ask),
            prompt_model=ask.prompt_model,
            prompt=ask.prompt,
        )

    def attempts(self, ask: Ask, resolution: Resolution, reservation: Reservation) -> Attempts:
        """The tries of a request, none of them of a target that it was not admitted to."""
        compiled = resolution.compiled
        candidates: Candidates = partial(
            self._router.candidates,
            compiled,
            resolution.arm,
            session=ask.unit,
            previous=previous(ask.envelope) if _is_conversation(ask) else None,
        )
        if compiled.fallbacks:
            # The targets themselves were looked at by admission.
            candidates = partial(_approved, candidates, reservation)
        return Attempts(
            candidates,
            health=self.health,
            retries=_at_most(compiled.retries, ask.caller.retries),
            total_s=compiled.timeouts.total_s,
            breaker=compiled.breaker,
            clock=self._clock,
            random=self._random,
            loop=self._running(),
        )

    def shadows(self, ask: Ask, resolution: Resolution) -> list[Target]:
        """Who gets a copy of a request."""
        return self._router.shadows(resolution.compiled) if ask.caller.live else []

    def remembers(self, ask: Ask) -> bool:
        """Whether who answered has to be `answered`, for what continues the answer goes there."""
        return _is_conversation(ask)

    def answered(self, answer_id: str, target: Target) -> None:
        """A target gave an answer that a later request may continue."""
        self._router.answered(answer_id, target)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop


def _at_most(retries: Retries, wanted: int | None) -> Retries:
    if wanted is None or wanted >= retries.attempts:
        return retries
    return replace(retries, attempts=wanted)


def _is_conversation(ask: Ask) -> bool:
    """Whether the provider keeps the answer, so that a later request can name it."""
    return ask.dialect.name == "openai.responses"


def _approved(
    candidates: Candidates, reservation: Reservation, *, last_resort: bool
) -> Iterator[Target]:
    return (target for target in candidates(last_resort=last_resort) if reservation.may_ask(target))
