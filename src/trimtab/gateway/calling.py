"""Calling: one attempt at one target, up to the first content of its answer.

Until content came nothing has gone to the caller, so what fails here can be tried again elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import chain

import msgspec

from trimtab.dialects.llm.dialect import Dialect
from trimtab.dialects.llm.parts import Failed, Part, Used
from trimtab.errors import ProviderError, ProviderTimeout
from trimtab.gateway.answer import close
from trimtab.gateway.ask import Ask
from trimtab.gateway.kept import Kept
from trimtab.gateway.outgoing import Outgoing, outgoing
from trimtab.gateway.prepare import Prepared
from trimtab.gateway.refusals import Retryable, retryable
from trimtab.gateway.relay import AnswerTooLarge, Piece, Relay
from trimtab.gateway.target import Target
from trimtab.kit import ids
from trimtab.ports import Clock, Reply
from trimtab.records import Usage
from trimtab.records.route import Timeouts

CUT = "the provider's answer ended before it was complete"
ANSWER_BYTES = 64 << 20
"""The most of one answer, by default."""
_NS_PER_S = 1_000_000_000


class Refused(ProviderError):
    """A provider answered, with an error; what it said can still go to the caller."""

    def __init__(self, begun: Begun, provider: str) -> None:
        super().__init__(
            f"{provider} answered HTTP {begun.reply.status}",
            fix="see the trace for what it said",
            status=begun.reply.status,
        )
        self.begun = begun


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that has begun: whole, or a stream with its first pieces.

    `lost` is what of the request could not be said to this target; `dialect` is the answer's.
    """

    target: Target
    reply: Reply
    relay: Relay
    lost: tuple[str, ...]
    translated: bool
    dialect: Dialect
    body: bytes | None = None
    head: tuple[Piece, ...] = ()

    @property
    def usage(self) -> Usage | None:
        """What is known of its use: of a whole answer all, of a stream what it began with."""
        if self.reply.status >= 400:
            return None
        if self.body is not None:
            parts: Iterable[Part] = self.relay.read_whole(self.body)
        else:
            parts = chain.from_iterable(piece.parts for piece in self.head)
        used = [part.usage for part in parts if isinstance(part, Used)]
        return used[-1] if used else None


