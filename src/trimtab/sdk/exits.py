"""How a process ends or divides without losing spans: exit, SIGTERM, fork, multiprocessing.

Handlers that were there are kept and called. The work of a signal is done in a thread of its own,
because the interrupted thread may hold any lock. `os._exit` is the one way out that loses.
"""

from __future__ import annotations

import _thread
import atexit
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from trimtab.sdk.delivery import Delivery
from trimtab.sdk.processor import Processor

EXIT_S = 5.0
_SIGNAL_S = 3.0


class Exits:
    """The hooks of one process; it lives as long as that."""

    def __init__(self, processor: Processor, delivery: Delivery) -> None:
        self._processor = processor
        self._delivery = delivery
        self._hooked_multiprocessing = False

    def install(self) -> None:
        atexit.register(self.settle)
        os.register_at_fork(before=self._hook_multiprocessing, after_in_child=self._after_fork)
        self._hook_multiprocessing()
        if threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGTERM)
        if previous is signal.SIG_DFL or callable(previous):
            handler = functools.partial(self._terminated, previous)
            signal.signal(signal.SIGTERM, handler)

    def settle(self) -> None:
        """End what is still open and deliver or keep everything."""
        try:
            self._processor.end_open_spans()
            self._delivery.close(EXIT_S)
        except Exception as error:
            self._delivery.report(error)

    def _terminated(self, previous: Any, number: int, frame: FrameType | None) -> None:
        if callable(previous):
            # Whoever handles the signal decides when the process ends, and may end it abruptly.
            _in_thread(self._delivery.persist, _SIGNAL_S)
            previous(number, frame)
            return
        _in_thread(self.settle, EXIT_S + 1.0)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _hook_multiprocessing(self) -> None:
        """Processes of `multiprocessing` end by `os._exit`, after finalizers of their own."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._hooked_multiprocessing:
            self._hooked_multiprocessing = True
            util.register_after_fork(self, _finalize_by_multiprocessing)

    def _after_fork(self) -> None:
        self._processor.after_fork()
        self._delivery.after_fork()


def _finalize_by_multiprocessing(exits: Exits) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, exits.settle, exitpriority=0)


def _in_thread(work: Callable[[], None], timeout_s: float) -> None:
    """Run `work` beside an interrupted thread; started without a lock that thread might hold."""
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            work()
        finally:
            done.release()

    _thread.start_new_thread(run, ())
    done.acquire(timeout=timeout_s)
