"""Threads and pools work in the context of whoever started them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from opentelemetry import context as otel
from opentelemetry.context import Context

from trimtab.sdk.context import Attached

_MARK = "_trimtab_wired"


def wire() -> None:
    """Replace `Thread.start` and `ThreadPoolExecutor.submit`; again does nothing."""
    if not hasattr(threading.Thread.start, _MARK):
        _replace(threading.Thread, "start", _starting(threading.Thread.start))
    if not hasattr(ThreadPoolExecutor.submit, _MARK):
        _replace(ThreadPoolExecutor, "submit", _submitting(ThreadPoolExecutor.submit))


def _replace(owner: type, name: str, method: Callable[..., Any]) -> None:
    setattr(method, _MARK, True)
    setattr(owner, name, method)


def _starting(original: Callable[[threading.Thread], None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(self: threading.Thread) -> None:
        current = otel.get_current()
        if current and not self.ident:
            # On the instance, so that it also holds where a subclass defines `run`.
            vars(self)["run"] = functools.partial(_run, self, current)
        original(self)

    return start


def _run(thread: threading.Thread, context: Context) -> None:
    vars(thread).pop("run", None)
    here = Attached(context)
    try:
        thread.run()
    finally:
        here.leave()


def _submitting(original: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    @functools.wraps(original)
    def submit(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        # Also when nothing is current: the pool's thread may have been started by another caller.
        return original(self, functools.partial(_call, otel.get_current(), fn), *args, **kwargs)

    return submit


def _call(context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    here = Attached(context)
    try:
        return function(*args, **kwargs)
    finally:
        here.leave()
