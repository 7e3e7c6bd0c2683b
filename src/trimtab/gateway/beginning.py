"""Beginning: from an admitted request to the beginning of its answer.

The guards look at the request, a release or a prompt prepares it, the cache is asked, targets are
tried, and an answer that does not match its schema is asked for again. What the exchange then
forwards and records is here: the request as guards left it, and all that is known of its answer.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from trimtab.gateway.admission import Reservation
from trimtab.gateway.answer import close
from trimtab.gateway.ask import Ask
from trimtab.gateway.attempts import Attempts
from trimtab.gateway.calling import ANSWER_BYTES, Begun, Calling, Refused
from trimtab.gateway.holding import Holding
from trimtab.gateway.hooks import Hooked, Hooks, refusal
from trimtab.gateway.lookup import Lookup
from trimtab.gateway.prepare import Prepared, prepared
from trimtab.gateway.reask import structured
from trimtab.gateway.regenerate import Regeneration
from trimtab.gateway.rulings import on_record
from trimtab.gateway.shown import Heard
from trimtab.gateway.snapshot import Plan
from trimtab.gateway.target import Target
from trimtab.gateway.trace import CallTrace
from trimtab.kit import ids
from trimtab.kit.clock import NS_PER_S
from trimtab.kit.headers import printable
from trimtab.ports import Clock
from trimtab.records import Span, Usage

_IN_LOOP_CHARS = 64_000


class Beginning:
    """One request up to its answer; `begin` once.

    `asked` are the caller's messages and `sent` those the model gets, as far as they may be on
    record. `lookup` asks the cache first.
    """

    def __init__(
        self,
        ask: Ask,
        plan: Plan,
        attempts: Attempts,
        reservation: Reservation,
        trace: CallTrace,
        clock: Clock,
        *,
        hooks: Hooks | None = None,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        self.ask = ask
        self._plan = plan
        self._attempts = attempts
        self._reservation = reservation
        self._trace = trace
        self._clock = clock
        self._answer_bytes = answer_bytes
        self._hooked = Hooked(hooks, ask, clock, route=plan.route) if hooks is not None else None
        # What guards have not seen does not go on record.
        self.asked = ask.dialect.messages(ask.envelope) if hooks is None else []
        self.sent: Any = self.asked
        self.lookup: Lookup | None = None
        self._structured = structured(ask)
        self._regeneration = Regeneration()
        self._redact = hooks.redact if hooks is not None else None
        self._calling: Calling | None = None
        self._begun: Begun | None = None

    async def begin(self) -> Begun:
        """The answer of the first target that has one; of the last that refused, if none has."""
        hooked = self._hooked
        if hooked is not None:
            await self._screened(hooked)
        request = await prepared(
            self.ask,
            self.asked,
            self._plan,
            self._trace,
            self._clock,
            screen=hooked.passages if hooked is not None else None,
        )
        self.sent = request.sent
        if hooked is not None:
            hooked.told.sent(request.sent)
        if self._plan.is_route:
            self._trace.says(**self._choice())
        self._trace.calling()
        self._calling = self._calls(request)
        call = self._called(self._calling, request)
        try:
            begun = await (call if hooked is None else hooked.beside(call, drop=_dropped))
        except Refused as refused:
            begun = refused.begun
        begun = await self._asked_again(begun, request)
        begun = await self._regenerated(begun, request)
        if begun.lost:
            self._trace.says(lost=list(begun.lost))
        return begun

    @property
    def target(self) -> Target | None:
        """Who answered, or was asked last; None if nobody was."""
        return self._calling.target if self._calling is not None else None

    @property
    def found(self) -> bool:
        """Whether the answer is one that the cache had."""
        return self.lookup is not None and self.lookup.found is not None

    @property
    def blocked(self) -> bool:
        """Whether a guard kept the answer from the caller, or the request from a model."""
        return self._hooked is not None and self._hooked.blocked is not None

    @property
    def spent(self) -> Usage | None:
        """What was used before anything went to the caller, by answers that nobody gets."""
        earlier = self.total(None)
        if earlier is not None or self._begun is None or self.found:
            return earlier
        return self._begun.usage

    @property
    def facts(self) -> dict[str, Any]:
        """Where an error is on record, and how far the request came."""
        facts: dict[str, Any] = {"trace_id": self._trace.trace_id}
        if self._attempts.records:
            facts["attempts"] = len(self._attempts.records)
            facts["model"] = self._attempts.records[-1].target
        return facts

    def headers(self, begun: Begun) -> dict[str, str]:
        """Those of an answer: the provider's, and ours."""
        headers = {**begun.reply.headers, **self._reservation.headers}
        headers["x-trimtab-trace-id"] = self._trace.trace_id
        headers["x-trimtab-model"] = begun.target.card.id
        if self._plan.deployment is not None:
            headers["x-trimtab-release"] = self._plan.deployment.release.ref
        if self._plan.prompt is not None:
            headers["x-trimtab-prompt"] = self._plan.prompt.prompt.ref
        if lost := (*begun.lost, *begun.relay.lost):
            headers["x-trimtab-lost"] = ", ".join(dict.fromkeys(lost))[:2000]
        if self.lookup is not None and self.lookup.verdict is not None:
            headers["x-trimtab-cache"] = self.lookup.verdict
        if self._structured is not None:
            headers |= self._structured.headers
        if len(self._attempts.records) > 1:
            headers["x-trimtab-attempts"] = str(len(self._attempts.records))
        return {
            name: printable(value) if name.startswith("x-trimtab-") else value
            for name, value in headers.items()
        }

    def total(self, usage: Usage | None) -> Usage | None:
        """What all answers have used, the last of them `usage`."""
        if self._structured is not None:
            usage = self._structured.total(usage)
        return self._regeneration.total(usage)

    def holding(self, begun: Begun) -> Holding | None:
        """What stands between an answer and the caller where guards look at it."""
        if self._hooked is None or not self._held:
            return None
        ask, created_s = self.ask, self._clock.now_ns() // NS_PER_S
        writer = ask.dialect.writer(ask.envelope, id=ids.span_id(), created_s=created_s)
        return Holding(self._hooked, begun.relay, writer, native=begun.relay.forwards)

    @property
    def heard(self) -> Heard | None:
        """Where the answer is noted for guards that look at it when it is over."""
        return self._hooked.observers.heard if self._hooked is not None else None

    async def observed(self) -> None:
        """Return when the guards that only look have seen everything."""
        if self._hooked is not None:
            hooked = self._hooked
            await hooked.observers.settle(hooked.told.texts if self.heard is not None else ())

    def unobserved(self) -> None:
        """Record the call without waiting for the guards that only look."""
        if self._hooked is not None:
            self._hooked.observers.abandon()

    async def redacted(self, spans: list[Span]) -> list[Span]:
        """Spans as they may be stored; in a thread where that takes long."""
        if self._redact is None:
            return spans
        chars = self.ask.envelope.text_bytes + len(str(spans[0].output))
        if chars <= _IN_LOOP_CHARS:
            return self._redact(spans)
        return await asyncio.to_thread(self._redact, spans)

    def redacted_now(self, spans: list[Span]) -> list[Span]:
        return spans if self._redact is None else self._redact(spans)

    def say(self) -> None:
        """Put on the trace what guards, the cache and the check of the answer had to say."""
        if self._hooked is not None:
            self._guarded(self._hooked)
        if self._structured is not None:
            self._trace.says(**self._structured.said)
            self._trace.earlier = self._structured.earlier
        if self._regeneration.count:
            self._trace.says(**self._regeneration.said)
            self._trace.earlier = (*self._trace.earlier, *self._regeneration.earlier)
        if self.lookup is not None:
            self._trace.says(**self.lookup.said)

    # -- guards --------------------------------------------------------------------------------

    @property
    def _held(self) -> bool:
        return self._hooked is not None and self._hooked.guards_output

    async def _screened(self, hooked: Hooked) -> None:
        """Let the guards see the request, which is the one they leave from now on."""
        # Those that only look see the request as it came.
        hooked.observers.begin(self.ask)
        block = await hooked.before()
        self._take(hooked)
        if block is not None:
            raise refusal(block)

    def _take(self, hooked: Hooked) -> None:
        """The request as guards have left it, on record if they let it."""
        self.ask = hooked.ask
        if hooked.may_record:
            self.asked = self.sent = self.ask.dialect.messages(self.ask.envelope)

    def _guarded(self, hooked: Hooked) -> None:
        entries = hooked.entries
        if entries:
            self._trace.says(guards=on_record(entries))
        for entry in entries:
            if entry.acted:
                self._trace.guarded(entry)
        if hooked.ask is not self.ask and hooked.may_record:
            # A guard beside the call has said what the record shows of the request.
            self._take(hooked)
        if hooked.blocked is not None:
            self._trace.says(blocked=hooked.blocked.guard)

    # -- targets -------------------------------------------------------------------------------

    def _choice(self) -> dict[str, Any]:
        """How the target was found, where there was one to find."""
        pool = self._plan.arm.pool
        said: dict[str, Any] = {"choose": pool.choose} if len(pool.ids) > 1 else {}
        if passed_over := self._attempts.passed_over(pool.ids):
            said["passed_over"] = passed_over
        return said

    def _calls(self, request: Prepared) -> Calling:
        return Calling(
            self.ask,
            request,
            self._plan.compiled.timeouts,
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
        begun = await lookup.begin(self.ask, request, run, approves=approves)
        if lookup.found is not None:
            calling.target = begun.target
            if self._held:
                begun.relay.hold()
        self._begun = begun
        return begun

    async def _asked_again(self, begun: Begun, request: Prepared) -> Begun:
        """The answer, or a later one that matches the schema it must match."""
        if self._structured is None or begun.body is None:
            return begun
        if begun.reply.status >= 400 or self.found:
            return begun

        async def again(changed: Prepared) -> Begun:
            return await self._calls(changed)(begun.target)

        limit_s = self._plan.compiled.timeouts.total_s
        return await self._structured.settled(begun, self.ask, request, again, limit_s=limit_s)

    async def _regenerated(self, begun: Begun, request: Prepared) -> Begun:
        """The answer, or a later one that no guard wants to have asked for again."""
        hooked = self._hooked
        if hooked is None or not hooked.regenerates or begun.body is None:
            return begun
        if begun.reply.status >= 400 or self.found:
            return begun

        async def again(changed: Prepared) -> Begun:
            return await self._calls(changed)(begun.target)

        limit_s = self._plan.compiled.timeouts.total_s
        last = await self._regeneration.settled(
            begun, self.ask, request, again, hooked, limit_s=limit_s
        )
        if last is not begun:
            if self.lookup is not None:
                self.lookup.forgo()
            if self._structured is not None:
                self._structured.look(last)
        return last


def _is_answer(begun: Begun) -> bool:
    return begun.reply.status < 400


async def _dropped(begun: Begun) -> None:
    """An answer that a guard keeps from the caller."""
    await close(begun.reply.chunks)
