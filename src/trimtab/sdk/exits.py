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
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from trimtab.sdk.delivery import Delivery
from trimtab.sdk.processor import Processor

EXIT_S = 5.0
_SIGNAL_S = 3.0
_NUDGE_S = 0.05


class Exits:
    """The hooks of one process; it lives as long as that."""

    def __init__(self, processor: Processor, delivery: Delivery) -> None:
        self._processor = processor
        self._delivery = delivery
        self._hooked_multiprocessing = False
        self._ending: Callable[..., None] | None = None
        self._settling = False
        self._heard = False
        self._ended_by: int | None = None
        self._pipe: tuple[int, int] | None = None
        self._forking = threading.local()

    def install(self) -> None:
        atexit.register(self.settle)
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._let_signals_in,
            after_in_child=self._after_fork,
        )
        self._hook_multiprocessing()
        if threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGTERM)
        if previous is signal.SIG_DFL or callable(previous):
            handler = functools.partial(self._terminated, previous)
            signal.signal(signal.SIGTERM, handler)
            self._ending = None if callable(previous) else handler

    def settle(self) -> None:
        """End what is still open and deliver or keep everything."""
        self._settling = True
        try:
            self._settle(EXIT_S)
        finally:
            self._settling = False
        if self._ended_by is not None:
            _die(self._ended_by)

    def _settle(self, timeout_s: float) -> None:
        try:
            self._processor.end_open_spans()
        except Exception as error:
            self._delivery.report(error)
        try:
            self._delivery.close(timeout_s)
        except Exception as error:
            self._delivery.report(error)

    def _terminated(self, previous: Any, number: int, frame: FrameType | None) -> None:
        self._heard = True
        if callable(previous):
            # Whoever handles the signal decides when the process ends, and may end it abruptly.
            _in_thread(self._delivery.persist, _SIGNAL_S)
            previous(number, frame)
            return
        if self._settling:
            # By the interrupted thread, which a second one would only wait for; it ends the process
            # when it is done.
            self._ended_by = number
            return
        self._settling = True
        # What an interrupted flush holds it does not let go of.
        timeout_s = 0.0 if self._delivery.flushes_here() else EXIT_S
        _in_thread(functools.partial(self._settle, timeout_s), EXIT_S + 1.0)
        _die(number)

    def heed(self) -> None:
        """In a worker of `multiprocessing`, whose end is a SIGTERM as a rule: do not miss it.

        A signal that arrives while the main thread goes to wait for a lock is noted and does not
        wake it. Python calls the handler after that wait, so a worker of a pool would never end.
        """
        if not self._handles() or threading.current_thread() is not threading.main_thread():
            return
        listening = signal.set_wakeup_fd(-1)
        if listening != -1:
            signal.set_wakeup_fd(listening)
            return
        self._pipe = reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        _thread.start_new_thread(self._listen, (reader, threading.get_ident()))

    def _listen(self, reader: int, main: int) -> None:
        while numbers := os.read(reader, 64):
            while signal.SIGTERM in numbers:
                time.sleep(_NUDGE_S)
                if self._heard or not self._handles():
                    break
                signal.pthread_kill(main, signal.SIGTERM)

    def _handles(self) -> bool:
        """Whether SIGTERM is ours to handle, and ends the process."""
        return self._ending is not None and signal.getsignal(signal.SIGTERM) is self._ending

    def _hook_multiprocessing(self) -> None:
        """Processes of `multiprocessing` end by `os._exit`, after finalizers of their own."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._hooked_multiprocessing:
            self._hooked_multiprocessing = True
            util.register_after_fork(self, _finalize_by_multiprocessing)

    def _before_fork(self) -> None:
        self._hook_multiprocessing()
        if self._handles():
            # Python forgets the signals that reach a child before it is set up; those that wait
            # outside until then it does not.
            self._forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def _let_signals_in(self) -> None:
        mask = vars(self._forking).pop("mask", None)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _after_fork(self) -> None:
        self._processor.after_fork()
        self._delivery.after_fork()
        self._settling = self._heard = False
        self._ended_by = None
        self._leave_pipe()
        self._let_signals_in()

    def _leave_pipe(self) -> None:
        """In a child of a worker, whose signals are not the worker's."""
        if self._pipe is None:
            return
        listening = signal.set_wakeup_fd(-1)
        if listening not in (-1, self._pipe[1]):  # Someone listened since.
            signal.set_wakeup_fd(listening)
        for end in self._pipe:
            os.close(end)
        self._pipe = None


def _finalize_by_multiprocessing(exits: Exits) -> None:
    from multiprocessing.util import Finalize

    Finalize(None, exits.settle, exitpriority=0)
    exits.heed()


def _die(number: int) -> None:
    """End as the signal would have ended the process."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


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
