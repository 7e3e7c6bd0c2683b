"""Obtaining: the answer to a prepared request, from the cache or from a target.

Targets are tried in turn; an answer that does not match its schema, or that a guard wants to have
asked for again, is asked for again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from trimtab.gateway.admission import Reservation
from trimtab.gateway.answer import close
from trimtab.gateway.ask import Ask
from trimtab.gateway.attempts import Attempts
from trimtab.gateway.calling import Begun, Calling, Refused
from trimtab.gateway.hooks import Hooked
from trimtab.gateway.lookup import Lookup
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.reask import structured
from trimtab.gateway.regenerate import Regeneration
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.target import Target
from trimtab.gateway.trace import CallTrace
from trimtab.ports import Clock
from trimtab.records import Usage


class Obtaining:
    """The answer to one request; `begin` once. `lookup` asks the cache first.

    Args:
        ask: as it came.
        hooked: its guards, None where there are none.
        answer_bytes: the longest answer that is kept whole.
    """

    def __init__(
        self,
        ask: Ask,
        resolution: Resolution,
        attempts: Attempts,
        reservation: Reservation,
        clock: Clock,
        *,
        hooked: Hooked | None,
        answer_bytes: int,
    ) -> None:
        self._ask = ask
        self._resolution = resolution
        self._attempts = attempts
        self._reservation = reservation
        self._clock = clock
        self._hooked = hooked
        self._answer_bytes = answer_bytes
        self.lookup: Lookup | None = None
        self._structured = structured(ask)
        self._regeneration = Regeneration()
        self._calling: Calling | None = None
        self._begun: Begun | None = None

    async def begin(self, ask: Ask, request: Prepared) -> Begun:
        """The answer of the first target that has one; of the last that refused, if none has.

        Args:
            ask: the request as guards left it.
        """
        self._ask = ask
        self._calling = self._calls(request)
        call = self._called(self._calling, request)
        try:
            begun = await (call if self._hooked is None else self._hooked.beside(call, drop=_drop))
        except Refused as refused:
            begun = refused.begun
        begun = await self._asked_again(begun, request)
        return await self._regenerated(begun, request)

    @property
    def target(self) -> Target | None:
        """Who answered, or was asked last; None if nobody was."""
        return self._calling.target if self._calling is not None else None

    @property
    def found(self) -> bool:
        """Whether the answer is one that the cache had."""
        return self.lookup is not None and self.lookup.found is not None

    @property
    def spent(self) -> Usage | None:
        """What was used before anything went to the caller, by answers that nobody gets."""
        earlier = self.total(None)
        if earlier is not None or self._begun is None or self.found:
            return earlier
        return self._begun.usage

    def total(self, usage: Usage | None) -> Usage | None:
        """What all answers have used, the last of them `usage`."""
        if self._structured is not None:
            usage = self._structured.total(usage)
        return self._regeneration.total(usage)

    @property
    def choice(self) -> dict[str, Any]:
        """How the target is found, where there is one to find."""
        pool = self._resolution.arm.pool
        said: dict[str, Any] = {"choose": pool.choose} if len(pool.ids) > 1 else {}
        if passed_over := self._attempts.passed_over(pool.ids):
            said["passed_over"] = passed_over
        return said

    @property
    def headers(self) -> dict[str, str]:
        """What the caller is told of how the answer came about."""
        headers: dict[str, str] = {}
        if self.lookup is not None and self.lookup.verdict is not None:
            headers["x-trimtab-cache"] = self.lookup.verdict
        if self._structured is not None:
            headers |= self._structured.headers
        if len(self._attempts.records) > 1:
            headers["x-trimtab-attempts"] = str(len(self._attempts.records))
        return headers

    def say(self, trace: CallTrace) -> None:
        """Put on the trace what the cache and the checks of the answer had to say."""
        if self._structured is not None:
            trace.says(**self._structured.said)
            trace.earlier = self._structured.earlier
        if self._regeneration.count:
            trace.says(**self._regeneration.said)
            trace.earlier = (*trace.earlier, *self._regeneration.earlier)
        if self.lookup is not None:
            trace.says(**self.lookup.said)

    @property
    def _held(self) -> bool:
        """Whether anything of the answer waits for guards; what they saw before may decide it."""
        return self._hooked is not None and self._hooked.guards_output

    def _calls(self, request: Prepared) -> Calling:
        return Calling(
            self._ask,
            request,
            self._resolution.compiled.timeouts,
            self._clock,
            held=self._held,
            answer_bytes=self._answer_bytes,
        )

    async def _called(self, calling: Calling, request: Prepared) -> Begun:
        """The answer of a model, or one that the cache has."""
        run = partial(self._attempts.run, calling, measured=_is_answer)
        lookup = self.lookup
        if lookup is None:
            self._begun = await run()
            return self._begun
        calling.keep_bytes = lookup.most_bytes
        approves = self._reservation.approves
        begun = await lookup.begin(self._ask, request, run, approves=approves)
        if lookup.found is not None:
            calling.target = begun.target
            if self._held:
                begun.relay.hold()
        self._begun = begun
        return begun

    async def _asked_again(self, begun: Begun, request: Prepared) -> Begun:
        """The answer, or a later one that matches the schema it must match."""
        if self._structured is None or not self._is_whole(begun):
            return begun
        again = partial(self._again, begun.target)
        limit_s = self._resolution.compiled.timeouts.total_s
        return await self._structured.settled(begun, self._ask, request, again, limit_s=limit_s)

    async def _regenerated(self, begun: Begun, request: Prepared) -> Begun:
        """The answer, or a later one that no guard wants to have asked for again."""
        hooked = self._hooked
        if hooked is None or not hooked.regenerates or not self._is_whole(begun):
            return begun
        again = partial(self._again, begun.target)
        limit_s = self._resolution.compiled.timeouts.total_s
        last = await self._regeneration.settled(
            begun, self._ask, request, again, hooked, limit_s=limit_s
        )
        if last is not begun:
            if self.lookup is not None:
                self.lookup.forgo()
            if self._structured is not None:
                self._structured.look(last)
        return last

    def _is_whole(self, begun: Begun) -> bool:
        """Whether it is an answer of a model just now that can be looked at before it goes out."""
        return begun.body is not None and begun.reply.status < 400 and not self.found

    async def _again(self, target: Target, changed: Prepared) -> Begun:
        return await self._calls(changed)(target)


def _is_answer(begun: Begun) -> bool:
    return begun.reply.status < 400


async def _drop(begun: Begun) -> None:
    """An answer that a guard keeps from the caller."""
    await close(begun.reply.chunks)
