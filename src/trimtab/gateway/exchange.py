"""Exchange: one admitted request, from the beginning of its answer to the last byte.

Streamed and whole answers take the same path. The end of an answer is held back until the record of
the call is durable, so an answer that was received whole is an answer that was recorded. An answer
that is cut off, from either side, is recorded too, and what it used is settled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from trimtab.dialects.llm.answer import Fold
from trimtab.errors import ProviderError, TrimtabError
from trimtab.gateway.admission import Reservation
from trimtab.gateway.answer import Answer, Chunks, close
from trimtab.gateway.ask import Ask
from trimtab.gateway.attempts import Attempts
from trimtab.gateway.beginning import Beginning
from trimtab.gateway.calling import ANSWER_BYTES, CUT, Begun, is_stream
from trimtab.gateway.failing import WITHHELD
from trimtab.gateway.fragments import unbroken
from trimtab.gateway.heard import Heard
from trimtab.gateway.hooks import Hooks
from trimtab.gateway.journal import Journal
from trimtab.gateway.lookup import Lookup
from trimtab.gateway.relay import AnswerTooLarge, Piece
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.target import Target
from trimtab.gateway.trace import CallTrace, Outcome
from trimtab.kit import jsonx
from trimtab.ports import Clock
from trimtab.records import Span
from trimtab.records.span import SpanStatus

Remember = Callable[[str, Target], None]

_log = logging.getLogger("trimtab.gateway")
_GONE = "the caller went away before the end of the answer"


class Exchange:
    """Owns a request until its record is durable; `when_done` runs exactly once, at the end."""

    def __init__(
        self,
        ask: Ask,
        resolution: Resolution,
        attempts: Attempts,
        reservation: Reservation,
        *,
        journal: Journal,
        clock: Clock,
        hooks: Hooks | None = None,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        self._dialect = ask.dialect
        self._resolution = resolution
        self._attempts = attempts
        self._reservation = reservation
        self._journal = journal
        self._clock = clock
        self._trace = CallTrace(clock, ask.caller, resolution, ask.dialect.name, free=ask.is_free)
        if ask.caller.key is not None:
            self._trace.says(period=reservation.day)  # the day whose budgets it counts for
        if (canary := resolution.compiled.beside(resolution.arm, ask)) is not None:
            self._trace.says(beside=canary)
        self._start = Beginning(
            ask,
            resolution,
            attempts,
            reservation,
            self._trace,
            clock,
            hooks=hooks,
            answer_bytes=answer_bytes,
        )
        self._fold: Fold | None = None
        self._mask: Callable[[bytes], bytes] | None = None
        self._first_token_ns: int | None = None
        self._status = 0  # of the provider's answer
        self._ours = False  # whether what went wrong is nobody's fault but Trimtab's
        self._spans: list[Span] = []
        self._remember: Remember | None = None
        self._done: Callable[[], None] = lambda: None

    def when_done(self, callback: Callable[[], None]) -> None:
        self._done = callback

    def remember(self, remember: Remember) -> None:
        """Call with the provider's id of the answer and the target that gave it."""
        self._remember = remember

    def look_up(self, lookup: Lookup) -> None:
        """Ask the cache first."""
        self._start.look_up(lookup)

    async def answer(self) -> Answer:
        """Call the model and start to answer; headers wait for the first content of an answer."""
        try:
            begun = await self._start.begin()
            self._fold, self._mask = begun.relay.fold, begun.reply.mask
            self._status = begun.reply.status
            if begun.body is not None:
                return await self._whole(begun, begun.body)
            pieces = self._streamed(begun)
            first = await anext(pieces, b"")
        except TrimtabError as error:
            error.fields |= self._start.facts
            await self._start.mend(error)
            try:
                if not self._recorded:
                    failed = self._trace.failed(error)
                    await self._record(msgspec.structs.replace(failed, usage=self._start.spent))
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

    def _answer(self, begun: Begun, chunks: Chunks, body: bytes | None = None) -> Answer:
        return Answer(
            status=begun.reply.status,
            headers=self._start.headers(begun),
            chunks=chunks,
            trace_id=self._trace.trace_id,
            spans=self._spans,
            body=body,
        )

    # -- forward -------------------------------------------------------------------------------

    async def _whole(self, begun: Begun, body: bytes) -> Answer:
        fold = begun.relay.fold
        if begun.reply.status >= 400:
            begun, body = await self._refusal(begun, body)
        else:
            if (heard := self._start.heard(begun)) is not None:
                heard.body(body, begun.relay.read_whole(body))
            holding = self._start.holding(begun)
            body = begun.relay.whole(body) if holding is None else await holding.whole(body)
        self._fold = fold
        await self._record(self._outcome(begun.reply.status))
        self._done()
        return self._answer(begun, Chunks.whole(body), body)

    async def _refusal(self, begun: Begun, body: bytes) -> tuple[Begun, bytes]:
        """A provider's error: its own JSON as it came, anything else in the caller's dialect.

        Where guards of the answer want something out of it, it is its message without that.
        """
        status, fold = begun.reply.status, begun.relay.fold
        text = body[:500].decode("utf-8", "replace")
        is_json = "json" in begun.reply.headers.get("content-type", "").lower()
        said = begun.relay.refusal(body) if is_json else None
        message = await self._start.without(said or "", body)
        fold.error = f"HTTP {status}: {text if message is None else message or WITHHELD}"
        if is_json and not begun.translated and message is None:
            return begun, body
        if message is not None:
            said = message or (WITHHELD if is_json else None)
        error = ProviderError(
            said or f"{begun.target.card.provider} answered HTTP {status} without JSON",
            fix=None if said else "see the trace for what it said",
            status=status,
        )
        headers = {**begun.reply.headers, "content-type": "application/json"}
        reply = msgspec.structs.replace(begun.reply, headers=headers)
        return msgspec.structs.replace(begun, reply=reply), self._dialect.error(error)

    async def _streamed(self, begun: Begun) -> AsyncIterator[bytes]:
        """Forward events as they come; hold the last one until the record is durable."""
        fold = begun.relay.fold
        forwarded = False
        source = self._watched(begun)
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
                raise ProviderError(CUT, fix="retry the call")
        except Exception as error:
            said = await self._broken(error)
            if not forwarded:
                raise
            yield self._dialect.error_event(said)
        finally:
            await close(begun.reply.chunks)

    def _watched(self, begun: Begun) -> AsyncIterator[Sequence[Piece]]:
        """The pieces of a stream as guards let them pass, noted for those that only look."""
        source = _pieces(begun, self._start.heard(begun))
        holding = self._start.holding(begun)
        return source if holding is None else holding.pieces(source)

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
        self._ours = isinstance(error, AnswerTooLarge)
        if not isinstance(said, TrimtabError):
            _log.error("the answer of trace %s broke", self._trace.trace_id, exc_info=error)
            self._ours = True
            said = ProviderError("the answer broke off inside Trimtab", fix="retry the call")
            on_record = repr(error)[:500]
        else:
            await self._start.mend(said)
            on_record = str(said)
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
            error = CUT
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
            return Outcome(status=status, error=error, usage=self._start.spent)
        return Outcome(
            status=status,
            error=error,
            output=self._output(fold),
            usage=self._start.total(fold.usage),
            model=fold.model,
            first_token_ns=self._first_token_ns,
        )

    def _output(self, fold: Fold) -> Any:
        """The answer's message as it goes on record; only a credential makes it worth rewriting."""
        broke_off = self._start.redacts and not fold.complete
        output = [unbroken(fold.message) if broke_off else fold.message]
        if self._mask is None:
            return output
        return jsonx.decode(self._mask(jsonx.encode(output)))

    @property
    def _recorded(self) -> bool:
        return bool(self._spans)

    def _finish(self, outcome: Outcome) -> list[Span]:
        start = self._start
        start.say()
        # A guard's refusal says nothing about the target.
        if start.blocked or outcome.status == "cancelled" or self._ours:
            self._attempts.release()
        else:
            self._attempts.over(failed=outcome.status == "error" and self._status < 400)
        if len(self._attempts.records) > 1:
            self._trace.says(attempts=msgspec.to_builtins(self._attempts.records))
        target = start.target
        if self._remember is not None and target is not None and self._fold and self._fold.id:
            self._remember(self._fold.id, target)
        if start.found:
            outcome = msgspec.structs.replace(outcome, usage=None, free=True)
        self._spans += self._trace.finish(target, start.asked, start.sent, outcome)
        call = self._spans[-1 if self._resolution.is_chain else 0]
        self._reservation.settle(call.usage, call.cost_usd)
        return self._spans

    async def _record(self, outcome: Outcome) -> None:
        await self._start.observed()
        spans = self._finish(outcome)
        spans[:] = await self._start.redacted(spans)
        await self._journal.write(spans)

    def _record_late(self, status: SpanStatus, error: str) -> None:
        if not self._recorded:
            self._start.unobserved()
            spans = self._finish(self._partial(status, error))
            spans[:] = self._start.redacted_now(spans)
            self._journal.write_late(spans)

    def _left(self) -> None:
        """The answer was closed: by its end, by the caller, or by an error on the way."""
        self._record_late("cancelled", _GONE)
        self._done()


async def _pieces(begun: Begun, heard: Heard | None) -> AsyncIterator[Sequence[Piece]]:
    """The pieces of a stream, those of its beginning first, as many at a time as came together."""
    if heard is None:
        yield begun.head
        async for chunk in begun.reply.chunks:
            yield begun.relay.feed(chunk)
        yield begun.relay.end()
        return
    yield heard.pieces(begun.head)
    async for chunk in begun.reply.chunks:
        yield heard.pieces(begun.relay.feed(chunk))
    yield heard.pieces(begun.relay.end())


__all__ = ["Answer", "Exchange", "is_stream"]
