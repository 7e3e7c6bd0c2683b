"""An HTTP/1.1 client for long-lived streaming calls: asyncio in, bytes out, one pool per origin.

A method, a URL, headers and a body in memory go in; a `Response` comes out as soon as its head is
there, and its body follows as an async iterator with back-pressure. Four deadlines bound every
request (`Timeouts`); a body that stops early is an error, never a clean end.

It never follows redirects, decodes content encodings, keeps cookies, or reads the environment:
proxy variables (HTTP_PROXY and its family) have no effect. Its errors are `HTTPError` and below.

The other side, a server for ASGI applications, is in `server` and the modules named after it.
"""

from trimtab.kit.http1.client import HTTP1Client
from trimtab.kit.http1.client_settings import DEFAULT_SETTINGS, ClientSettings
from trimtab.kit.http1.connection import Response, Timeouts
from trimtab.kit.http1.errors import (
    ConnectError,
    ConnectTimeout,
    Disconnected,
    HTTPError,
    ProtocolError,
    ReadTimeout,
)
from trimtab.kit.http1.request import Address, Fields, encode_head, parse_url

__all__ = [
    "DEFAULT_SETTINGS",
    "Address",
    "ClientSettings",
    "ConnectError",
    "ConnectTimeout",
    "Disconnected",
    "Fields",
    "HTTP1Client",
    "HTTPError",
    "ProtocolError",
    "ReadTimeout",
    "Response",
    "Timeouts",
    "encode_head",
    "parse_url",
]
