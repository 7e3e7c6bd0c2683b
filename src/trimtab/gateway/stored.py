"""Stored: an answer as a provider sent it, to be read again as if it came from there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal

import msgspec

from trimtab.dialects.llm.answer import Fold
from trimtab.dialects.llm.dialect import Dialect, Reader
from trimtab.dialects.llm.parts import Part
from trimtab.gateway.ask import Ask
from trimtab.gateway.calling import Begun, is_stream
from trimtab.gateway.kept import Kept
from trimtab.gateway.relay import Relay
from trimtab.gateway.target import Target
from trimtab.kit import ids, sse
from trimtab.ports import Reply
from trimtab.records import Usage, cost_usd

_OVERHEAD_BYTES = 2048  # of the objects around a body
_SLICE_BYTES = 64 << 10
_REASONS = frozenset({"stop", "length", "tool_calls"})
_WITHOUT_REASONS = frozenset({"openai.embeddings", "openai.moderations", "anthropic.count_tokens"})
_EVENT = b"data: {}\n\n"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A complete answer, whole or as a stream, in the dialect of the provider that gave it."""

    target: Target
    dialect: Dialect
    streamed: bool
    content_type: str
    body: bytes
    lost: tuple[str, ...] = ()
    mask: Callable[[bytes], bytes] | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.body) + _OVERHEAD_BYTES


def is_complete(begun: Begun) -> bool:
    """Whether an answer was read to its end, and there was no error in it."""
    fold = begun.relay.fold
    return begun.reply.status == 200 and fold.complete and fold.error is None


def stored(begun: Begun, *, most_bytes: int) -> Stored | None:
    """An answer that is over, if another caller may have it as well.

    It is judged by reading it as it will be read again: what went to the caller could be another
    after the guards of the answer.
    """
    reply = begun.reply
    if reply.status != 200:
        return None
    body = reply.chunks.body if isinstance(reply.chunks, Kept) else begun.body
    if body is None or len(body) + _OVERHEAD_BYTES > most_bytes:
        return None
    reader, fold = begun.dialect.reader(), Fold()
    fold.take((_Events(reader) if begun.body is None else reader).body(body))
    if not _may_be_repeated(begun.dialect, fold):
        return None
    card = begun.target.card
    return Stored(
        target=begun.target,
        dialect=begun.dialect,
        streamed=is_stream(reply),
        content_type=reply.headers.get("content-type", "application/json"),
        body=body,
        lost=begun.lost,
        mask=reply.mask,
        usage=fold.usage,
        cost_usd=cost_usd(fold.usage, card.price) if fold.usage is not None else None,
    )


def _may_be_repeated(dialect: Dialect, fold: Fold) -> bool:
    """Whole, and neither a refusal nor something half done in any of its choices."""
    if not fold.complete or fold.error is not None:
        return False
    if dialect.name in _WITHOUT_REASONS:
        return True
    return bool(fold.reasons) and fold.reasons <= _REASONS


def replay(found: Stored, ask: Ask, *, created_s: int) -> Begun:
    """A stored answer for this request.

    As it came where it came as the caller wants it: in the caller's dialect, and as a stream or
    not. Otherwise the caller's dialect is what it is written in.
    """
    wants_stream = ask.envelope.stream
    as_it_came = found.streamed == wants_stream or not ask.dialect.translates
    streamed = found.streamed if as_it_came else wants_stream
    reader, body = found.dialect.reader(), found.body
    if not as_it_came:
        reader = _Body(reader, body) if streamed else _Events(reader)
    writer = None
    if not as_it_came or found.dialect is not ask.dialect:
        writer = ask.dialect.writer(ask.envelope, id=ids.span_id(), created_s=created_s)
    content_type = found.content_type
    if not as_it_came:
        content_type = "text/event-stream" if streamed else "application/json"
    return Begun(
        target=found.target,
        reply=Reply(
            status=200,
            headers={"content-type": content_type},
            chunks=_chunks(body if as_it_came else _EVENT),
            mask=found.mask,
        ),
        relay=Relay(reader, writer, hides_usage=wants_stream and not ask.envelope.wants_usage),
        lost=found.lost,
        translated=found.dialect is not ask.dialect,
        dialect=found.dialect,
        body=None if streamed else body,
    )


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    """In pieces, so that nobody else waits until all events of a long answer are read."""
    for start in range(0, len(body), _SLICE_BYTES):
        yield body[start : start + _SLICE_BYTES]


class _Body:
    """Reads a whole answer where a stream is read: all of it with the first event."""

    def __init__(self, reader: Reader, body: bytes) -> None:
        self._reader = reader
        self._body = body

    def event(self, event: sse.Event) -> Sequence[Part]:
        del event
        return self._reader.body(self._body)

    def body(self, body: bytes) -> Sequence[Part]:
        return self._reader.body(body)

    def end(self) -> Sequence[Part]:
        return ()


class _Events:
    """Reads a stream where a whole answer is read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def event(self, event: sse.Event) -> Sequence[Part]:
        return self._reader.event(event)

    def body(self, body: bytes) -> Sequence[Part]:
        read = self._reader.event
        parts = [part for event in sse.Decoder().feed(body) for part in read(event)]
        return [*parts, *self._reader.end()]

    def end(self) -> Sequence[Part]:
        return self._reader.end()
