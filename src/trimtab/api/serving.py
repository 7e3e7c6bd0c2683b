"""Serving: an application on a listening socket, until a signal or an event says stop."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING, Protocol

from trimtab.api import listeners
from trimtab.api.asgi import Server
from trimtab.api.intake import Intake
from trimtab.api.signals import Signals
from trimtab.api.worker import WorkerServer
from trimtab.app import App, Worker
from trimtab.config import Config
from trimtab.errors import ConfigError
from trimtab.kit.http1.local import local_listener
from trimtab.kit.http1.server import HTTP1Server

if TYPE_CHECKING:
    from trimtab.api.grpc import ExportServer

_BACKLOG = 2048


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket. Raises ConfigError when the address is taken or not this machine's.

    Args:
        shared: other processes of this user may listen there too; new connections go to one of
            them.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, for asyncio turns off Nagle's algorithm only where it knows that it is TCP: an answer
    # in two pieces would wait 40 ms for the acknowledgement of the first.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host.strip("[]"), port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            where="port",
            fix="stop what uses it, or give another with --port (0 takes any free one)",
            key="port",
            got=port,
        ) from None
    # From here on a request waits for the event loop instead of being refused.
    listener.listen(_BACKLOG)
    return listener


class Workers(Protocol):
    """Processes that answer beside this one."""

    def start(self) -> None: ...

    def hand(self, config: Config) -> None:
        """Those that are started from now on get this configuration."""

    async def stop(self) -> None:
        """Have them finish what they began, and wait until they have ended."""


async def serve(
    app: App,
    listener: socket.socket,
    stop: asyncio.Event | None = None,
    *,
    workers: Workers | None = None,
) -> None:
    """Start an application, answer until told to stop, finish what was begun, and close it.

    Args:
        stop: ends the serving when it is set; without it, SIGTERM and Ctrl-C do, and SIGHUP has
            the configuration read again.
        workers: begin when this process answers; what they leave to it is answered to their end.
    """
    asgi = Server(app)
    front = listeners.listener(app.config, asgi)
    inner = HTTP1Server(asgi)
    exports = _exports(app, asgi.intake)
    signals = None
    if stop is None:
        signals = Signals(hurry=front.hurry, reload=partial(app.reload, "SIGHUP"))
        signals.take()
        stop = signals.stop
    if workers is not None:
        app.on_config(workers.hand)
    try:
        await app.start()
        if exports is not None:
            await exports.start()
        await front.start([listener])
        if workers is not None:
            await inner.start([local_listener(app.api_socket)])
            workers.start()
        await stop.wait()
        app.draining.set()
        if workers is None:
            await front.finish(app.config.limits.drain_s)
        else:
            await asyncio.gather(workers.stop(), front.finish(app.config.limits.drain_s))
    finally:
        if workers is not None:
            await workers.stop()
            await inner.aclose()
            app.api_socket.unlink(missing_ok=True)
        if exports is not None:
            await exports.stop(app.config.limits.drain_s)
        await app.stop()
        if signals is not None:
            signals.forget()


async def serve_worker(worker: Worker, stop: asyncio.Event, *, port: int) -> None:
    """Answer calls beside the owner until told to stop, finish what was begun, and close it.

    What is no call of the gateway is answered by the owner.
    """
    front = listeners.listener(worker.config, WorkerServer(worker))
    try:
        await worker.start()
        # Not before: a connection to this process waits for nothing.
        await front.start([listen(worker.config.host, port, shared=True)])
        await stop.wait()
        worker.draining.set()
        await front.finish(worker.config.limits.drain_s)
    finally:
        await worker.stop()


def _exports(app: App, intake: Intake) -> ExportServer | None:
    """The server of OTLP over gRPC, where one is asked for. Raises MissingExtra, ConfigError."""
    if app.config.grpc_port is None:
        return None
    from trimtab.api.grpc import ExportServer

    return ExportServer(app, intake, host=app.config.host, port=app.config.grpc_port)
