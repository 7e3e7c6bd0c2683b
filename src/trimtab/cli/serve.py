"""`trimtab serve`: one process, one port, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import click

from trimtab.cli.options import config_options, load_config
from trimtab.config import Config, is_loopback, require_safe

# A batch of spans is some ten thousand objects without a cycle, which go when it is stored: the
# interpreter's own 700 would look through all of them again and again, an eighth of an ingest.
_COLLECTED_AFTER = (50_000, 20, 50)


@click.command()
@config_options
@click.option("--metadata-url", metavar="URL", help="postgresql://...  [default: SQLite]")
@click.option("--telemetry-url", metavar="URL", help="clickhouse://...  [default: DuckDB]")
@click.option("--grpc-port", type=int, help="Port for OTLP over gRPC.  [default: none]")
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
    listener = serving.listen(config.host, config.port)
    url = _url(config, listener.getsockname()[1])
    with listener, datadir.acquire(data, url=url):
        app = App.open(config)
        # Everything loaded so far lives as long as the process: keep the collector off it.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTED_AFTER)
        click.echo(f"Trimtab is at {url}  (Ctrl-C stops it)", err=True)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serving.serve(app, listener))
        # What was frozen must be collected before the interpreter goes, or DuckDB reports a leak.
        gc.unfreeze()
    click.echo("stopped; everything acknowledged is stored", err=True)


def _url(config: Config, port: int) -> str:
    shown = config.host if is_loopback(config.host) else socket.gethostname()
    shown = f"[{shown}]" if ":" in shown else shown
    return f"{'https' if config.tls else 'http'}://{shown}:{port}"


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
    for name in ("alembic", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
