"""A worker's process; `trimtab serve --workers` starts it, nobody else does."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli import process
from trimtab.config.handover import unpacked
from trimtab.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.app import Worker


def main() -> int:
    """Serve until SIGTERM, or until the process at the other end of standard input is gone."""
    from trimtab.api import serving
    from trimtab.app import Worker

    if hasattr(signal, "SIGHUP"):  # Windows has none
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the owner says when to read settings again
    number = int(sys.argv[1])
    pipe = sys.stdin.buffer
    port, length = map(int, pipe.readline().split() or (0, 1))
    data = pipe.read(length)
    if len(data) < length:
        return 0  # the other end is gone already
    config = unpacked(data)
    process.log(config)
    stop = asyncio.Event()
    try:
        worker = Worker.open(config, number)
        worker.on_config(process.log)
        process.run(_until_told(worker, stop, serving.serve_worker(worker, stop, port=port)))
    except TrimtabError as error:
        click.echo(f"worker {number}: {error}", err=True)
        return error.exit_code
    return 0


async def _until_told(
    worker: Worker, stop: asyncio.Event, serving: Coroutine[Any, Any, None]
) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def at_the_end() -> None:
        # Nothing follows the configuration but the end.
        loop.remove_reader(sys.stdin)
        worker.alone = True
        stop.set()

    loop.add_reader(sys.stdin, at_the_end)
    await serving


if __name__ == "__main__":
    sys.exit(main())
