"""Requests on the wire: URLs taken apart, heads encoded, header injection refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_SET_HERE = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding"})
# RFC 9110, sections 5.6.2 and 5.5: no CR, LF or NUL can pass.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TARGET = re.compile(r"/[\x21-\x7e]*")


class Origin(NamedTuple):
    """Where a connection leads; connections are shared among requests to one origin."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


class Address(NamedTuple):
    """A URL taken apart: where to connect, what to name in `Host`, what to ask for."""

    origin: Origin
    authority: str
    target: str


@lru_cache(maxsize=256)
def parse_url(url: str) -> Address:
    """Take an absolute http or https URL apart.

    Raises:
        ValueError: another scheme, no host, a bad port, user information, a fragment, or a
            character that does not belong into a URL. The text does not repeat the URL.

    >>> parse_url("https://example.org/v1?a=b")
    Address(origin=Origin(scheme='https', host='example.org', port=443),
            authority='example.org', target='/v1?a=b')
    >>> parse_url("http://[::1]:8080").authority
    '[::1]:8080'
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("not an absolute http:// or https:// URL")
    if parts.username is not None or parts.fragment:
        raise ValueError("a URL to call has no user:password@ and no #fragment")
    host = parts.hostname
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _TARGET.fullmatch(target):
        raise ValueError("the path of the URL must be percent-encoded ASCII")
    default_port = _DEFAULT_PORTS[parts.scheme]
    port = parts.port or default_port
    authority = _bracketed(host) if port == default_port else f"{_bracketed(host)}:{port}"
    return Address(Origin(parts.scheme, host, port), authority, target)


class Fields(dict[str, str]):
    """Headers that were checked and encoded once, to be sent many times. Not to be changed.

    Raises:
        ValueError: as `encode_head`.

    >>> Fields({"accept": "text/plain"}).encoded
    b'accept: text/plain\\r\\n'
    """

    __slots__ = ("encoded",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers)
        self.encoded = _encoded(headers)

    def plus(self, headers: Mapping[str, str]) -> Fields:
        """These and some more; of two with one name the new one counts."""
        return Fields({**self, **headers})


def encode_head(
    method: str, address: Address, headers: Mapping[str, str], *, body_bytes: int
) -> bytes:
    """The request line and header fields, with `Host` and `Content-Length` filled in.

    Raises:
        ValueError: a method, name or value that RFC 9110 does not allow (CR and LF among them),
            or a header that is set here. The text names the header, never its value.
    """
    fields = headers.encoded if isinstance(headers, Fields) else _encoded(headers)
    if body_bytes or method in _BODY_METHODS:
        return b"%b%bcontent-length: %d\r\n\r\n" % (_opening(method, address), fields, body_bytes)
    return b"%b%b\r\n" % (_opening(method, address), fields)


@lru_cache(maxsize=256)
def _opening(method: str, address: Address) -> bytes:
    """The lines that are the same for every request to one address."""
    if not _TOKEN.fullmatch(method):
        raise ValueError("the method is not an HTTP token")
    line = f"{method} {address.target} HTTP/1.1\r\nhost: {address.authority}\r\n"
    return line.encode("latin-1")


def _encoded(headers: Mapping[str, str]) -> bytes:
    lines = []
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in _SET_HERE:
            raise ValueError(f"header {name!r} is not a name that can be set")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"header {name!r} has a character that header values cannot hold")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines).encode("latin-1")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
