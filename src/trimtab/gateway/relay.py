"""Relay: a provider's answer on its way to the caller, read as it passes.

Where both speak one dialect the bytes go through untouched; where they do not, what the answer says
is written anew in the caller's dialect. Either way the same parts are folded into the record, and
the end of the answer is told apart, so that it can be held back until the record is durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from trimtab.dialects.llm.answer import CONTENT, Fold
from trimtab.dialects.llm.dialect import Reader, Writer
from trimtab.dialects.llm.parts import Began, Ended, Failed, Other, Part, Used
from trimtab.errors import ProviderError
from trimtab.kit import sse

_BYTES = (Other(kind="bytes"),)
_MAX_EVENT_BYTES = 16 << 20  # of one event of a stream


class AnswerTooLarge(ProviderError):
    """An answer is over a limit of Trimtab's; the target is not at fault."""

    @classmethod
    def of(cls, what: str, *, setting: str | None = None) -> AnswerTooLarge:
        raised = f", or raise {setting}" if setting else ""
        fix = f"ask for a shorter answer, or for fewer choices{raised}"
        return cls(f"the provider sent {what}", fix=fix)

    @classmethod
    def beyond(cls, most_bytes: int) -> AnswerTooLarge:
        what = f"an answer of more than {most_bytes:,} bytes"
        return cls.of(what, setting="limits.answer_bytes")


class Piece(NamedTuple):
    """Bytes for the caller, and what they say. An answer's last piece has `Ended` in its parts."""

    data: bytes
    parts: Sequence[Part]

    @property
    def ends(self) -> bool:
        return any(type(part) is Ended for part in self.parts) if self.parts else False

    @property
    def has_content(self) -> bool:
        return any(isinstance(part, CONTENT) for part in self.parts)

    @property
    def failure(self) -> Failed | None:
        return next((part for part in self.parts if type(part) is Failed), None)


class Relay:
    """One answer, whole or streamed.

    Args:
        reader: of the provider's dialect.
        writer: of the caller's, where that is another one; None forwards bytes as they come.
        hides_usage: the caller did not ask for the usage event that Trimtab asked for.
        raw: the stream is of bytes and not of events.
        held: only read: pieces are the provider's, and somebody else says when to `write` them.
        most_bytes: of a stream of events, before it is given up; None: as many as come.
    """

    def __init__(
        self,
        reader: Reader,
        writer: Writer | None,
        *,
        hides_usage: bool,
        raw: bool = False,
        held: bool = False,
        most_bytes: int | None = None,
    ) -> None:
        self._most_bytes = most_bytes or 0
        self._room_bytes = most_bytes
        self._raw = raw
        self._held = held
        self._reader = reader
        self._writer = writer
        self._hides_usage = hides_usage and writer is None
        self._decoder = sse.Decoder(max_event_bytes=_MAX_EVENT_BYTES)
        self._whole: tuple[bytes, Sequence[Part]] | None = None
        self._hid = False  # the event before this one
        self.fold = Fold()

    @property
    def forwards(self) -> bool:
        """Whether the provider's bytes are the caller's."""
        return self._writer is None

    def hold(self) -> None:
        """Only read from now on."""
        self._held = True

    @property
    def lost(self) -> Sequence[str]:
        """What the answer said that the caller's dialect cannot."""
        return self._writer.lost if self._writer is not None else ()

    def feed(self, chunk: bytes) -> list[Piece]:
        """The events completed by a chunk of a stream.

        Raises:
            AnswerTooLarge: an event, or all that came before this chunk.
        """
        if self._raw:
            return [Piece(chunk, _BYTES)]
        try:
            events = self._decoder.feed(self._within(chunk))
        except sse.EventTooLarge as error:
            raise AnswerTooLarge.of(str(error)) from None
        read = self._reader.event
        return [self._piece(event, read(event)) for event in events]

    def end(self) -> list[Piece]:
        """What a clean end of the stream means; nothing where that is no end in its dialect.

        Raises:
            AnswerTooLarge: its last bytes were beyond the limit.
        """
        self._within(b"")
        parts = (Ended(),) if self._raw else self._reader.end()
        if self._held:
            return [Piece(b"", parts)] if parts else []
        self.fold.take(parts)
        if self._writer is None:
            return [Piece(b"", parts)] if parts else []
        return [Piece(self._writer.stream(part), (part,)) for part in parts]

    def whole(self, body: bytes) -> bytes:
        """The caller's body for an answer that is not a stream."""
        return self.write_whole(body, self.read_whole(body))

    def read_whole(self, body: bytes) -> Sequence[Part]:
        """What a whole answer says; the same bytes are read once."""
        if self._whole is None or self._whole[0] is not body:
            self._whole = body, self._reader.body(body)
        return self._whole[1]

    def write_whole(self, body: bytes, parts: Sequence[Part]) -> bytes:
        """The caller's body for an answer that says these parts."""
        self.fold.take(parts)
        return body if self._writer is None else self._writer.body(parts)

    def write(self, piece: Piece) -> Piece:
        """A piece that was held, as the caller gets it."""
        self.fold.take(piece.parts)
        if self._writer is None:
            return piece
        return Piece(b"".join(map(self._writer.stream, piece.parts)), piece.parts)

    def refusal(self, body: bytes) -> str | None:
        """What the body of an error says, read in the provider's dialect."""
        parts = self._reader.body(body)
        return next((part.message for part in parts if isinstance(part, Failed)), None)

    def _within(self, chunk: bytes) -> bytes:
        """What of a chunk is within the limit; what is beyond raises when more is asked for."""
        room_bytes = self._room_bytes
        if room_bytes is None:
            return chunk
        if room_bytes < 0:
            raise AnswerTooLarge.beyond(self._most_bytes)
        self._room_bytes = room_bytes - len(chunk)
        return chunk if len(chunk) <= room_bytes else chunk[:room_bytes]

    def _piece(self, event: sse.Event, parts: Sequence[Part]) -> Piece:
        if not self._held:
            self.fold.take(parts)
            if self._writer is not None:
                return Piece(b"".join(map(self._writer.stream, parts)), parts)
        if self._hides_usage:
            # The other half of a line end that was cut goes with the event it ended.
            self._hid = _only_usage(event, parts) or (self._hid and event.raw == b"\n")
            if self._hid:
                return Piece(b"", parts)
        return Piece(event.raw, parts)


class _UsageEvent(msgspec.Struct):
    """As raw as it can be: numbers in it may be larger than any that can be read."""

    usage: msgspec.Raw = msgspec.Raw(b"null")
    choices: msgspec.Raw = msgspec.Raw(b"null")


_usage_event = msgspec.json.Decoder(_UsageEvent)


def _only_usage(event: sse.Event, parts: Sequence[Part]) -> bool:
    """Whether an event is the extra usage chunk: usage and no choices."""
    for part in parts:
        if type(part) is Used:
            break
    else:
        return False
    if not all(isinstance(part, Used | Began) for part in parts):
        return False
    try:
        wire = _usage_event.decode(event.data or "")
    except (msgspec.DecodeError, RecursionError):
        return False
    return (
        bytes(wire.usage)[:1] == b"{" and bytes(wire.choices).translate(None, b" \t\r\n") == b"[]"
    )
