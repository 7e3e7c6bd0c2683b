"""What can go wrong between a request and the end of its response.

HTTPError             an OSError; the text names host and port, never a header or a body
├── ConnectError      no connection: name not found, refused, certificate not trusted
│   └── ConnectTimeout
├── Disconnected      the connection ended before the response was whole
├── ProtocolError     what came is not HTTP/1.1, or is over a limit
└── ReadTimeout       the server was silent too long, or the response took too long
"""

from __future__ import annotations


class HTTPError(OSError):
    """A request failed below the level of a status code."""


class ConnectError(HTTPError):
    """Nothing was sent: it is safe to try elsewhere."""


class ConnectTimeout(ConnectError):
    """No connection, or no free one, within `Timeouts.connect_s`."""


class Disconnected(HTTPError):
    """The server hung up, or this side closed the connection."""


class ProtocolError(HTTPError):
    """The bytes received are not an acceptable HTTP/1.1 response."""


class ReadTimeout(HTTPError):
    """A deadline passed after the request was sent."""
