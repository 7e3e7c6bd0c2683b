"""How a scorer's function is called: here, in a thread of its own, or awaited."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from trimtab.scorers.judgement import Outcome

_LARGE = 100_000


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling a function gives something to await."""
    call = type(function).__call__
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def is_large(given: Mapping[str, Any]) -> bool:
    """Whether judging may take long enough to hold up a loop that serves others."""
    return any(type(value) is str and len(value) > _LARGE for value in given.values())


def is_being_cancelled() -> bool:
    """Whether this task is to end, and not only something that its scorer awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def in_thread(judge: Callable[[], dict[str, Outcome]]) -> dict[str, Outcome]:
    """Run in a daemon thread of its own: one that hangs takes no place in a pool, and no exit."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[dict[str, Outcome]] = loop.create_future()

    def deliver(judged: dict[str, Outcome]) -> None:
        if not done.done():
            done.set_result(judged)

    def work() -> None:
        judged = context.run(judge)
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(deliver, judged)

    context = contextvars.copy_context()
    threading.Thread(target=work, name="trimtab-scorer", daemon=True).start()
    return await done


def described(error: BaseException) -> str:
    """What an exception says, whatever its own message does."""
    try:
        message = str(error)
    except Exception:
        message = "(its message cannot be read)"
    return f"{type(error).__name__}: {message}"
