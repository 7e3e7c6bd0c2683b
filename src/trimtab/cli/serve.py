"""`trimtab serve`: one process, one port, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.options import config_options, load_config
from trimtab.config import Config, is_loopback, require_safe
from trimtab.errors import ConfigError

if TYPE_CHECKING:
    import uvicorn

    from trimtab.app import App


@click.command()
@config_options
def command(**flags: Any) -> None:
    """Run the gateway, the API and the background work in one process.

    Prints its URL when it answers. Ctrl-C or SIGTERM stops accepting, finishes what is in flight,
    stores what is spooled, and exits 0; nothing acknowledged is lost.
    """
    config = load_config(flags).config
    require_safe(config)
    _logging(config)
    serve(config)


def serve(config: Config) -> None:
    """Serve until a signal says stop.

    Raises:
        StoreLocked: another process has the data directory.
        ConfigError: the port is taken.
    """
    from trimtab.kit import datadir

    listener = listen(config.host, config.port)
    url = _url(config.host, listener.getsockname()[1])
    with listener, datadir.acquire(Path(config.data), url=url):
        from trimtab.app import App

        app = App.open(config)
        # Everything loaded so far lives as long as the process: keep the collector off it.
        gc.collect()
        gc.freeze()
        click.echo(f"Trimtab is at {url}  (Ctrl-C stops it)", err=True)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run(app, listener))
    click.echo("stopped; everything acknowledged is stored", err=True)


async def run(app: App, listener: socket.socket, stop: asyncio.Event | None = None) -> None:
    """Serve an application on a bound socket until a signal, or `stop`, and close it in order."""
    import uvicorn

    from trimtab.api.asgi import Server

    settings = uvicorn.Config(
        Server(app),
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_config=None,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, int(app.config.limits.drain_s)),
    )
    server = uvicorn.Server(settings)
    await app.start()
    stopping = asyncio.create_task(_stop(server, stop)) if stop else None
    try:
        await server.serve(sockets=[listener])
    finally:
        if stopping is not None:
            stopping.cancel()
        await app.stop()


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError when the address is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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
    listener.listen(2048)
    return listener


def _url(host: str, port: int) -> str:
    shown = host if is_loopback(host) else socket.gethostname()
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}"


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:  # Windows has none.
        return None
    return uvloop.new_event_loop


class _JSONLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _logging(config: Config) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JSONLines()
        if config.log.format == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=config.log.level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
