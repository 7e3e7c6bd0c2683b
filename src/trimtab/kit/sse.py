"""Server-sent events: bytes to events, split anywhere, and events to bytes.

Follows the WHATWG HTML standard, section 9.2 (event stream interpretation).
"""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    data: str
    name: str = "message"


def encode(data: bytes, *, name: str | None = None) -> bytes:
    """One event on the wire.

    >>> encode(b'{"a":1}')
    b'data: {"a":1}\\n\\n'
    """
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"


class Decoder:
    """Turns a byte stream into events, whatever the chunk boundaries.

    A chunk may end inside a line, inside a CRLF or inside a UTF-8 sequence; comments and unknown
    fields are skipped; an event without a terminating blank line is not an event.

    >>> decoder = Decoder()
    >>> decoder.feed(b"data: o") + decoder.feed(b"ne\\r\\n\\r") + decoder.feed(b"\\n")
    [Event(data='one', name='message')]
    """

    __slots__ = ("_buffer", "_data", "_name", "_skip_lf", "_started")

    def __init__(self) -> None:
        self._buffer = b""
        self._data: list[str] = []
        self._name = ""
        self._skip_lf = False
        self._started = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Events completed by this chunk, in order."""
        if self._skip_lf and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_lf = False
        self._buffer += chunk
        if self._buffer.endswith(b"\r"):
            self._skip_lf = True
        lines = self._buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._buffer = lines.pop()
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, raw: bytes) -> Event | None:
        line = raw.decode("utf-8", "replace")
        if not self._started:
            line = line.removeprefix("\ufeff")
            self._started = True
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value
        return None

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        return Event("\n".join(data), name or "message") if data else None
