"""Exchange: one admitted request, from the call of the model to the last byte of its answer.

Streamed and whole answers take the same path. The provider's bytes are forwarded untouched; the end
of an answer is held back until the record of the call is durable, so an answer that was received
whole is an answer that was recorded. An answer that is cut off, from either side, is recorded too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

from trimtab.dialects import openai_chat
from trimtab.dialects.openai_chat import ChatRequest, Fold
from trimtab.errors import ProviderError, ProviderTimeout, TrimtabError
from trimtab.gateway import prepare
from trimtab.gateway.journal import Journal
from trimtab.gateway.snapshot import Plan
from trimtab.gateway.trace import Caller, CallTrace, Outcome
from trimtab.kit import jsonx, sse
from trimtab.ports import Call, Clock, Reply
from trimtab.records import Span
from trimtab.records.span import SpanStatus

_log = logging.getLogger("trimtab.gateway")
_MAX_BODY_BYTES = 64 << 20  # of an answer that is not a stream
_MAX_EVENT_BYTES = 16 << 20  # of one event of a stream
_CUT = "the provider's answer ended before it was complete"
_GONE = "the caller went away before the end of the answer"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back to the caller.

    `chunks` must be closed (`aclose`) however far it was read: that is when the call is on record
    and its place in the gateway is given back. `spans` is filled when the call is recorded.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Chunks
    trace_id: str
    spans: list[Span]


class Chunks:
    """The bytes of an answer; unlike a generator it can be closed before it was started."""

    def __init__(
        self, first: bytes, rest: AsyncIterator[bytes], on_close: Callable[[], None]
    ) -> None:
        self._first = first
        self._rest = rest
        self._on_close: Callable[[], None] | None = on_close

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, b""
        return first or await anext(self._rest)

    async def aclose(self) -> None:
        """Stop the provider if it is still answering; closing twice does nothing."""
        on_close, self._on_close = self._on_close, None
        if on_close is None:
            return
        try:
            await _close(self._rest)
        finally:
            on_close()


class Exchange:
    """Owns a request until its record is durable; `when_done` runs exactly once, at the end."""

    def __init__(
        self,
        request: ChatRequest,
        plan: Plan,
        caller: Caller,
        *,
        journal: Journal,
        clock: Clock,
        timeout_s: float,
    ) -> None:
        self._request = request
        self._plan = plan
        self._journal = journal
        self._clock = clock
        self._timeout_s = timeout_s
        route = plan.deployment.release.route if plan.deployment else None
        self._trace = CallTrace(clock, caller, plan, route=route)
        self._asked = prepare.asked(request)
        self._sent: Any = self._asked
        self._fold = Fold(stream=request.stream)
        self._first_token_ns: int | None = None
        self._mask: Callable[[bytes], bytes] | None = None
        self._reworded = False  # the body is not the provider's but ours
        self._spans: list[Span] = []
        self._done: Callable[[], None] = lambda: None

    def when_done(self, callback: Callable[[], None]) -> None:
        self._done = callback

    async def answer(self) -> Answer:
        """Call the model and start to answer; headers wait for the first bytes of an answer."""
        try:
            reply = await self._call()
            body = self._streamed(reply) if self._is_stream(reply) else self._whole(reply)
            first = await anext(body, b"")
        except TrimtabError as error:
            self._done()
            if not self._recorded:
                await self._record(self._trace.failed(error))
            raise
        except BaseException as error:
            self._done()
            if isinstance(error, asyncio.CancelledError):
                self._record_late("cancelled", _GONE)
            else:
                self._record_late("error", repr(error)[:500])
            raise
        return Answer(
            status=reply.status,
            headers={**reply.headers, **self._headers()},
            chunks=Chunks(first, body, self._left),
            trace_id=self._trace.trace_id,
            spans=self._spans,
        )

    def _headers(self) -> dict[str, str]:
        headers = {"x-trimtab-trace-id": self._trace.trace_id}
        if self._plan.deployment is not None:
            headers["x-trimtab-release"] = self._plan.deployment.release.ref
        if self._reworded:
            headers["content-type"] = "application/json"
        return headers

    def _is_stream(self, reply: Reply) -> bool:
        """Whether the answer is a stream; a provider may answer a stream request with JSON."""
        content_type = reply.headers.get("content-type", "").lower()
        self._mask = reply.mask
        stream = reply.status < 400 and content_type.startswith("text/event-stream")
        self._fold = Fold(stream=stream)
        return stream

    # -- call ----------------------------------------------------------------------------------

    async def _call(self) -> Reply:
        body = await self._body()
        self._trace.calling()
        target = self._plan.target
        call = Call(
            model=target.model, body=body, stream=self._request.stream, timeout_s=self._timeout_s
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                return await target.provider.send(call)
        except TimeoutError:
            raise ProviderTimeout(
                f"{target.card.provider} did not start to answer in {self._timeout_s:g} s",
                fix="retry, or raise the provider's timeout_s",
            ) from None

    async def _body(self) -> bytes:
        """The request for the provider: its model's own name, and what the release decides."""
        request, deployment = self._request, self._plan.deployment
        changes: dict[str, Any] = {}
        if deployment is not None:
            changes |= deployment.parameters
            if opening := await prepare.opening(request, deployment, self._trace, self._clock):
                changes["messages"] = prepare.opened(opening, request)
                self._sent = [*opening, *self._asked]
        changes["model"] = self._plan.target.model
        if request.stream and not request.wants_usage:
            changes["stream_options"] = prepare.with_usage(request)
        return request.body(**changes)

    # -- forward -------------------------------------------------------------------------------

    async def _whole(self, reply: Reply) -> AsyncIterator[bytes]:
        try:
            body = await _collected(reply.chunks)
        finally:
            await _close(reply.chunks)
        if reply.status >= 400:
            body = self._refusal(reply, body)
        else:
            self._fold.feed(body)
            self._fold.finish()
        await self._record(self._outcome(reply.status))
        yield body

    def _refusal(self, reply: Reply, body: bytes) -> bytes:
        """A provider's error: its own JSON as it came, anything else in the caller's dialect."""
        text = body[:500].decode("utf-8", "replace")
        self._fold.error = f"HTTP {reply.status}: {text}"
        if "json" in reply.headers.get("content-type", "").lower():
            return body
        self._reworded = True
        error = ProviderError(
            f"{self._plan.target.card.provider} answered HTTP {reply.status} without JSON",
            fix="see the trace for what it said",
        )
        return jsonx.encode(openai_chat.error_body(error))

    async def _streamed(self, reply: Reply) -> AsyncIterator[bytes]:
        """Forward events as they come; hold the last one until the record is durable."""
        decoder = sse.Decoder(max_event_bytes=_MAX_EVENT_BYTES)
        forwarded = False
        try:
            async for chunk in reply.chunks:
                for event in _events(decoder, chunk):
                    if event.data == "[DONE]" and not self._recorded:
                        self._fold.event(event.data)
                        await self._record(self._outcome(reply.status))
                    if self._read(event):
                        yield event.raw
                        forwarded = True
            self._fold.finish()
            if not self._recorded:
                await self._record(self._outcome(reply.status))
            if not self._fold.complete and self._fold.error is None:
                raise ProviderError(_CUT, fix="retry the call")
        except Exception as error:
            said = await self._broken(error)
            if not forwarded:
                raise
            yield _error_event(said)
        finally:
            await _close(reply.chunks)

    async def _broken(self, error: Exception) -> TrimtabError:
        """Record a stream that failed on the way; what its caller is told."""
        said, on_record = error, str(error)
        if not isinstance(said, TrimtabError):
            _log.error("the answer of trace %s broke", self._trace.trace_id, exc_info=error)
            said = ProviderError("the answer broke off inside Trimtab", fix="retry the call")
            on_record = repr(error)[:500]
        if not self._recorded:
            try:
                await self._record(self._partial("error", on_record))
            except TrimtabError as refused:
                return refused
        return said

    def _read(self, event: sse.Event) -> bool:
        """Read an event; False for a usage chunk that only Trimtab asked for."""
        if event.data is None or event.data == "[DONE]":
            return True
        if self._fold.event(event.data) and self._first_token_ns is None:
            self._first_token_ns = self._clock.now_ns()
        return self._request.wants_usage or not _only_usage(event.data)

    # -- record --------------------------------------------------------------------------------

    def _outcome(self, status: int) -> Outcome:
        error = self._fold.error
        if error is None and not self._fold.complete:
            error = _CUT
        outcome = self._partial("error" if error else "ok", error)
        attributes: dict[str, Any] = {"http.response.status_code": status}
        if self._fold.truncated:
            attributes["trimtab.output.truncated"] = True
        if self._fold.finish_reason:
            attributes["gen_ai.response.finish_reasons"] = [self._fold.finish_reason]
        output = outcome.output if status < 400 else None
        return msgspec.structs.replace(outcome, output=output, attributes=attributes)

    def _partial(self, status: SpanStatus, error: str | None) -> Outcome:
        """What has been read of the answer so far."""
        return Outcome(
            status=status,
            error=error,
            output=self._output(),
            usage=self._fold.usage,
            model=self._fold.model,
            first_token_ns=self._first_token_ns,
        )

    def _output(self) -> Any:
        """The answer's message as it goes on record; only a credential makes it worth rewriting."""
        output = [self._fold.message]
        if self._mask is None:
            return output
        return jsonx.decode(self._mask(jsonx.encode(output)))

    @property
    def _recorded(self) -> bool:
        return bool(self._spans)

    def _finish(self, outcome: Outcome) -> list[Span]:
        self._spans += self._trace.finish(self._asked, self._sent, outcome)
        return self._spans

    async def _record(self, outcome: Outcome) -> None:
        await self._journal.write(self._finish(outcome))

    def _record_late(self, status: SpanStatus, error: str) -> None:
        if not self._recorded:
            self._journal.write_late(self._finish(self._partial(status, error)))

    def _left(self) -> None:
        """The answer was closed: by its end, by the caller, or by an error on the way."""
        self._record_late("cancelled", _GONE)
        self._done()


async def _collected(chunks: AsyncIterator[bytes]) -> bytes:
    """A whole body, given up as soon as it is known to be too large."""
    parts: list[bytes] = []
    size_bytes = 0
    async for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > _MAX_BODY_BYTES:
            raise _too_large(f"an answer of more than {_MAX_BODY_BYTES:,} bytes")
        parts.append(chunk)
    return b"".join(parts)


def _events(decoder: sse.Decoder, chunk: bytes) -> list[sse.Event]:
    try:
        return decoder.feed(chunk)
    except sse.EventTooLarge as error:
        raise _too_large(str(error)) from None


def _too_large(what: str) -> ProviderError:
    return ProviderError(
        f"the provider sent {what}", fix="ask for a shorter answer, or for fewer choices"
    )


def _only_usage(data: str) -> bool:
    """Whether an event is the extra usage chunk: usage and no choices."""
    if '"usage"' not in data:
        return False
    try:
        wire = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(wire, dict) and bool(wire.get("usage")) and wire.get("choices") == []


def _error_event(error: TrimtabError) -> bytes:
    return sse.encode(jsonx.encode(openai_chat.error_body(error)))


async def _close(chunks: AsyncIterator[bytes]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
