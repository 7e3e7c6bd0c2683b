"""HTTP/1.1 by hand: many requests at once, and requests that no client would send."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.gateway.gateway import ADMIN, PATHS
from tests.serving import Reply

_SILENCE_S = 0.5


class Broken(Exception):
    """The answer ended where no answer ends; what came of its body is `body`."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body[-100:])
        self.body = body


def request(dialect: str, body: Any, key: str = ADMIN) -> bytes:
    """A request on a connection of its own."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"POST /v1{PATHS.get(dialect, dialect)} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        f"connection: close\r\ncontent-length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


async def ask(url: str, sent: bytes, *, limit_s: float = 30) -> Reply:
    """The answer to one request. Raises Broken if it is cut off."""
    async with asyncio.timeout(limit_s):
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(sent)
            await writer.drain()
            return parsed(await reader.read())
        finally:
            writer.close()


def parsed(raw: bytes) -> Reply:
    """An answer up to the end of its connection."""
    head, blank, rest = raw.partition(b"\r\n\r\n")
    if not blank:
        raise Broken(raw)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    status = int(first.split(" ")[1])
    if headers.get("transfer-encoding") == "chunked":
        return Reply(status, headers, _joined(rest))
    if len(rest) != int(headers.get("content-length", len(rest))):
        raise Broken(rest)
    return Reply(status, headers, rest)


def _joined(rest: bytes) -> bytes:
    """The body of a chunked answer, which must end in order and with nothing behind it."""
    body = b""
    while True:
        size, line_end, more = rest.partition(b"\r\n")
        length = int(size, 16) if line_end else -1
        if length < 0 or more[length : length + 2] != b"\r\n":
            raise Broken(body)
        if not length:
            assert more == b"\r\n"
            return body
        body, rest = body + more[:length], more[length + 2 :]


def answers(url: str, sent: bytes | Sequence[bytes], *, limit_s: float = 5) -> list[int]:
    """The status of every answer that bytes on one connection get, until the server closes it.

    A connection that stays open is closed by this side once it is silent for a while, which is
    also the answer of a server that waits for more. Of several pieces, each is sent when something
    of the answer to the one before it is there.
    """
    parts = urlsplit(url)
    raw = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=limit_s) as connection:
        first, *more = [sent] if isinstance(sent, bytes) else sent
        connection.sendall(first)
        try:
            for piece in more:
                raw += connection.recv(65_536)
                connection.sendall(piece)
            connection.settimeout(_SILENCE_S)
            while chunk := connection.recv(65_536):
                raw += chunk
        except (TimeoutError, ConnectionResetError):
            pass
    pieces = raw.split(b"HTTP/1.1 ")[1:]
    return [int(piece[:3]) for piece in pieces]
