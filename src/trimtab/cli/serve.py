"""`trimtab serve`: one process, one port, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trimtab.cli import process
from trimtab.cli.options import config_options, config_source
from trimtab.cli.workers import Workers
from trimtab.config import Config, Loaded, is_loopback, require_safe
from trimtab.errors import ConfigError

_LEAVING_S = 2.0  # for the workers of a process that was killed
_PAUSE_S = 0.05


@click.command()
@config_options
@click.option("--metadata-url", metavar="URL", help="postgresql://...  [default: SQLite]")
@click.option("--telemetry-url", metavar="URL", help="clickhouse://...  [default: DuckDB]")
@click.option("--workers", type=int, help="Processes that answer calls.  [default: 1]")
@click.option("--grpc-port", type=int, help="Port for OTLP over gRPC.  [default: none]")
def command(**flags: Any) -> None:
    """Run the gateway, the API and the background work.

    One process does everything; with --workers more of them answer calls of the gateway.

    Prints its URL when it answers. Ctrl-C or SIGTERM stops accepting, finishes what is in flight,
    stores what is spooled, and exits 0; nothing acknowledged is lost. SIGHUP, or
    `trimtab config reload`, has the configuration read again.
    """
    source = config_source(flags)
    config = source().config
    require_safe(config)
    process.log(config)
    serve(config, source)


def serve(config: Config, source: Callable[[], Loaded] | None = None) -> None:
    """Serve until a signal says stop.

    Args:
        source: where the configuration is read again.
    Raises:
        StoreLocked: another process has the data directory.
        ConfigError: the port is taken, or the certificate cannot be used.
    """
    from trimtab.api import listeners, serving
    from trimtab.app import App
    from trimtab.kit import datadir

    if config.tls is not None:
        listeners.context(config.tls)  # what is wrong with it is better said before anything opens
    data = Path(config.data)
    datadir.require_free(data)  # before the port: whoever has the directory has the port as well
    os.umask(0o077)  # what is recorded is for this user alone
    listener = _listen(config)
    url = _url(config, port := listener.getsockname()[1])
    with listener, datadir.acquire(data, url=url):
        app = App.open(config, source)
        app.on_config(process.log)
        click.echo(f"Trimtab is at {url}  (Ctrl-C stops it)", err=True)
        workers = Workers(config, port) if config.workers > 1 else None
        process.run(serving.serve(app, listener, workers=workers))
    click.echo("stopped; everything acknowledged is stored", err=True)


def _listen(config: Config) -> socket.socket:
    """A listening socket, which workers share. Raises ConfigError."""
    from trimtab.api import serving

    if config.workers == 1:
        return serving.listen(config.host, config.port)
    until_s = time.monotonic() + _LEAVING_S
    while True:
        try:
            # Alone first: whoever shares a port does not learn that a stranger has it too.
            with serving.listen(config.host, config.port) as alone:
                port = alone.getsockname()[1]
            return serving.listen(config.host, port, shared=True)
        except ConfigError:
            if time.monotonic() > until_s:
                raise
            time.sleep(_PAUSE_S)


def _url(config: Config, port: int) -> str:
    shown = config.host if is_loopback(config.host) else socket.gethostname()
    shown = f"[{shown}]" if ":" in shown else shown
    return f"{'https' if config.tls else 'http'}://{shown}:{port}"
