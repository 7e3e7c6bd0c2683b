"""Quotas of all processes of a machine, kept by one of them behind a UNIX socket.

`LimitServer` runs in the process that supervises the others; each of them has a `SocketLimiter`
(`client`).
Nobody but the user of the server can connect. A server that is started anew has forgotten what was
taken, as after a restart of a single process.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from typing import cast

import msgspec

from trimtab.errors import InvalidRequest, StoreLocked
from trimtab.ports import Grant
from trimtab.stores.limits import wire
from trimtab.stores.limits.address import unusable
from trimtab.stores.limits.holders import Holder, Holders
from trimtab.stores.limits.memory import MemoryLimiter

_BACKLOG = 128
_TIMEOUT_S = 2.0
_RELEASE_S = 5.0


class LimitServer:
    """Answers the limiters of other processes from one limiter in this one.

    Args:
        release_s: what a process held is put back so long after its last connection was lost.
    """

    def __init__(
        self, path: Path, limiter: MemoryLimiter, *, release_s: float = _RELEASE_S
    ) -> None:
        self._path = path
        self._limiter = limiter
        self._holders = Holders(limiter, release_s=release_s)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            StoreLocked: another process listens there.
            StoreError: the socket cannot be made.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._bind(listener)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(
                lambda: _Answering(self._limiter, self._holders, self._open),
                sock=listener,
                backlog=_BACKLOG,
            )
        except OSError as error:
            listener.close()
            raise unusable(self._path, error, fix="check the data directory") from None
        except BaseException:
            listener.close()
            raise

    async def stop(self) -> None:
        """Stop to listen, and drop those that are connected."""
        server, self._server = self._server, None
        if server is None:
            return
        with suppress(FileNotFoundError):
            self._path.unlink()
        server.close()
        for transport in list(self._open):
            transport.abort()
        await server.wait_closed()
        self._holders.close()

    def _bind(self, listener: socket.socket) -> None:
        if self._path.exists():
            _remove_stale(self._path)
        listener.bind(str(self._path))
        self._path.chmod(0o600)  # before anybody can connect, which `listen` allows


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that is gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise StoreLocked(
        "another process keeps the limits of this data directory",
        where=str(path),
        fix="stop it first",
    )


class _Answering(asyncio.Protocol):
    """One connection of the server; what it is asked in one piece it answers in one piece."""

    def __init__(
        self, limiter: MemoryLimiter, holders: Holders, connected: set[asyncio.Transport]
    ) -> None:
        self._limiter = limiter
        self._holders = holders
        self._holder: Holder | None = None
        self._name = ""
        self._known = False
        self._connected = connected
        self._framing = wire.Framing()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connected.add(self._transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._connected.discard(self._transport)
        if self._holder is not None:
            self._holders.leave(self._name)

    def data_received(self, data: bytes) -> None:
        try:
            answers = [self._answer(message) for message in self._framing.feed(data)]
        except (wire.Oversized, msgspec.MsgspecError):
            self._transport.abort()  # it does not speak this protocol
            return
        self._transport.write(b"".join(answers))

    def pause_writing(self) -> None:
        """Who does not read its answers is not asked for more."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def _answer(self, message: bytes) -> bytes:
        asked = wire.decode_question(message)
        try:
            if isinstance(asked, wire.Claim):
                self._claim(asked)
                answer = wire.Answer()
            else:
                answer = wire.Answer(grant=self._asked(asked))
        except InvalidRequest as error:
            answer = wire.Answer(refusal=wire.Refusal.of(error))
        return wire.framed(wire.encode(answer))

    def _asked(self, asked: wire.Question) -> Grant | None:
        quota, now_s = asked.quota, self._limiter.now_s()
        grant = None
        if asked.take:
            grant = self._limiter.take_now(quota, asked.wanted, at_least=asked.at_least)
            more = grant.amount
        else:
            self._limiter.give_back_now(quota, asked.wanted)
            more = -asked.wanted - asked.spent
        if self._holder is not None:
            self._holder.holdings.add(quota, more, now_s)
        return grant

    def _claim(self, claim: wire.Claim) -> None:
        if self._holder is None:
            self._name = claim.holder
            self._holder, self._known = self._holders.enter(claim.holder)
        if claim.quota is not None:
            self._holder.claim(claim.quota, claim.amount, known=self._known)
