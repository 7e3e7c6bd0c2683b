"""Server-sent events: bytes to events, split anywhere, and events to bytes.

Follows the WHATWG HTML standard, section 9.2 (event stream interpretation).
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Atomic groups keep the CR LF of one line end from counting as two.
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n)(?>\r\n|\r|\n)")
_LINE_END = re.compile(r"\r\n|\r|\n")


class Event(NamedTuple):
    """One block of the stream: its data (None for comments and keep-alives), name and bytes."""

    data: str | None
    name: str
    raw: bytes


def encode(data: bytes, *, name: str | None = None) -> bytes:
    """One event on the wire.

    >>> encode(b'{"a":1}')
    b'data: {"a":1}\\n\\n'
    """
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"


class Decoder:
    """Turns a byte stream into events, whatever the chunk boundaries.

    A chunk may end inside a line, a CR LF pair or a UTF-8 sequence. The `raw` bytes of all events,
    joined, are exactly the bytes fed up to the last blank line, so a proxy can forward them.

    >>> decoder = Decoder()
    >>> decoder.feed(b"data: o")
    []
    >>> decoder.feed(b"ne\\r\\n\\r\\n: ping\\n\\n")
    [Event(data='one', name='message', raw=b'data: one\\r\\n\\r\\n'),
     Event(data=None, name='message', raw=b': ping\\n\\n')]
    """

    __slots__ = ("_buffer", "_scanned")

    def __init__(self) -> None:
        self._buffer = b""
        self._scanned = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """Events completed by this chunk, in order."""
        self._buffer += chunk
        events = []
        while match := _BLANK_LINE.search(self._buffer, self._scanned):
            raw, self._buffer = self._buffer[: match.end()], self._buffer[match.end() :]
            self._scanned = 0
            events.append(_parse(raw))
        # A boundary is at most four bytes, of which the last may still be on its way.
        self._scanned = max(0, len(self._buffer) - 3)
        return events

    @property
    def rest(self) -> bytes:
        """Bytes of an event that is not complete; at the end of a stream, of one that was cut."""
        return self._buffer


def _parse(raw: bytes) -> Event:
    data: list[str] = []
    name = ""
    for line in _LINE_END.split(raw.decode("utf-8", "replace").removeprefix("\ufeff")):
        field, _, value = line.partition(":")
        if field == "data":
            data.append(value.removeprefix(" "))
        elif field == "event":
            name = value.removeprefix(" ")
    return Event("\n".join(data) if data else None, name or "message", raw)
