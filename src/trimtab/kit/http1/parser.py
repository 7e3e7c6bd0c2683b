"""Responses on the wire, without I/O: bytes go in, a status, headers and body bytes come out."""

from __future__ import annotations

from typing import NoReturn

import httptools

from trimtab.kit.http1.errors import Disconnected, ProtocolError

# What a field counts beyond its bytes, so that empty ones are not free (RFC 9113, 6.5.2).
_FIELD_BYTES = 32


class ResponseParser:
    """Reads one response, split anywhere; the caller feeds bytes and takes body bytes.

    `status` is 0 until the head is complete; interim (1xx) responses are skipped. `complete` says
    that the body has ended as its framing promised. `keep_alive` says, once complete, that another
    response may follow on the connection.

    >>> parser = ResponseParser("GET")
    >>> parser.feed(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhel")
    >>> parser.feed(b"lo")
    >>> parser.status, parser.headers, parser.take(), parser.complete
    (200, {'content-length': '5'}, b'hello', True)
    """

    __slots__ = (
        "_body",
        "_head_bytes",
        "_max_head_bytes",
        "_overhead_bytes",
        "_parser",
        "_refusal",
        "_without_body",
        "buffered_bytes",
        "complete",
        "headers",
        "keep_alive",
        "received",
        "status",
    )

    def __init__(self, method: str, *, max_head_bytes: int = 65_536) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self.keep_alive = False
        self.received = False
        self.buffered_bytes = 0
        self._body: list[bytes] = []
        self._without_body = method == "HEAD"
        self._max_head_bytes = max_head_bytes
        self._head_bytes = 0
        self._overhead_bytes = 0
        self._refusal: ProtocolError | None = None
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection.

        Raises:
            ProtocolError: not HTTP/1.1, or a head, chunk header or trailer over `max_head_bytes`.
                Body bytes before the fault can still be taken.
        """
        self.received = True
        self._overhead_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self.complete:
                # More than one response for one request: this one is whole, the next is not ours.
                self.keep_alive = False
                return
            raise self._refusal or ProtocolError(f"the response is not HTTP/1.1: {error}") from None
        if self._overhead_bytes > self._max_head_bytes and not self.complete:
            raise ProtocolError(self._too_large())

    def take(self) -> bytes:
        """All body bytes received and not yet taken; empty when there are none."""
        body = self._body
        if not body:
            return b""
        data = body[0] if len(body) == 1 else b"".join(body)
        body.clear()
        self.buffered_bytes = 0
        return data

    def end(self) -> None:
        """Note that the server closed the connection.

        Raises:
            Disconnected: the response was not whole.
        """
        if self.complete:
            return
        if not self.status:
            raise Disconnected("the server closed the connection without a whole response head")
        if not self._until_close():
            raise Disconnected("the server closed the connection in the middle of the body")
        self.complete = True

    def _until_close(self) -> bool:
        """Whether the end of the connection is the end of the body (RFC 9112, section 6.3)."""
        coding = self.headers.get("transfer-encoding")
        if coding is not None:
            return coding.rpartition(",")[2].strip().lower() != "chunked"
        return "content-length" not in self.headers

    def _too_large(self) -> str:
        return f"the response head is over the limit of {self._max_head_bytes} bytes"

    def _refuse(self, what: str) -> NoReturn:
        self._refusal = ProtocolError(what)
        raise self._refusal

    def _finish(self) -> None:
        # Asked now: the parser forgets the head when the next message begins.
        self.keep_alive = self._parser.should_keep_alive()
        self.complete = True

    # Callbacks of httptools; an exception raised here ends `feed`.

    def on_message_begin(self) -> None:
        if self.complete:
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.complete or self.status:
            return  # a trailer, or a second response
        self._head_bytes += len(name) + len(value) + _FIELD_BYTES
        if self._head_bytes > self._max_head_bytes:
            self._refuse(self._too_large())
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self.headers.get(key)
        self.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status == 101:
            self._refuse("the server switched protocols without being asked")
        if status < 200:
            self.headers = {}
            return
        self.status = status
        self._overhead_bytes = 0
        if self._without_body:
            self._finish()

    def on_body(self, data: bytes) -> None:
        if self.complete:
            self.keep_alive = False
            return
        self._overhead_bytes = 0
        self.buffered_bytes += len(data)
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self.status and not self.complete:
            self._finish()
