"""Listeners: what accepts connections, reads HTTP/1.1 and calls the ASGI application.

Two that pass the same tests: Trimtab's own, and uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Protocol

import uvicorn

from trimtab.config import Config, Tls
from trimtab.errors import ConfigError
from trimtab.kit.http1.server import HTTP1Server
from trimtab.kit.http1.server_turn import Application


class Listener(Protocol):
    """Serves one application; belongs to one event loop."""

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept. Raises ConfigError."""
        ...

    async def finish(self, drain_s: float) -> None:
        """Stop accepting, let requests in flight finish for so long, and close everything."""
        ...

    def hurry(self) -> None:
        """Let `finish` wait no longer."""
        ...


def listener(config: Config, app: Application) -> Listener:
    """The listener of a configuration."""
    if config.listener == "uvicorn":
        return UvicornListener(app, config.tls)
    return OwnListener(app, config.tls)


class OwnListener:
    """`kit.http1.server` as a listener."""

    def __init__(self, app: Application, tls: Tls | None = None) -> None:
        self._server = HTTP1Server(app, tls=None if tls is None else context(tls))

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        await self._server.start(sockets)

    async def finish(self, drain_s: float) -> None:
        await self._server.aclose(drain_s=drain_s)

    def hurry(self) -> None:
        self._server.hurry()


class UvicornListener:
    """uvicorn, told to do nothing but HTTP."""

    def __init__(self, app: Application, tls: Tls | None = None) -> None:
        if tls is not None:
            context(tls)  # which says what is wrong with it
        self._settings = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            server_header=False,
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=75,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        self._server = _Server(self._settings)
        self._serving: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        self._serving = asyncio.create_task(self._server.serve(list(sockets)))
        await self._server.ready.wait()

    async def finish(self, drain_s: float) -> None:
        if self._serving is None:
            return
        self._settings.timeout_graceful_shutdown = max(1, int(drain_s))
        self._server.should_exit = True
        await self._serving

    def hurry(self) -> None:
        self._server.force_exit = True


class _Server(uvicorn.Server):
    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would repeat one at its end, before ours."""
        yield


def context(tls: Tls) -> ssl.SSLContext:
    """TLS of a server, 1.2 or newer.

    Raises:
        ConfigError: the files are not there, are no PEM, or do not belong together.
    """
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        raise ConfigError(
            f"the certificate cannot be used: {error.strerror or error}",
            where="tls",
            fix="name a readable PEM file of the certificate with its chain, and one of its key",
            key="tls",
            got=tls.certificate,
        ) from None
    return made
