"""Run one asynchronous test on a chosen event loop and prove that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import psutil

LOOPS = ("asyncio", "uvloop")


def run_on(loop: str, test: Callable[[], Awaitable[None]], *, timeout_s: float = 30) -> None:
    """Fail if `test` fails, outlasts `timeout_s`, or leaks a task or a socket.

    Unclosed transports and unretrieved exceptions show as warnings, and those are errors.
    """

    async def watched() -> None:
        async with asyncio.timeout(timeout_s):
            await test()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:  # a handshake of the loop's own may be ending
            _, left = await asyncio.wait(left, timeout=10)
        assert not left, f"tasks left behind: {left}"

    process = psutil.Process()
    before = len(process.net_connections())
    with asyncio.Runner(loop_factory=_factory(loop)) as runner:
        runner.run(watched())
    gc.collect()
    assert len(process.net_connections()) <= before, "sockets left behind"


def _factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if loop == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
