"""Signals: what a server does when it is told to stop, to hurry, or to read its settings again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from trimtab.errors import TrimtabError

_STOPPING = (signal.SIGTERM, signal.SIGINT)
_HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none
_STREAMS = (0, 1, 2)


class Signals:
    """Of one process, in its event loop, from `take` to `forget`.

    SIGTERM and Ctrl-C set `stop`. SIGHUP reloads; but when it says that the terminal of the server
    was closed it sets `stop` as well, as nobody could stop it any more.

    Args:
        hurry: called for a Ctrl-C that comes while it stops.
        reload: its TrimtabError is reported by itself.
    """

    def __init__(
        self, *, hurry: Callable[[], None], reload: Callable[[], Awaitable[object]]
    ) -> None:
        self.stop = asyncio.Event()
        self._hurry = hurry
        self._reload = reload
        self._reloading: set[asyncio.Task[None]] = set()
        self._had_terminal = _has_terminal()

    def take(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _STOPPING:
            loop.add_signal_handler(number, self._on_stop, number)
        if _HANGUP is not None:
            loop.add_signal_handler(_HANGUP, self._on_hangup)

    def forget(self) -> None:
        """gRPC keeps the event loop for good, and with its handlers the loop would keep all."""
        loop = asyncio.get_running_loop()
        for number in (*_STOPPING, *([_HANGUP] if _HANGUP is not None else [])):
            loop.remove_signal_handler(number)

    def _on_stop(self, number: signal.Signals) -> None:
        if self.stop.is_set() and number is signal.SIGINT:
            self._hurry()
        self.stop.set()

    def _on_hangup(self) -> None:
        if self._had_terminal and not _has_terminal():
            self.stop.set()
        if self.stop.is_set():
            return
        task = asyncio.get_running_loop().create_task(self._reloaded(), name="trimtab-reload")
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reloaded(self) -> None:
        try:
            await self._reload()
        except TrimtabError:
            return  # it is in the log


def _has_terminal() -> bool:
    """A terminal that was closed is none any more."""
    return any(os.isatty(stream) for stream in _STREAMS)
