"""Server-sent events: bytes to events, split anywhere, and events to bytes.

Follows the WHATWG HTML standard, section 9.2 (event stream interpretation).
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Atomic groups keep the CR LF of one line end from counting as two.
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_LINE_END = re.compile(r"\r\n|\r|\n")


class Event(NamedTuple):
    """One block of the stream: its data (None for comments and keep-alives), name and bytes."""

    data: str | None
    name: str
    raw: bytes


def encode(data: bytes, *, name: str | None = None) -> bytes:
    """One event on the wire. Every kind of line end in `data` arrives as LF.

    >>> encode(b'{"a":1}')
    b'data: {"a":1}\\n\\n'
    """
    head = b"event: " + name.encode() + b"\n" if name else b""
    lines = _LINE_ENDS.split(data)
    return head + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


class EventTooLarge(Exception):
    """An event of a stream is larger than its reader accepts."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"an event of more than {max_bytes:,} bytes")


class Decoder:
    """Turns a byte stream into events, whatever the chunk boundaries.

    A chunk may end inside a line, a CR LF pair or a UTF-8 sequence. The `raw` bytes of all events,
    joined, are exactly the bytes fed up to the last blank line, so a proxy can forward them.

    Args:
        max_event_bytes: size of the largest event accepted, its line ends included; None accepts
            any, and collects it for as long as its end does not come.

    >>> decoder = Decoder()
    >>> decoder.feed(b"data: o")
    []
    >>> decoder.feed(b"ne\\r\\n\\r\\n: ping\\n\\n")
    [Event(data='one', name='message', raw=b'data: one\\r\\n\\r\\n'),
     Event(data=None, name='message', raw=b': ping\\n\\n')]
    """

    __slots__ = ("_at_start", "_buffer", "_max_event_bytes", "_scanned", "_split_pair")

    def __init__(self, *, max_event_bytes: int | None = None) -> None:
        self._max_event_bytes = max_event_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._at_start = True
        self._split_pair = False  # the last event ended in a CR whose LF may be on its way

    def feed(self, chunk: bytes) -> list[Event]:
        """Events completed by this chunk, in order.

        An event that ends in CR is not kept waiting: should the other half of a CR LF pair follow,
        it comes as a block of its own, without data.

        Raises:
            EventTooLarge: an event, complete or not, is over the limit; nothing can follow it, and
                events of the same chunk before it are lost with it.
        """
        if not chunk:
            return []
        if self._buffer or self._split_pair or not chunk.endswith(b"\n\n"):
            return self._general(chunk)
        if b"\r" in chunk or b"\n\n\n" in chunk or chunk.startswith(b"\n"):
            return self._general(chunk)
        return self._usual(chunk)

    def _general(self, chunk: bytes) -> list[Event]:
        buffer = self._buffer
        buffer += chunk
        events = []
        start = 0
        if self._split_pair and buffer.startswith(b"\n"):
            events.append(Event(None, "message", b"\n"))
            start = 1
        self._split_pair = False
        scan = max(start, self._scanned)
        while match := _BLANK_LINE.search(buffer, scan):
            self._limit(match.end() - start)
            events.append(self._parsed(bytes(buffer[start : match.end()])))
            start = scan = match.end()
            self._split_pair = start == len(buffer) and buffer.endswith(b"\r")
        del buffer[:start]
        self._limit(len(buffer))
        # A boundary is at most four bytes, of which the last may still be on its way.
        self._scanned = max(0, len(buffer) - 3)
        return events

    def _usual(self, chunk: bytes) -> list[Event]:
        """The events of a chunk that ends where an event ends, with line ends of one kind.

        So nearly all chunks are; the general way gives the same events for five times the time.
        """
        events = []
        for block in chunk[:-2].split(b"\n\n"):
            raw = block + b"\n\n"
            self._limit(len(raw))
            if self._at_start or b"\n" in block or not block.startswith(b"data: "):
                events.append(self._parsed(raw))
            else:
                events.append(Event(block[6:].decode("utf-8", "replace"), "message", raw))
        return events

    @property
    def rest(self) -> bytes:
        """Bytes of an event that is not complete; at the end of a stream, of one that was cut."""
        return bytes(self._buffer)

    def _limit(self, size_bytes: int) -> None:
        if self._max_event_bytes is not None and size_bytes > self._max_event_bytes:
            raise EventTooLarge(self._max_event_bytes)

    def _parsed(self, raw: bytes) -> Event:
        """The event of a block; a byte order mark counts at the start of the stream only."""
        text = raw.decode("utf-8", "replace")
        if self._at_start:
            self._at_start = False
            text = text.removeprefix("\ufeff")
        return _parse(text, raw)


def _parse(text: str, raw: bytes) -> Event:
    data: list[str] = []
    name = ""
    for line in _LINE_END.split(text):
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    return Event("\n".join(data) if data else None, name or "message", raw)
