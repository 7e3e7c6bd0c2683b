"""Beginning: from an admitted request to the beginning of its answer.

The guards look at the request, a release or a prompt prepares it, and its answer is obtained. What
the exchange then forwards and records is here: the request as guards left it, and all that is known
of its answer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from trimtab.errors import ProviderError, TrimtabError
from trimtab.gateway.admission import Reservation
from trimtab.gateway.ask import Ask
from trimtab.gateway.attempts import Attempts
from trimtab.gateway.calling import ANSWER_BYTES, Begun
from trimtab.gateway.failing import mend, without
from trimtab.gateway.heard import Heard
from trimtab.gateway.holding import Holding
from trimtab.gateway.hooks import Hooked, Hooks, refusal
from trimtab.gateway.lookup import Lookup
from trimtab.gateway.obtaining import Obtaining
from trimtab.gateway.prepare import prepared
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.rulings import on_record
from trimtab.gateway.settings import settings_of
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
    record.
    """

    def __init__(
        self,
        ask: Ask,
        resolution: Resolution,
        attempts: Attempts,
        reservation: Reservation,
        trace: CallTrace,
        clock: Clock,
        *,
        hooks: Hooks | None = None,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        self.ask = ask
        self._resolution = resolution
        self._attempts = attempts
        self._reservation = reservation
        self._trace = trace
        self._clock = clock
        self._hooked = None
        if hooks is not None and hooks.guards:
            self._hooked = Hooked(hooks, ask, clock, route=resolution.route)
        # What guards have not seen does not go on record.
        self.asked = ask.dialect.messages(ask.envelope) if self._hooked is None else []
        self.sent: Any = self.asked
        self._obtaining = Obtaining(
            ask,
            resolution,
            attempts,
            reservation,
            clock,
            hooked=self._hooked,
            answer_bytes=answer_bytes,
        )
        self._redact = hooks.redact if hooks is not None else None

    def look_up(self, lookup: Lookup) -> None:
        """Ask the cache first."""
        self._obtaining.lookup = lookup

    async def begin(self) -> Begun:
        """The answer of the first target that has one; of the last that refused, if none has."""
        hooked = self._hooked
        if hooked is not None:
            await self._screened(hooked)
        request = await prepared(
            self.ask,
            self.asked,
            self._resolution,
            self._trace,
            self._clock,
            screen=hooked.passages if hooked is not None else None,
        )
        self.sent = request.sent
        if hooked is not None:
            hooked.told.sent(request.sent)
        if self._resolution.is_route:
            self._trace.says(**self._obtaining.choice)
        self._trace.calling()
        begun = await self._obtaining.begin(self.ask, request)
        if begun.lost:
            self._trace.says(lost=list(begun.lost))
        return begun

    @property
    def target(self) -> Target | None:
        """Who answered, or was asked last; None if nobody was."""
        return self._obtaining.target

    @property
    def found(self) -> bool:
        """Whether the answer is one that the cache had."""
        return self._obtaining.found

    @property
    def blocked(self) -> bool:
        """Whether a guard kept the answer from the caller, or the request from a model."""
        return self._hooked is not None and self._hooked.blocked is not None

    @property
    def spent(self) -> Usage | None:
        """What was used before anything went to the caller, by answers that nobody gets."""
        return self._obtaining.spent

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
        if self._resolution.deployment is not None:
            headers["x-trimtab-release"] = self._resolution.deployment.release.ref
        if self._resolution.prompt is not None and self._resolution.prompt.prompt.version > 0:
            headers["x-trimtab-prompt"] = self._resolution.prompt.prompt.ref
        if lost := (*begun.lost, *begun.relay.lost):
            headers["x-trimtab-lost"] = ", ".join(dict.fromkeys(lost))[:2000]
        headers |= self._obtaining.headers
        return {
            name: printable(value) if name.startswith("x-trimtab-") else value
            for name, value in headers.items()
        }

    def total(self, usage: Usage | None) -> Usage | None:
        """What all answers have used, the last of them `usage`."""
        return self._obtaining.total(usage)

    def holding(self, begun: Begun) -> Holding | None:
        """What stands between an answer and the caller where guards look at it."""
        if self._hooked is None or not self._held:
            return None
        ask, created_s = self.ask, self._clock.now_ns() // NS_PER_S
        writer = ask.dialect.writer(ask.envelope, id=ids.span_id(), created_s=created_s)
        return Holding(self._hooked, begun.relay, writer, native=begun.relay.forwards)

    async def without(self, message: str, raw: bytes) -> str | None:
        """What the caller may have of an error instead; None where it may go on as it came."""
        if self._hooked is None:
            return None
        self._hooked.observers.failed(message, raw)
        return await without(self._hooked, message, raw) if self._held else None

    async def mend(self, error: TrimtabError) -> None:
        """Have an error that may quote a provider say only what guards let it."""
        if self._hooked is None or not isinstance(error, ProviderError):
            return
        self._hooked.observers.failed(error.what)
        if self._held:
            await mend(self._hooked, error)

    def heard(self, begun: Begun) -> Heard | None:
        """Where an answer is noted for guards that look at it when it is over."""
        heard = self._hooked.observers.heard if self._hooked is not None else None
        if heard is not None:
            heard.begin(self.ask.dialect.name if begun.relay.forwards else None)
        return heard

    async def observed(self) -> None:
        """Return when the guards that only look have seen everything."""
        if self._hooked is not None:
            hooked = self._hooked
            heard = hooked.observers.heard
            await hooked.observers.settle(hooked.told.texts if heard is not None else ())

    def unobserved(self) -> None:
        """Record the call without waiting for the guards that only look."""
        if self._hooked is not None:
            self._hooked.observers.abandon()

    @property
    def redacts(self) -> bool:
        """Whether something may be hidden in the record."""
        return self._redact is not None

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
        if self._hooked is None or self._hooked.may_record:
            self._trace.says(**settings_of(self.ask))
        self._obtaining.say(self._trace)

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
