"""One POST over HTTP/1.1 with the standard library: kept connections, a limit on every wait."""

from __future__ import annotations

import codecs
import email.utils
import http.client
import os
import ssl
import time
from typing import NamedTuple
from urllib.parse import urlsplit

# OTLP/HTTP, "Retryable Response Codes".
RETRYABLE = frozenset({429, 502, 503, 504})
_MAX_ANSWER_BYTES = 1024 * 1024
_MAX_WAIT_S = 300.0

# Resolving a name imports this codec: a fork in that moment would leave the child a locked import.
codecs.lookup("idna")


class Unreachable(Exception):
    """Nobody answered: the connection failed, broke or took too long."""


class Answer(NamedTuple):
    status: int
    retry_after_s: float | None
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Transport:
    """Posts bodies; for one thread at a time."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self._kept: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def post(self, url: str, body: bytes, *, headers: dict[str, str], timeout_s: float) -> Answer:
        """Send a body that these headers describe.

        Raises:
            Unreachable: there is no answer.
        """
        parts = urlsplit(url)
        where = (parts.scheme, parts.netloc)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"user-agent": "trimtab-sdk", **self._headers, **headers}
        # A kept connection may have been closed meanwhile: that is no reason to give up.
        for kept in (self._kept.pop(where, None), None):
            connection = kept or _connection(*where, timeout_s)
            try:
                return self._ask(connection, where, target, body, headers, timeout_s)
            except (OSError, http.client.HTTPException, ValueError) as error:
                connection.close()
                if kept is None or isinstance(error, TimeoutError):
                    raise Unreachable(str(error) or type(error).__name__) from None
        raise AssertionError("the second attempt returns or raises")

    def forget(self) -> None:
        """Leave the connections to the process that opened them, which is another one."""
        self._kept = {}

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        where: tuple[str, str],
        target: str,
        body: bytes,
        headers: dict[str, str],
        timeout_s: float,
    ) -> Answer:
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        text = response.read(_MAX_ANSWER_BYTES)
        if response.isclosed() and not response.will_close:
            self._kept[where] = connection
        else:
            connection.close()
        return Answer(response.status, _seconds(response.getheader("retry-after")), text)


def _connection(scheme: str, netloc: str, timeout_s: float) -> http.client.HTTPConnection:
    host = netloc.rpartition("@")[2]
    if scheme == "http":
        return http.client.HTTPConnection(host, timeout=timeout_s)
    certificate = os.environ.get("OTEL_EXPORTER_OTLP_CERTIFICATE")
    context = ssl.create_default_context(cafile=certificate or None)
    return http.client.HTTPSConnection(host, timeout=timeout_s, context=context)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After, in seconds or as a date (RFC 9110, section 10.2.3), within reason.

    >>> _seconds("7"), _seconds("soon")
    (7.0, None)
    """
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after), _MAX_WAIT_S)
    try:
        until = email.utils.parsedate_to_datetime(retry_after).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(until - time.time(), 0.0), _MAX_WAIT_S)
