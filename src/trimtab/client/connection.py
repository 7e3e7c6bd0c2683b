"""Kept connections to one server, with the standard library only."""

from __future__ import annotations

import http.client
import selectors
import socket
import weakref
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from trimtab import errors
from trimtab.client.faults import Answered, error_of
from trimtab.kit import jsonx

DEFAULT_URL = "http://127.0.0.1:8321"
_CHUNK_BYTES = 1 << 16


class Connections:
    """Connections to one server, kept between calls; safe to share between threads.

    Args:
        key: sent as a bearer token, where there is one.
        timeout_s: for each read and write on a connection.
    Raises:
        InvalidRequest: the URL or the key cannot be one.
    """

    def __init__(self, url: str, key: str | None, timeout_s: float) -> None:
        self._parts = _server(url)
        self._url = url.rstrip("/")
        self._headers = {"accept": "application/json"}
        if key:
            self._headers["authorization"] = header(f"Bearer {key}", where="key")
        self._timeout_s = timeout_s
        self._idle: list[http.client.HTTPConnection] = []
        self._finalizer = weakref.finalize(self, _close_all, self._idle)

    @property
    def path(self) -> str:
        """What the paths of the server begin with."""
        return self._parts.path.rstrip("/")

    def close(self) -> None:
        """End the connections that are not in use."""
        _close_all(self._idle)

    def send(self, method: str, target: str, body: Any, headers: Mapping[str, str]) -> Answered:
        """One exchange, on a kept connection if there is one.

        A connection may close under a request. Reading is then tried once more on a new one; what
        changes something is not, because it may have been done.
        """
        payload = None if body is None else jsonx.encode(body)
        sent = {**self._headers, **headers}
        if payload is not None:
            sent["content-type"] = "application/json"
        kept = self._kept()
        if kept is not None:
            try:
                return self._exchange(kept, method, target, payload, sent)
            except ConnectionError as error:
                if method != "GET":
                    raise self._unanswered(error) from None
        try:
            return self._exchange(self._connection(), method, target, payload, sent)
        except ConnectionError as error:
            raise self._unanswered(error) from None

    def stream(self, target: str, body: Any) -> Iterator[bytes]:
        """GET a path, or POST a JSON body to it, and yield what comes back as it comes.

        On a connection of its own, which ends when the reader stops.
        """
        connection = self._connection()
        payload = None if body is None else jsonx.encode(body)
        method = "GET" if payload is None else "POST"
        headers = dict(self._headers)
        if payload is not None:
            headers["content-type"] = "application/json"
        try:
            _request(connection, method, target, payload, headers)
            response = connection.getresponse()
            if response.status >= 400:
                found = {name.lower(): value for name, value in response.getheaders()}
                raise error_of(Answered(response.status, found, response.read()))
            while chunk := response.read1(_CHUNK_BYTES):
                yield chunk
        except (http.client.HTTPException, OSError) as error:
            raise self._unanswered(error) from None
        finally:
            connection.close()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        payload: bytes | None,
        headers: dict[str, str],
    ) -> Answered:
        """Raises ConnectionError when the connection ended before the answer did."""
        try:
            _request(connection, method, target, payload, headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            answered = Answered(response.status, found, response.read())
        except BaseException as error:
            connection.close()
            if isinstance(error, http.client.InvalidURL | UnicodeEncodeError):
                raise errors.InvalidRequest(
                    f"not a path: {target[:200]!r}", where="path", fix="percent-encode its parts"
                ) from None
            if isinstance(error, ConnectionError):
                raise
            if isinstance(error, http.client.HTTPException | OSError):
                raise self._unanswered(error) from None
            raise
        self._idle.append(connection)
        return answered

    def _unanswered(self, error: Exception) -> errors.StoreError:
        return errors.StoreError(
            f"no answer from {self._url}: {error or type(error).__name__}",
            fix="start it with `trimtab serve`, or give the right URL",
        )

    def _kept(self) -> http.client.HTTPConnection | None:
        """A kept connection that the server has not closed meanwhile."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.sock is not None and not _has_ended(connection.sock):
                return connection
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        https = self._parts.scheme == "https"
        factory = http.client.HTTPSConnection if https else http.client.HTTPConnection
        return factory(self._parts.hostname or "", self._parts.port, timeout=self._timeout_s)


def _server(url: str) -> SplitResult:
    """The parts of a server's URL; what is wrong with it is said without a password in it."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(url)
    except ValueError:
        shown = url.rpartition("@")[2]
        raise errors.InvalidRequest(
            f"not a server URL: {shown[:200]!r}", where="url", fix="use for example " + DEFAULT_URL
        ) from None
    if "@" in parts.netloc:
        raise errors.InvalidRequest(
            "a server URL holds no credentials", where="url", fix="give the key as `key`"
        )
    return parts


def header(value: str, *, where: str) -> str:
    """A value as it is sent in a header: its UTF-8, in the letters that http.client takes.

    >>> header("Zoë", where="user")
    'ZoÃ«'
    """
    if not value.isprintable():
        raise errors.InvalidRequest(
            f"{where} holds a character that cannot be sent", where=where, fix="remove it"
        )
    return value.encode().decode("latin-1")


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    payload: bytes | None,
    headers: dict[str, str],
) -> None:
    try:
        connection.request(method, target, payload, headers)
    except (BrokenPipeError, ConnectionResetError):
        # A server that refuses a body answers before it has read it, and hangs up.
        if connection.sock is None:
            raise


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side has closed: nothing else can be read between two exchanges."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def _close_all(connections: list[http.client.HTTPConnection]) -> None:
    while connections:
        connections.pop().close()
