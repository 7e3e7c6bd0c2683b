"""Heads of responses: status and header fields of an application as bytes, framing added."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus
}
# The connection is the server's own business; an application that wants it closed is heard.
_KNOWN_HERE = frozenset({b"connection", b"content-length", b"date", b"transfer-encoding"})


class Head(NamedTuple):
    """Line and fields as they go on the wire, but for the framing and the empty line.

    `length` is the value of `content-length`, None without one.
    """

    encoded: bytes
    length: int | None
    closes: bool


class DateLine:
    """The `date` field, made once a second."""

    __slots__ = ("_at_s", "_line")

    def __init__(self) -> None:
        self._at_s = 0
        self._line = b""

    def __call__(self) -> bytes:
        now_s = int(time.time())
        if now_s != self._at_s:
            self._at_s = now_s
            self._line = f"date: {formatdate(now_s, usegmt=True)}\r\n".encode()
        return self._line


def encode(status: int, headers: Iterable[tuple[bytes, bytes]], date: bytes) -> Head:
    """The head of a response.

    Raises:
        ValueError: a field cannot be sent: a line break in it, or a length that is none.

    >>> encode(200, [(b"content-length", b"2")], b"").encoded
    b'HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n'
    """
    lines = [_LINES.get(status) or f"HTTP/1.1 {status:03} ".encode()]
    length, closes = None, False
    for field in headers:
        name = field[0]
        if name in _KNOWN_HERE:
            value = field[1]
            if name == b"content-length":
                if length is not None or not value.isdigit():
                    raise ValueError("the length of the response is no number, or said twice")
                length = int(value)
            elif name == b"date":
                date = b""
            else:
                closes = closes or (name == b"connection" and value.lower() == b"close")
                continue
        lines.append(b": ".join(field))
    encoded = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if encoded.count(b"\n") != breaks or encoded.count(b"\r") != breaks or b"\0" in encoded:
        raise ValueError("a header of the response has a line break or a NUL in it")
    return Head(encoded + b"\r\n" + date, length, closes)


def error(status: int, what: str, date: bytes) -> bytes:
    """A whole response of the server's own, after which the connection ends."""
    body = f"{what}\n".encode()
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    return encode(status, fields, date).encoded + b"connection: close\r\n\r\n" + body
