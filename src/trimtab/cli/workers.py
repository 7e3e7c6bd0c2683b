"""Workers of `trimtab serve`: started, started again when they end, and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time

from trimtab.config import Config
from trimtab.config.handover import packed

_log = logging.getLogger("trimtab.workers")
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_LASTING_S = 30.0  # one that ran for so long begins anew with the shortest pause
_MARGIN_S = 20.0  # beyond `limits.drain_s`, to bring its spans over


class Workers:
    """Processes 1 to `config.workers` - 1 of a server, which share its port.

    Each has a pipe from this one, first with its configuration and then with nothing: it ends when
    the pipe does, however this process ends.
    """

    def __init__(self, config: Config, port: int) -> None:
        self._count = config.workers
        self._port = port
        self.hand(config)
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._keeping: dict[int, asyncio.Task[None]] = {}
        self._stopping = False

    def hand(self, config: Config) -> None:
        """Those that are started from now on get this configuration."""
        self._stop_s = config.limits.drain_s + _MARGIN_S
        configuration = packed(config)
        self._handed = b"%d %d\n%b" % (self._port, len(configuration), configuration)

    def start(self) -> None:
        self._keeping = {
            number: asyncio.create_task(self._keep(number), name=f"trimtab-worker-{number}")
            for number in range(1, self._count)
        }

    async def stop(self) -> None:
        """End them in order, or by force after `limits.drain_s` and some more."""
        self._stopping = True
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for number, task in self._keeping.items():
            if number not in self._running:
                task.cancel()  # it waits to start another
        if not self._keeping:
            return
        await asyncio.wait(self._keeping.values(), timeout=self._stop_s)
        for number, process in self._running.items():
            _log.error("worker %d did not end and is killed; its spans are on disk", number)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*self._keeping.values(), return_exceptions=True)
        self._keeping = {}

    async def _keep(self, number: int) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            began_s = time.monotonic()
            try:
                how = f"exit code {await self._run(number)}"
            except OSError as error:
                how = f"cannot be started: {error.strerror}"
            if self._stopping:
                return
            pause_s = _FIRST_PAUSE_S if time.monotonic() - began_s > _LASTING_S else pause_s
            _log.error("worker %d: %s; another begins in %g s", number, how, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _run(self, number: int) -> int:
        """Run one to its end; its exit code."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "trimtab.cli.worker",
            str(number),
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process, which tells the others
        )
        pipe = process.stdin
        if pipe is None:
            raise RuntimeError("a worker has no pipe")
        self._running[number] = process
        try:
            if self._stopping:
                process.terminate()
            with contextlib.suppress(ConnectionError):
                pipe.write(self._handed)
                await pipe.drain()
            return await process.wait()
        finally:
            del self._running[number]
            pipe.close()
