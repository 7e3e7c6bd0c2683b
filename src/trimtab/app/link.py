"""Link: how the processes of one server ask each other, over UNIX sockets of the data directory.

A question is a name with some bytes, an answer is bytes. No other user can connect, and nothing
leads there from the port of the server.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from trimtab.errors import StoreError, TrimtabError
from trimtab.kit.http1.errors import ConnectError, HTTPError
from trimtab.kit.http1.local import LocalCall, local_listener
from trimtab.kit.http1.server import HTTP1Server
from trimtab.kit.http1.server_turn import Message

Answer = Callable[[bytes], Awaitable[bytes]]

_log = logging.getLogger("trimtab.app")


class Absent(StoreError):
    """Nobody listens there: the process does not run."""


class Peer:
    """Another process, by its socket."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what

    async def ask(self, name: str, body: bytes = b"", *, limit_s: float) -> bytes:
        """What the other process answers.

        Raises:
            Absent: it does not run.
            StoreError: it failed, or did not answer within `limit_s`.
        """
        try:
            async with asyncio.timeout(limit_s):
                return await self._asked(name, body)
        except ConnectError as error:
            raise Absent(f"{self._what} does not run", where=str(error)) from None
        except HTTPError as error:
            raise StoreError(f"{self._what} ended before it answered: {error}") from None
        except TimeoutError:
            raise StoreError(f"{self._what} did not answer within {limit_s:g} s") from None

    async def _asked(self, name: str, body: bytes) -> bytes:
        length = str(len(body)).encode()
        call = await LocalCall.begin(
            self._path,
            "POST",
            b"/" + name.encode(),
            [(b"host", b"localhost"), (b"content-length", length)],
        )
        try:
            await call.write(body)
            await call.head()
            said = b"".join([piece async for piece in call.pieces()])
        finally:
            call.close()
        if call.status != 200:
            raise StoreError(f"{self._what} failed: {said.decode()}")
        return said


class Answering:
    """Answers questions by their name."""

    def __init__(self, path: Path, answers: Mapping[str, Answer]) -> None:
        self._path = path
        self._answers = answers
        self._server = HTTP1Server(self._answer)

    async def start(self) -> None:
        await self._server.start([local_listener(self._path)])

    async def stop(self) -> None:
        await self._server.aclose(drain_s=1.0)
        self._path.unlink(missing_ok=True)

    async def _answer(self, scope: Message, receive: _Receive, send: _Send) -> None:
        pieces, more = [], True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces.append(message["body"])
            more = message["more_body"]
        status, said = 200, b""
        try:
            said = await self._answers[scope["path"][1:]](b"".join(pieces))
        except TrimtabError as error:
            status, said = 503, str(error).encode()
        except Exception as error:
            _log.exception("a question of another process failed")
            status, said = 500, repr(error).encode()
        headers = [(b"content-length", str(len(said)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": said})


_Receive = Callable[[], Awaitable[Message]]
_Send = Callable[[Message], Awaitable[None]]
