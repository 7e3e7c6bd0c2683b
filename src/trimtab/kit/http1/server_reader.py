"""Requests on the wire, without I/O: bytes go in, requests in the form of ASGI come out.

What two readers could understand differently is refused: of framing (RFC 9112, section 6), a
request has one length or the coding `chunked`, in HTTP/1.1 only; of line ends, CRLF only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

import httptools

from trimtab.kit.http1.server_limits import FIELD_BYTES, RequestRefused, ServerLimits
from trimtab.kit.http1.server_quick import QuickReader
from trimtab.kit.http1.server_request import Request

_LOOKED_AT = frozenset({b"content-length", b"expect", b"host", b"transfer-encoding"})
# A head before a body, for a parser that took what came before it for the end of HTTP.
_RESUMED = b"POST / HTTP/1.1\r\n%b\r\n\r\n"


class RequestReader:
    """Reads the requests of one connection, split anywhere; whole heads are put into `ready`.

    Args:
        scope: what the scopes of all requests have in common.
        quick: reads what it can, before this reader does; one for all connections.

    >>> reader = RequestReader({"type": "http"}, ServerLimits())
    >>> reader.feed(b"POST /a%20b?c HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
    >>> request = reader.ready.popleft()
    >>> request.scope["path"], request.scope["query_string"], request.take(), request.complete
    ('/a b', b'c', b'hi', True)
    """

    def __init__(
        self, scope: Mapping[str, Any], limits: ServerLimits, quick: QuickReader | None = None
    ) -> None:
        self.ready: deque[Request] = deque()
        self.ended = False  # nothing that follows is read
        self._scope = scope
        self._limits = limits
        self._quick = quick
        self._refusal: RequestRefused | None = None
        self._request: Request | None = None
        self._resumed = False
        self._overhead_bytes = 0
        self._parser: Any = httptools.HttpRequestParser(self)
        self._forget(begun=False)

    @property
    def between(self) -> bool:
        """Whether the next byte begins a request."""
        return self._request is None and not self._in_head and not self._overhead_bytes

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection.

        Raises:
            RequestRefused: what follows the requests in `ready`, or the body of the last of them,
                is not acceptable. Nothing more may be fed.
        """
        if self._quick is not None and self.between:
            data = self._read_quickly(data, self._quick)
        if self.ended or not data:
            return
        self._overhead_bytes += len(data)
        while True:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # No other protocol is offered; HTTP goes on behind the head (RFC 9110, 7.8).
                self._parser = httptools.HttpRequestParser(self)
                data = data[upgrade.args[0] :]
                if self._resumed:
                    data = _RESUMED % self._framing + data
                self._overhead_bytes = len(data)
                if data:
                    continue
            except httptools.HttpParserError as error:
                if self._has_enough():
                    return
                self.ended = True
                raise self._refusal or RequestRefused(400, f"not HTTP/1.1: {error}") from None
            break
        if self._overhead_bytes > self._limits.head_bytes and not self.ended:
            self.ended = True
            raise RequestRefused(431, "the head of the request is too large")

    def _has_enough(self) -> bool:
        return self.ended and self._refusal is None

    def close(self) -> None:
        """Read nothing more. Parser and reader hold each other until then."""
        self.ended = True
        self._parser = None

    def _read_quickly(self, data: bytes, quick: QuickReader) -> bytes:
        """Read plain requests that `data` begins with; the rest of it."""
        while data and len(self.ready) < self._limits.pipelined and not self.ended:
            found = quick.read(data, self._scope)
            if found is None:
                break
            request, size = found
            self.ready.append(request)
            data = data[size:]
        return data

    def _refuse(self, status: int, what: str) -> NoReturn:
        self._refusal = RequestRefused(status, what)
        raise self._refusal

    def _forget(self, *, begun: bool) -> None:
        """Begin with a new head."""
        self._in_head = begun
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._hosts = 0
        self._coding = b""
        self._framing = b""
        self._expects = b""

    # Callbacks of httptools; an exception raised here ends `feed`.

    def on_message_begin(self) -> None:
        if self._resumed:
            return
        if len(self.ready) >= self._limits.pipelined:
            # The client asks again for what was not answered, on another connection.
            self.ready[-1].keep_alive = False
            self.ended = True
        if self.ended:
            raise EOFError
        self._forget(begun=True)

    def on_url(self, url: bytes) -> None:
        if self._resumed:
            return
        self._url += url
        if len(self._url) > self._limits.head_bytes:
            self._refuse(414, "the target of the request is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        self._head_bytes += len(name) + len(value) + FIELD_BYTES
        if self._head_bytes > self._limits.head_bytes or len(self._headers) >= self._limits.fields:
            self._refuse(431, "the head of the request is too large")
        if self._request is not None:
            return  # a trailer
        value = value.rstrip(b" \t")
        if name in _LOOKED_AT:
            self._look_at(name, value)
        self._headers.append((name, value))

    def _look_at(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self._expects = value.lower()
        else:
            self._framing = b"%b: %b" % (name, value)
            if name == b"transfer-encoding":
                self._coding += value.lower() or b"?"

    def on_headers_complete(self) -> None:
        if self._resumed:
            self._resumed = False
            return
        parser = self._parser
        version = parser.get_http_version()
        newer = version == "1.1"
        if not newer and version != "1.0":
            self._refuse(505, "only HTTP/1.1 is spoken here")
        if (newer and self._hosts != 1) or self._hosts > 1:
            self._refuse(400, "a request has one Host")
        if self._coding:
            if not newer:
                self._refuse(400, "HTTP/1.0 has no transfer codings")
            if self._coding != b"chunked":
                self._refuse(501, "the only transfer coding is chunked")
        if self._expects and self._expects != b"100-continue" and newer:
            self._refuse(417, "the only expectation is 100-continue")
        path, query = self._target()
        text = path.decode("ascii")
        scope = {
            **self._scope,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "headers": self._headers,
        }
        request = Request(
            scope,
            keep_alive=parser.should_keep_alive(),
            expects=newer and self._expects != b"",
        )
        self._request = request
        self._in_head = False
        self._overhead_bytes = 0
        self.ready.append(request)

    def _target(self) -> tuple[bytes, bytes]:
        """Path and query (RFC 9112, section 3.2); `*` and authorities name nothing here."""
        url = self._url
        if not url.startswith(b"/"):
            scheme, found, rest = url.partition(b"://")
            if not found or scheme.lower() not in (b"http", b"https"):
                self._refuse(400, "the target of the request is no path")
            authority, query, _ = rest.partition(b"?")
            url = authority[authority.find(b"/") :] if b"/" in authority else b"/"
            url += query + rest[len(authority) + 1 :]
        if b"#" in url:
            self._refuse(400, "the target of the request has a fragment")
        path, _, query = url.partition(b"?")
        return path, query

    def on_body(self, data: bytes) -> None:
        self._overhead_bytes = 0
        if self._request is not None:
            self._request.add(data)

    def on_message_complete(self) -> None:
        if self._framing and self._parser.should_upgrade():
            self._resumed = True  # the parser skips the body
            return
        request, self._request = self._request, None
        self._overhead_bytes = 0
        if request is not None:
            request.complete = True
            self.ended = not request.keep_alive
