"""Exchange: one admitted request, from the call of the model to the last byte of its answer.

Streamed and whole answers take the same path. The end of an answer is held back until the record of
the call is durable, so an answer that was received whole is an answer that was recorded. An answer
that is cut off, from either side, is recorded too, and what it used is settled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from trimtab.dialects.llm.answer import Fold
from trimtab.errors import ProviderError, TrimtabError
from trimtab.gateway.admission import Reservation
from trimtab.gateway.answer import Answer, Chunks, close
from trimtab.gateway.ask import Ask
from trimtab.gateway.attempts import Attempts
from trimtab.gateway.calling import Begun, Calling, Refused, is_stream
from trimtab.gateway.holding import Holding
from trimtab.gateway.hooks import Hooked, Hooks, refusal
from trimtab.gateway.journal import Journal
from trimtab.gateway.lookup import Lookup
from trimtab.gateway.prepare import Prepared, prepared
from trimtab.gateway.reask import Structured, structured
from trimtab.gateway.relay import Piece
from trimtab.gateway.rulings import on_record
from trimtab.gateway.snapshot import Plan
from trimtab.gateway.target import Target
from trimtab.gateway.trace import CallTrace, Outcome
from trimtab.kit import ids, jsonx
from trimtab.kit.headers import printable
from trimtab.ports import Clock
from trimtab.records import Span, Usage
from trimtab.records.span import SpanStatus

Remember = Callable[[str, Target], None]

_log = logging.getLogger("trimtab.gateway")
_CUT = "the provider's answer ended before it was complete"
_GONE = "the caller went away before the end of the answer"


class Exchange:
    """Owns a request until its record is durable; `when_done` runs exactly once, at the end."""

    def __init__(
        self,
        ask: Ask,
        plan: Plan,
        attempts: Attempts,
        reservation: Reservation,
        *,
        journal: Journal,
        clock: Clock,
        hooks: Hooks | None = None,
    ) -> None:
        self._ask = ask
        self._plan = plan
        self._attempts = attempts
        self._reservation = reservation
        self._journal = journal
        self._clock = clock
        self._trace = CallTrace(clock, ask.caller, plan, ask.dialect.name, free=ask.is_free)
        if ask.caller.key is not None:
            self._trace.says(period=reservation.day)  # the day whose budgets it counts for
        self._hooked = Hooked(hooks, ask, clock, route=plan.route) if hooks is not None else None
        # What guards have not seen does not go on record.
        self._asked = ask.dialect.messages(ask.envelope) if hooks is None else []
        self._sent: Any = self._asked
        self._calling: Calling | None = None
        self._begun: Begun | None = None
        self._fold: Fold | None = None
        self._mask: Callable[[bytes], bytes] | None = None
        self._first_token_ns: int | None = None
        self._status = 0  # of the provider's answer
        self._ours = False  # whether what went wrong is nobody's fault but Trimtab's
        self._spans: list[Span] = []
        self._remember: Remember | None = None
        self._lookup: Lookup | None = None
        self._structured = structured(ask)
        self._done: Callable[[], None] = lambda: None

    def when_done(self, callback: Callable[[], None]) -> None:
        self._done = callback

    def remember(self, remember: Remember) -> None:
        """Call with the provider's id of the answer and the target that gave it."""
        self._remember = remember

    def look_up(self, lookup: Lookup) -> None:
        """Ask the cache first."""
        self._lookup = lookup

    async def answer(self) -> Answer:
        """Call the model and start to answer; headers wait for the first content of an answer."""
        try:
            begun = await self._begin()
            if begun.body is not None:
                return await self._whole(begun, begun.body)
            pieces = self._streamed(begun)
            first = await anext(pieces, b"")
        except TrimtabError as error:
            error.fields |= self._facts()
            try:
                if not self._recorded:
                    failed = self._trace.failed(error)
                    await self._record(msgspec.structs.replace(failed, usage=self._spent()))
            finally:
                self._done()
            raise
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                self._record_late("cancelled", _GONE)
            else:
                self._record_late("error", repr(error)[:500])
            self._done()
            raise
        return self._answer(begun, Chunks(first, pieces, self._left))

    def _facts(self) -> dict[str, Any]:
        """Where an error is on record, and how far the request came."""
        facts: dict[str, Any] = {"trace_id": self._trace.trace_id}
        if self._attempts.records:
            facts["attempts"] = len(self._attempts.records)
            facts["model"] = self._attempts.records[-1].target
        return facts

    def _answer(self, begun: Begun, chunks: Chunks, body: bytes | None = None) -> Answer:
        return Answer(
            status=begun.reply.status,
            headers=self._headers(begun),
            chunks=chunks,
            trace_id=self._trace.trace_id,
            spans=self._spans,
            body=body,
        )

    def _headers(self, begun: Begun) -> dict[str, str]:
        headers = {**begun.reply.headers, **self._reservation.headers}
        headers["x-trimtab-trace-id"] = self._trace.trace_id
        headers["x-trimtab-model"] = begun.target.card.id
        if self._plan.deployment is not None:
            headers["x-trimtab-release"] = self._plan.deployment.release.ref
        if self._plan.prompt is not None:
            headers["x-trimtab-prompt"] = self._plan.prompt.prompt.ref
        if lost := (*begun.lost, *begun.relay.lost):
            headers["x-trimtab-lost"] = ", ".join(dict.fromkeys(lost))[:2000]
        if self._lookup is not None and self._lookup.verdict is not None:
            headers["x-trimtab-cache"] = self._lookup.verdict
        if self._structured is not None:
            headers |= self._structured.headers
        if len(self._attempts.records) > 1:
            headers["x-trimtab-attempts"] = str(len(self._attempts.records))
        return {
            name: printable(value) if name.startswith("x-trimtab-") else value
            for name, value in headers.items()
        }

    # -- call ----------------------------------------------------------------------------------

    async def _begin(self) -> Begun:
        """The answer of the first target that has one; of the last that refused, if none has."""
        hooked = self._hooked
        if hooked is not None:
            await self._screened(hooked)
        request = await prepared(
            self._ask,
            self._asked,
            self._plan,
            self._trace,
            self._clock,
            screen=hooked.passages if hooked is not None else None,
        )
        self._sent = request.sent
        if self._plan.is_route:
            self._trace.says(**self._choice())
        self._trace.calling()
        timeouts = self._plan.compiled.timeouts
        held = hooked is not None and hooked.guards_output
        self._calling = Calling(self._ask, request, timeouts, self._clock, held=held)
        call = self._called(self._calling, request)
        try:
            begun = await (call if hooked is None else hooked.beside(call, drop=_dropped))
        except Refused as refused:
            begun = refused.begun
        if self._structured is not None and begun.body is not None:
            begun = await self._reasked(self._structured, begun, request)
        self._fold, self._mask = begun.relay.fold, begun.reply.mask
        self._status = begun.reply.status
        if begun.lost:
            self._trace.says(lost=list(begun.lost))
        return begun

    def _choice(self) -> dict[str, Any]:
        """How the target was found, where there was one to find."""
        pool = self._plan.arm.pool
        said: dict[str, Any] = {"choose": pool.choose} if len(pool.ids) > 1 else {}
        if passed_over := self._attempts.passed_over(pool.ids):
            said["passed_over"] = passed_over
        return said

    async def _called(self, calling: Calling, request: Prepared) -> Begun:
        """The answer of a model, or one that the cache has."""
        run = partial(self._attempts.run, calling, measured=_is_answer)
        lookup = self._lookup
        if lookup is None:
            self._begun = await run()
            return self._begun
        calling.keep_bytes = lookup.most_bytes
        approves = self._reservation.approves
        begun = await lookup.begin(self._ask, request, run, approves=approves)
        if lookup.found is not None:
            calling.target = begun.target
            if self._hooked is not None and self._hooked.guards_output:
                begun.relay.hold()
        self._begun = begun
        return begun

    async def _reasked(self, structured: Structured, begun: Begun, request: Prepared) -> Begun:
        """The answer, or a later one that matches the schema it must match."""
        if begun.reply.status >= 400 or self._found:
            return begun
        timeouts = self._plan.compiled.timeouts
        held = self._hooked is not None and self._hooked.guards_output

        async def again(changed: Prepared) -> Begun:
            return await Calling(self._ask, changed, timeouts, self._clock, held=held)(begun.target)

        return await structured.settled(begun, self._ask, request, again, limit_s=timeouts.total_s)

    async def _screened(self, hooked: Hooked) -> None:
        """Let the guards see the request, which is the one they leave from now on."""
        block = await hooked.before()
        self._ask = hooked.ask
        if hooked.may_record:
            self._asked = self._sent = self._ask.dialect.messages(self._ask.envelope)
        if block is not None:
            raise refusal(block)

    def _holding(self, begun: Begun) -> Holding | None:
        """What stands between an answer and the caller where guards look at it."""
        if self._hooked is None or not self._hooked.guards_output:
            return None
        created_s = self._clock.now_ns() // 1_000_000_000
        ask = self._ask
        writer = ask.dialect.writer(ask.envelope, id=ids.span_id(), created_s=created_s)
        return Holding(self._hooked, begun.relay, writer, native=begun.relay.forwards)

    # -- forward -------------------------------------------------------------------------------

    async def _whole(self, begun: Begun, body: bytes) -> Answer:
        fold = begun.relay.fold
        if begun.reply.status >= 400:
            begun, body = self._refusal(begun, body)
        elif (holding := self._holding(begun)) is not None:
            body = await holding.whole(body)
        else:
            body = begun.relay.whole(body)
        self._fold = fold
        await self._record(self._outcome(begun.reply.status))
        self._done()
        return self._answer(begun, Chunks.whole(body), body)

    def _refusal(self, begun: Begun, body: bytes) -> tuple[Begun, bytes]:
        """A provider's error: its own JSON as it came, anything else in the caller's dialect."""
        text = body[:500].decode("utf-8", "replace")
        begun.relay.fold.error = f"HTTP {begun.reply.status}: {text}"
        is_json = "json" in begun.reply.headers.get("content-type", "").lower()
        if is_json and not begun.translated:
            return begun, body
        said = begun.relay.refusal(body) if is_json else None
        error = ProviderError(
            said or f"{begun.target.card.provider} answered HTTP {begun.reply.status} without JSON",
            fix=None if said else "see the trace for what it said",
        )
        headers = {**begun.reply.headers, "content-type": "application/json"}
        reply = msgspec.structs.replace(begun.reply, headers=headers)
        return msgspec.structs.replace(begun, reply=reply), self._ask.dialect.error(error)

    async def _streamed(self, begun: Begun) -> AsyncIterator[bytes]:
        """Forward events as they come; hold the last one until the record is durable."""
        fold = begun.relay.fold
        forwarded = False
        source = _pieces(begun)
        if (holding := self._holding(begun)) is not None:
            source = holding.pieces(source)
        try:
            async for pieces in source:
                for data in self._held(pieces):
                    if data is None:
                        await self._record(self._outcome(begun.reply.status))
                    elif data:
                        yield data
                        forwarded = True
            if not self._recorded:
                await self._record(self._outcome(begun.reply.status))
            if not fold.complete and fold.error is None:
                raise ProviderError(_CUT, fix="retry the call")
        except Exception as error:
            said = await self._broken(error)
            if not forwarded:
                raise
            yield self._ask.dialect.error_event(said)
        finally:
            await close(begun.reply.chunks)

    def _held(self, pieces: Sequence[Piece]) -> list[bytes | None]:
        """The bytes of pieces, joined; None where the record must be written before the rest."""
        if self._first_token_ns is None and any(piece.has_content for piece in pieces):
            self._first_token_ns = self._clock.now_ns()
        if len(pieces) == 1 and not pieces[0].ends:
            return [pieces[0].data]
        found: list[bytes | None] = []
        before: list[bytes] = []
        for piece in pieces:
            if piece.ends and not self._recorded and None not in found:
                found += [b"".join(before), None]
                before = []
            before.append(piece.data)
        return [*found, b"".join(before)]

    async def _broken(self, error: Exception) -> TrimtabError:
        """Record a stream that failed on the way; what its caller is told."""
        said, on_record = error, str(error)
        if not isinstance(said, TrimtabError):
            _log.error("the answer of trace %s broke", self._trace.trace_id, exc_info=error)
            self._ours = True
            said = ProviderError("the answer broke off inside Trimtab", fix="retry the call")
            on_record = repr(error)[:500]
        if not self._recorded:
            try:
                await self._record(self._partial("error", on_record))
            except TrimtabError as refused:
                return refused
        return said

    # -- record --------------------------------------------------------------------------------

    def _outcome(self, status: int) -> Outcome:
        fold = self._fold or Fold()
        error = fold.error
        if error is None and not fold.complete:
            error = _CUT
        outcome = self._partial("error" if error else "ok", error)
        attributes: dict[str, Any] = {"http.response.status_code": status}
        if fold.truncated:
            attributes["trimtab.output.truncated"] = True
        if fold.finish_reason:
            attributes["gen_ai.response.finish_reasons"] = [fold.finish_reason]
        output = outcome.output if status < 400 else None
        return msgspec.structs.replace(outcome, output=output, attributes=attributes)

    def _partial(self, status: SpanStatus, error: str | None) -> Outcome:
        """What has been read of the answer so far."""
        fold = self._fold
        if fold is None:
            return Outcome(status=status, error=error, usage=self._spent())
        return Outcome(
            status=status,
            error=error,
            output=self._output(fold),
            usage=self._structured.total(fold.usage) if self._structured else fold.usage,
            model=fold.model,
            first_token_ns=self._first_token_ns,
        )

    def _spent(self) -> Usage | None:
        """What was used before anything went to the caller, by answers that nobody gets."""
        earlier = self._structured.total(None) if self._structured is not None else None
        if earlier is not None or self._begun is None or self._found:
            return earlier
        return self._begun.usage

    @property
    def _found(self) -> bool:
        """Whether the answer is one that the cache had."""
        return self._lookup is not None and self._lookup.found is not None

    def _output(self, fold: Fold) -> Any:
        """The answer's message as it goes on record; only a credential makes it worth rewriting."""
        output = [fold.message]
        if self._mask is None:
            return output
        return jsonx.decode(self._mask(jsonx.encode(output)))

    @property
    def _recorded(self) -> bool:
        return bool(self._spans)

    def _finish(self, outcome: Outcome) -> list[Span]:
        if self._hooked is not None:
            self._guarded(self._hooked)
        if outcome.status == "cancelled" or self._ours:
            self._attempts.release()
        else:
            self._attempts.over(failed=outcome.status == "error" and self._status < 400)
        if len(self._attempts.records) > 1:
            self._trace.says(attempts=msgspec.to_builtins(self._attempts.records))
        target = self._calling.target if self._calling is not None else None
        if self._remember is not None and target is not None and self._fold and self._fold.id:
            self._remember(self._fold.id, target)
        if self._structured is not None:
            self._trace.says(**self._structured.said)
            self._trace.earlier = self._structured.earlier
        if self._lookup is not None:
            self._trace.says(**self._lookup.said)
            if self._found:
                outcome = msgspec.structs.replace(outcome, usage=None, free=True)
        self._spans += self._trace.finish(target, self._asked, self._sent, outcome)
        call = self._spans[-1 if self._plan.is_chain else 0]
        self._reservation.settle(call.usage, call.cost_usd)
        return self._spans

    def _guarded(self, hooked: Hooked) -> None:
        entries = hooked.entries
        if entries:
            self._trace.says(guards=on_record(entries))
        for entry in entries:
            if entry.acted:
                self._trace.guarded(entry)
        if hooked.ask is not self._ask and hooked.may_record:
            # A guard beside the call has said what the record shows of the request.
            self._ask = hooked.ask
            self._asked = self._sent = self._ask.dialect.messages(self._ask.envelope)
        if hooked.blocked is not None:
            # A guard's refusal says nothing about the target.
            self._ours = True
            self._trace.says(blocked=hooked.blocked.guard)

    async def _record(self, outcome: Outcome) -> None:
        await self._journal.write(self._finish(outcome))

    def _record_late(self, status: SpanStatus, error: str) -> None:
        if not self._recorded:
            self._journal.write_late(self._finish(self._partial(status, error)))

    def _left(self) -> None:
        """The answer was closed: by its end, by the caller, or by an error on the way."""
        self._record_late("cancelled", _GONE)
        self._done()


def _is_answer(begun: Begun) -> bool:
    return begun.reply.status < 400


async def _dropped(begun: Begun) -> None:
    """An answer that a guard keeps from the caller."""
    await close(begun.reply.chunks)


async def _pieces(begun: Begun) -> AsyncIterator[Sequence[Piece]]:
    """The pieces of a stream, those of its beginning first, as many at a time as came together."""
    yield begun.head
    async for chunk in begun.reply.chunks:
        yield begun.relay.feed(chunk)
    yield begun.relay.end()


__all__ = ["Answer", "Exchange", "is_stream"]
