"""Recorder: spans of the request path into the spool at once, and from there into the store.

A span is safe when it is in the spool. A background task carries the spool's frames into the
telemetry store in order; while the store is away they wait on disk. Replaying a frame changes
nothing, so a crash between the two costs only time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from trimtab.errors import NotDurable, StoreError
from trimtab.kit import jsonx
from trimtab.records import Span
from trimtab.tracing.delivery import Deliver, Placed
from trimtab.tracing.spool import Backlog, Frame, Position, Spool

_log = logging.getLogger("trimtab.tracing")
_BATCH = 2_000
_BATCH_BYTES = 32 << 20
_REST_S = 0.25
_LONGEST_REST_S = 2.0
_PROBE_BYTES = 64 * 1024

_decoder = msgspec.json.Decoder(Span)


class _Taken(NamedTuple):
    """Spans that are carried together, and the position behind the last frame of them."""

    placed: list[Placed]
    end: Position


class SpanRecorder:
    """Implements `ports.Recorder` over a spool, and a `Delivery` out of it.

    Args:
        deliver: takes spans in order, before the spool forgets them.
        on_commit: called in the event loop after spans were delivered.
        retry_s: how long to wait before a delivery that failed is tried again.
    """

    def __init__(
        self,
        spool: Spool,
        deliver: Deliver,
        *,
        on_commit: Callable[[], None] = lambda: None,
        retry_s: float = 1.0,
    ) -> None:
        self._spool = spool
        spool.on_durable = self._accept
        self._deliver = deliver
        self._on_commit = on_commit
        self._retry_s = retry_s
        self._work = asyncio.Event()
        self._progress = asyncio.Condition()
        self._accepted: Position | None = None
        self._stored: Position | None = None
        self._caught_up = False  # with what an earlier process left in the spool
        self._flushing = 0  # how many wait for what is recorded to be in the store
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def backlog(self) -> Backlog:
        """What is not in the store yet."""
        return self._spool.backlog

    def start(self) -> None:
        """Begin to carry frames into the store, those of an earlier process first."""
        self._work.set()
        self._task = asyncio.create_task(self._drain(), name="trimtab-tracing")

    async def record(self, spans: Sequence[Span]) -> None:
        """Return when the spans are on disk. Raises NotDurable."""
        if not spans:
            return
        # A caller that is cancelled does not take its spans back: they are carried on all the same.
        await self._spool.put([jsonx.encode(span) for span in spans])

    def _accept(self, position: Position) -> None:
        self._accepted = position
        self._work.set()

    async def flush(self, *, limit_s: float = 5.0) -> None:
        """Wait until what was recorded before this call can be read from the store.

        Gives up quietly after `limit_s`, or at once when nothing carries frames: the spans are
        safe, only not readable yet.
        """
        target = self._accepted
        if self._task is None or self._task.done():
            return
        self._flushing += 1
        self._hurry.set()
        try:
            async with asyncio.timeout(limit_s), self._progress:
                await self._progress.wait_for(lambda: self._has_stored(target))
        except TimeoutError:
            _log.warning("%d recorded frames are not in the store yet", self._spool.backlog.frames)
        finally:
            self._flushing -= 1

    async def empty(self) -> None:
        """Wait as `flush` does, then take what was carried over off the disk."""
        await self._spool.turn()
        await self.flush()
        await asyncio.to_thread(self._spool.drop_delivered)

    async def stop(self, *, limit_s: float = 20.0) -> None:
        """Carry over what is left, for at most `limit_s`; the rest is there at the next start."""
        await self.flush(limit_s=limit_s)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._spool.close)

    def ping(self) -> None:
        """Raises NotDurable when a span could not be made durable now."""
        try:
            with tempfile.TemporaryFile(dir=self._spool.directory) as probe:
                probe.write(bytes(_PROBE_BYTES))
                probe.flush()
        except OSError as error:
            raise NotDurable(
                f"calls cannot be recorded: {error.strerror}",
                where=str(self._spool.directory),
                fix="free space on that disk and check that it is writable",
            ) from None

    def _has_stored(self, target: Position | None) -> bool:
        # Frames go in order: what this process recorded lies behind what an earlier one left.
        if target is None:
            return self._caught_up
        return self._stored is not None and self._stored >= target

    async def _drain(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                while (taken := await asyncio.to_thread(self._take)) is not None:
                    began_s = time.monotonic()
                    await self._carry(taken)
                    if self._caught_up:
                        await self._rest(time.monotonic() - began_s)
                if not self._caught_up:
                    self._caught_up = True
                    await self._notify()
            except StoreError as error:
                _log.warning("spans wait in the spool: %s", error)
                await self._later()
            except Exception:
                # This task is the only way into the store: it reports and goes on.
                _log.exception("recorded spans could not be stored; trying again")
                await self._later()

    async def _rest(self, worked_s: float) -> None:
        """Let calls gather, and leave the machine to those that are being answered.

        A commit costs as much for one call as for a hundred, and nobody misses a call that nobody
        looks for: whoever reads waits for `flush`, which ends the rest.
        """
        if self._flushing:
            return
        self._hurry.clear()
        rest_s = min(_LONGEST_REST_S, max(_REST_S, 2 * worked_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rest_s):
                await self._hurry.wait()

    async def _later(self) -> None:
        await asyncio.sleep(self._retry_s)
        self._work.set()

    def _take(self) -> _Taken | None:
        """The next spans, bounded in number and, but for the last, in size; None at the end."""
        placed: list[Placed] = []
        size = 0
        end: Position | None = None
        for count, frame in enumerate(self._spool.read(), 1):
            span = decoded(frame)
            if span is not None:
                placed.append((frame.position, span))
            end = frame.position
            size += len(frame.payload)
            if count >= _BATCH or size >= _BATCH_BYTES:
                break
        return None if end is None else _Taken(placed, end)

    async def _carry(self, taken: _Taken) -> None:
        await self._deliver(taken.placed)
        await asyncio.to_thread(self._spool.commit, taken.end)
        self._stored = taken.end
        await self._notify()
        self._on_commit()

    async def _notify(self) -> None:
        async with self._progress:
            self._progress.notify_all()


def decoded(frame: Frame) -> Span | None:
    """A frame's span; one that another version wrote and this one cannot read is reported."""
    try:
        return _decoder.decode(frame.payload)
    except msgspec.DecodeError as error:
        _log.error("a recorded span cannot be read and is left out: %s", error)
        return None
