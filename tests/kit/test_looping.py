"""Loops begin once, outlive what fails in them, and are over when `stop` returns."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from trimtab.errors import StoreError
from trimtab.kit.looping import Looping, repeated
from trimtab.kit.threads import finished

_log = logging.getLogger("trimtab.test")


class Turns(Looping):
    """Fails in its first turns with the errors it is given, and notes the others."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__("turns")
        self.errors = list(errors)
        self.begun = 0
        self.done = asyncio.Event()

    async def _loop(self) -> None:
        self.begun += 1
        await repeated(self._turn, every_s=0.0, log=_log, failing="turns fail")

    async def _turn(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.done.set()


async def seen(turns: Turns) -> None:
    turns.start()
    async with asyncio.timeout(60):
        await turns.done.wait()


def test_a_second_start_begins_no_second_task() -> None:
    async def twice() -> int:
        turns = Turns()
        turns.start()
        await seen(turns)
        await turns.stop()
        return turns.begun

    assert asyncio.run(twice()) == 1


def test_it_can_be_started_again_after_it_was_stopped() -> None:
    async def again() -> int:
        turns = Turns()
        for _ in range(2):
            turns.done.clear()
            await seen(turns)
            await turns.stop()
            await turns.stop()
        return turns.begun

    assert asyncio.run(again()) == 2


def test_failures_are_logged_and_the_next_turn_comes(caplog: pytest.LogCaptureFixture) -> None:
    async def failing() -> None:
        turns = Turns(StoreError("no store"), ValueError("a flaw"))
        await seen(turns)
        await turns.stop()

    with caplog.at_level(logging.WARNING, "trimtab.test"):
        asyncio.run(failing())
    known, unknown = caplog.records
    assert (known.levelname, known.getMessage()) == ("WARNING", "turns fail: no store")
    assert unknown.getMessage() == "turns fail, and that is tried again"
    assert unknown.exc_info is not None
    assert unknown.exc_info[0] is ValueError


def test_a_blocking_call_is_over_when_stop_returns() -> None:
    began, stopping, over = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        stopping.wait(60)
        over.set()

    class Blocking(Looping):
        async def _loop(self) -> None:
            await finished(call)

    async def stopped() -> bool:
        blocking = Blocking("blocking")
        blocking.start()
        await asyncio.to_thread(began.wait, 10)
        asyncio.get_running_loop().call_soon(stopping.set)
        await blocking.stop()
        return over.is_set()

    assert asyncio.run(stopped())