class Calling:
    """Calls targets for one request; implements the `call` of `attempts.Attempts`.

    `keep_bytes`: streams of up to so many are kept while they pass. `held`: relays only read,
    because guards stand before the caller. `answer_bytes`: more of one answer is not taken.
    """

    def __init__(
        self,
        ask: Ask,
        prepared: Prepared,
        timeouts: Timeouts,
        clock: Clock,
        *,
        held: bool = False,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        self._held = held
        self._answer_bytes = answer_bytes
        self._ask = ask
        self._prepared = prepared
        self._timeouts = timeouts
        self._clock = clock
        self.target: Target | None = None  # asked last
        self.keep_bytes = 0

    async def __call__(self, target: Target) -> Begun:
        """Call a target; returns with the first content of its answer.

        Raises:
            Retryable: nothing came that could go to the caller.
            InvalidRequest: the target cannot be asked this.
            AnswerTooLarge: it would be as large from another.
        """
        self.target = target
        out = outgoing(self._ask, self._prepared, target, self._timeouts)
        try:
            # A whole answer may take all the time there is, which `Attempts` looks after.
            if not self._ask.envelope.stream:
                return await self._sent(target, out)
            async with asyncio.timeout(self._timeouts.first_token_s):
                return await self._sent(target, out)
        except TimeoutError:
            raise Retryable(_late(target, self._timeouts.first_token_s)) from None
        except AnswerTooLarge:
            raise
        except ProviderError as error:
            # A target that refuses our credential, or the request, will do so again.
            final = 400 <= error.fields.get("answered", 0) < 500
            raise Retryable(error, again=not final) from error

    async def _sent(self, target: Target, out: Outgoing) -> Begun:
        reply = self._kept(await target.provider.send(out.call))
        begun = Begun(
            target=target,
            reply=reply,
            relay=self._relay(out.dialect, reply),
            lost=(*out.lost, *reply.lost),
            translated=out.dialect is not self._ask.dialect,
            dialect=out.dialect,
        )
        return await self._begin(begun)

    def _relay(self, dialect: Dialect, reply: Reply) -> Relay:
        ask = self._ask
        writer = None
        if dialect is not ask.dialect:
            created_s = self._clock.now_ns() // _NS_PER_S
            writer = ask.dialect.writer(ask.envelope, id=ids.span_id(), created_s=created_s)
        return Relay(
            dialect.reader(),
            writer,
            hides_usage=ask.envelope.stream and not ask.envelope.wants_usage,
            raw=not is_stream(reply),
            held=self._held,
            most_bytes=self._answer_bytes,
        )

    def _kept(self, reply: Reply) -> Reply:
        if not self.keep_bytes or not is_stream(reply):
            return reply
        chunks = Kept(reply.chunks, most_bytes=self.keep_bytes)
        return msgspec.structs.replace(reply, chunks=chunks)

    def _streams(self, reply: Reply) -> bool:
        """Whether an answer is forwarded as it comes: events, and bytes that nobody reads."""
        if self._ask.passing is None:
            return is_stream(reply)
        return reply.status < 400 and "json" not in reply.headers.get("content-type", "")

    async def _begin(self, begun: Begun) -> Begun:
        reply = begun.reply
        try:
            if not self._streams(reply):
                body = await self._collected(reply)
                await close(reply.chunks)
                return self._accepted(msgspec.structs.replace(begun, body=body))
            head = await self._head(begun)
        except BaseException:
            await close(reply.chunks)
            raise
        return msgspec.structs.replace(begun, head=tuple(head))

    async def _collected(self, reply: Reply) -> bytes:
        """A whole body, given up as soon as it is known to be too large."""
        parts: list[bytes] = []
        size_bytes = 0
        async for chunk in reply.chunks:
            size_bytes += len(chunk)
            if size_bytes > self._answer_bytes:
                error = AnswerTooLarge.beyond(self._answer_bytes)
                # Of a refusal nobody needs the end: another target may do better.
                raise error if reply.status < 400 else Retryable(error)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _head(self, begun: Begun) -> list[Piece]:
        """The pieces of a stream up to its first content, its end, or its failure."""
        head: list[Piece] = []
        done = failed = False
        async for chunk in begun.reply.chunks:
            for piece in begun.relay.feed(chunk):
                head.append(piece)
                failure = piece.failure
                if failure is not None:
                    failed = True
                    # After content it is the end of an answer, in whatever chunks both came.
                    if not done and (again := self._again(begun, failure)):
                        raise again
                if piece.has_content or piece.ends:
                    done = True
            if done:
                return head
        end = begun.relay.end()
        if not (end or failed):
            raise Retryable(ProviderError(CUT, fix="retry the call"))
        return [*head, *end]

    def _accepted(self, begun: Begun) -> Begun:
        """The answer, unless it is a refusal that may be tried again."""
        reply = begun.reply
        if reply.status < 400:
            self._require_answer(begun)
            return begun
        refused = Refused(begun, begun.target.card.provider)
        again = retryable(refused, reply.status, reply.headers, now_ns=self._clock.now_ns())
        if again is not None:
            raise again
        return begun

    def _require_answer(self, begun: Begun) -> None:
        """Raises Retryable for a body that says nothing but that something failed."""
        parts = begun.relay.read_whole(begun.body or b"")
        for part in parts:
            if isinstance(part, Failed):
                error = _failed(begun.target, part)
                raise self._again(begun, part) or Retryable(error, failure=False)

    def _again(self, begun: Begun, failure: Failed) -> Retryable | None:
        """What to raise for a failure that is told in the answer; None if it is final."""
        error, status = _failed(begun.target, failure), failure.status or 502
        return retryable(error, status, {}, now_ns=self._clock.now_ns())


def is_stream(reply: Reply) -> bool:
    """Whether an answer is a stream; a provider may answer a stream request with JSON."""
    content_type = reply.headers.get("content-type", "").lower()
    return reply.status < 400 and content_type.startswith("text/event-stream")


def _failed(target: Target, failure: Failed) -> ProviderError:
    """What a stream said instead of an answer."""
    status = failure.status or 502
    return ProviderError(
        f"{target.card.provider} failed: {failure.message[:500]}", fix="retry", status=status
    )


def _late(target: Target, limit_s: float) -> ProviderTimeout:
    return ProviderTimeout(
        f"{target.card.provider} did not start to answer in {limit_s:g} s",
        fix="retry, or raise the route's timeouts",
        provider=target.card.provider,
    )
