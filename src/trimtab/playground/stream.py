"""Stream: several columns asked at once, told together as server-sent events.

Each column is a task of its own, so one that fails or hangs stops no other. What they say waits in
one bounded queue: a reader that is slow slows the columns, and through them the providers, and
costs no memory. Closing the stream, which a reader does by going away, cancels every column, and
with it what was asked of a provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from trimtab.errors import NotFound, Overloaded
from trimtab.kit import ids
from trimtab.playground.column import Column
from trimtab.playground.events import Total, event
from trimtab.playground.telling import Ask, Problem, Telling
from trimtab.ports import Clock

_UNREAD_EVENTS = 64
_HEARTBEAT_S = 15.0
_MOST_STREAMS = 64


class Stream:
    """The events of some columns, as bytes; unlike a generator it can be closed before its start.

    Args:
        columns: with ids of their own.
        on_close: called once, when nothing of it goes on any more.
    """

    def __init__(
        self,
        stream_id: str,
        columns: Sequence[Column],
        *,
        ask: Ask,
        clock: Clock,
        problem: Problem,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.stream_id = stream_id
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(_UNREAD_EVENTS)
        self._columns = list(columns)
        self._tellings = {
            column.id: Telling(
                column,
                ids.trace_id(),
                ask=ask,
                tell=self._queue.put,
                clock=clock,
                problem=problem,
            )
            for column in columns
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()
        self._running: set[str] = set()
        self._ending: set[str] = set()
        self._total = Total()
        self._left = len(self._columns)
        self._over = self._closed = False
        self._on_close = on_close

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        """The events that wait, or the next one; a comment now and then when there is none."""
        if self._over or self._closed:
            raise StopAsyncIteration
        if not self._tasks:
            self._start()
            return event(
                "opened", {"stream": self.stream_id, "columns": [one.id for one in self._columns]}
            )
        try:
            async with asyncio.timeout(_HEARTBEAT_S):
                said = [await self._queue.get()]
        except TimeoutError:
            return b": still here\n\n"
        while not self._queue.empty():
            said.append(self._queue.get_nowait())
        if not self._left and self._queue.empty():
            self._over = True
            said.append(event("done", self._total))
        return b"".join(said)

    def cancel(self, column: str) -> None:
        """Stop one column, or nothing where it has ended; it is told as `cancelled`.

        Raises:
            NotFound: there is no such column.
        """
        if column not in self._tellings:
            raise NotFound(
                f"no column {column[:50]!r} in stream {self.stream_id}",
                fix=f"it has {', '.join(self._tellings)}",
            )
        if column in self._cancelled or column in self._ending:
            return
        self._cancelled.add(column)
        # A task that is cancelled before its first step would never say how it ended.
        if column in self._running:
            self._tasks[column].cancel()

    def cancel_all(self) -> None:
        """Stop every column; what reads the stream is told of each."""
        for column in self._tellings:
            self.cancel(column)

    async def aclose(self) -> None:
        """Stop every column and return when none goes on; closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._on_close()

    def _start(self) -> None:
        for name, telling in self._tellings.items():
            task = asyncio.create_task(self._run(name, telling), name=f"playground column {name}")
            self._tasks[name] = task

    async def _run(self, name: str, telling: Telling) -> None:
        try:
            if name not in self._cancelled:
                self._running.add(name)
                await telling.run()
        except asyncio.CancelledError:
            if self._closed or name not in self._cancelled:
                raise
        self._running.discard(name)
        self._ending.add(name)
        end, said, cost_usd = telling.ended(cancelled=name in self._cancelled)
        await self._queue.put(said)
        self._total = self._total.with_one(end, cost_usd)
        self._left -= 1


class Streams:
    """The streams of a server that are being read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, str, Stream]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(
        self,
        columns: Sequence[Column],
        *,
        owner: tuple[str, str],
        ask: Callable[[str], Ask],
        problem: Problem,
    ) -> Stream:
        """A stream that asks nothing before it is read.

        Args:
            owner: the project and the principal, who alone may cancel it.
            ask: what asks the columns of the stream of this id.
        Raises:
            Overloaded: there are too many.
        """
        if len(self._open) >= _MOST_STREAMS:
            raise Overloaded(
                f"{len(self._open)} streams of the playground are open, the most there may be",
                fix="close one, or try again later",
                retry_after_s=1,
            )
        stream_id = ids.uuid7(self._clock.now_ns())
        stream = Stream(
            stream_id,
            columns,
            ask=ask(stream_id),
            clock=self._clock,
            problem=problem,
            on_close=lambda: self._forget(stream_id),
        )
        self._open[stream_id] = (*owner, stream)
        return stream

    def find(self, stream_id: str, *, owner: tuple[str, str]) -> Stream:
        """Raises NotFound: it has ended, never was, or is somebody else's."""
        found = self._open.get(stream_id)
        if found is None or found[:2] != owner:
            raise NotFound(f"no stream {stream_id[:50]!r} is open", fix="it may have ended")
        return found[2]

    def _forget(self, stream_id: str) -> None:
        self._open.pop(stream_id, None)
