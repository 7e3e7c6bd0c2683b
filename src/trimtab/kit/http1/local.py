"""One request to another process of this machine, through its UNIX socket: in and out in pieces.

For streams in both directions at once, which the client of `client` does not do: it takes a body in
memory. A connection carries one request, as opening one costs little here.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Self

from trimtab.kit.http1.errors import ConnectError, Disconnected
from trimtab.kit.http1.parser import ResponseParser

_PIECE_BYTES = 65_536


class LocalCall:
    """A request that has begun; made by `begin`, and to be closed.

    Its errors are `Disconnected` and `ProtocolError`.
    """

    def __init__(
        self, method: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._parser = ResponseParser(method)
        self._reader = reader
        self._writer = writer

    @classmethod
    async def begin(
        cls, path: Path, method: str, target: bytes, fields: Iterable[tuple[bytes, bytes]]
    ) -> Self:
        """Connect and send the head.

        Args:
            fields: as they go on the wire, the framing of the body among them; nothing is checked.
        Raises:
            ConnectError: nobody listens there; nothing was sent.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=_PIECE_BYTES)
        except OSError as error:
            raise ConnectError(f"{path}: {error.strerror or error}") from None
        lines = [b"%b %b HTTP/1.1" % (method.encode("latin-1"), target)]
        lines += [b": ".join(field) for field in fields]
        writer.write(b"\r\n".join(lines) + b"\r\nconnection: close\r\n\r\n")
        return cls(method, reader, writer)

    @property
    def status(self) -> int:
        return self._parser.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        return self._parser.headers

    async def write(self, data: bytes) -> None:
        """Send more of the body, when the other side reads."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Disconnected(f"the connection broke: {error}") from None

    async def head(self) -> None:
        """Wait for status and headers."""
        while not self._parser.status:
            await self._read()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes; whole at the end."""
        while True:
            if data := self._parser.take():
                yield data
            elif self._parser.complete:
                return
            else:
                await self._read()

    def close(self) -> None:
        """End the connection; a request that is not answered yet is cut off."""
        self._writer.transport.abort()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(_PIECE_BYTES)
        except OSError as error:
            raise Disconnected(f"the connection broke: {error}") from None
        if data:
            self._parser.feed(data)
        else:
            self._parser.end()


def local_listener(path: Path, *, backlog: int = 1024) -> socket.socket:
    """A listening UNIX socket for this user alone, in the place of one that was left there.

    The caller makes sure that no other process listens there.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o600)  # before anybody can connect, which `listen` allows
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener
