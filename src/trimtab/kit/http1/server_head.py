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
_MEANT = frozenset({b"connection", b"content-length", b"date", b"transfer-encoding"})

_Field = tuple[bytes, bytes]


class Head(NamedTuple):
    """Line and fields as they go on the wire, but for the framing and the empty line.

    `length` is the value of `content-length`, None without one.
    """

    encoded: bytes
    length: int | None
    closes: bool


class Heads:
    """Makes heads; their `date` is made once a second."""

    __slots__ = ("_date", "_date_s")

    def __init__(self) -> None:
        self._date_s = 0
        self._date = b""

    def encode(self, status: int, headers: Iterable[_Field]) -> Head:
        """The head of a response.

        Raises:
            ValueError: a field cannot be sent: a line break in it, or a length that is none.

        >>> Heads().encode(200, [(b"content-length", b"2"), (b"date", b"now")]).encoded
        b'HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\ndate: now\\r\\n'
        """
        lines = [_LINES.get(status) or f"HTTP/1.1 {status:03} ".encode()]
        length, closes, date = None, False, self._today()
        for field in headers:
            name = field[0]
            if name in _MEANT:
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
        return Head(b"%b\r\n%b" % (encoded, date), length, closes)

    def error(self, status: int, what: str) -> bytes:
        """A whole response of the server's own, after which the connection ends."""
        body = f"{what}\n".encode()
        fields = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        return self.encode(status, fields).encoded + b"connection: close\r\n\r\n" + body

    def _today(self) -> bytes:
        now_s = int(time.time())
        if now_s != self._date_s:
            self._date_s = now_s
            self._date = f"date: {formatdate(now_s, usegmt=True)}\r\n".encode()
        return self._date
