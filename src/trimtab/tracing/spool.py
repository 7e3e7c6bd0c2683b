"""Spool: a durable queue on local disk, between the request path and the telemetry store.

Bytes go in; `append` returns when they would survive a crash of the process and of the machine, one
sync for everything that waits. They come out in order, again and again until `commit` says they are
safe elsewhere; then their segments are deleted. The spool never looks into a payload, never blocks
the event loop, and never gives up an intact frame because another one is damaged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from trimtab.errors import NotDurable, StoreError
from trimtab.kit.disk import sync_directory
from trimtab.kit.lane import Done, Lane
from trimtab.kit.lockfile import LockFile
from trimtab.tracing import frames, segments
from trimtab.tracing.segments import Position, Segment, SegmentWriter

__all__ = ["Backlog", "Frame", "Position", "Spool"]


class Frame(NamedTuple):
    """A payload and the position just behind it, for `commit`."""

    position: Position
    payload: bytes


class Backlog(NamedTuple):
    """What is in the spool and not committed."""

    frames: int
    size_bytes: int


class _Waiting(NamedTuple):
    data: bytes
    frames: int
    done: asyncio.Future[Position]


class Spool:
    """Append from one event loop; read and commit from any thread. Made by `Spool.open`.

    `on_durable` is called in that loop after each group, with the position behind it.
    """

    def __init__(
        self, directory: Path, held: LockFile, *, segment_bytes: int, max_backlog_bytes: int
    ) -> None:
        self.directory = directory
        self._held = held
        self._segment_bytes = segment_bytes
        self._max_backlog_bytes = max_backlog_bytes
        self._segments, self._checkpoint, self.skipped = segments.recover(directory)
        self._backlog = _backlog(self._segments, self._checkpoint)
        self._next = max(self._segments, default=self._checkpoint.segment) + 1
        self._writer: SegmentWriter | None = None
        self._lock = Lock()
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._writing = False  # or about to
        self._lane = Lane("spool")
        self._closed = False
        self.on_durable: Callable[[Position], None] = lambda _: None

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        segment_bytes: int = 16 << 20,
        max_backlog_bytes: int = 1 << 30,
    ) -> Spool:
        """Open the spool in `directory`, which is created if need be, after any kind of crash.

        Args:
            segment_bytes: a segment that has reached this size is followed by a new one.
            max_backlog_bytes: appends are refused while more than this waits to be committed.
        Raises:
            StoreLocked: the spool is in use.
            StoreTooNew: it was written by a newer Trimtab.
            StoreError: the directory cannot be used.
        """
        held = None
        try:
            directory.mkdir(parents=True, exist_ok=True)
            sync_directory(directory.parent)
            held = segments.lock(directory)
            return cls(
                directory, held, segment_bytes=segment_bytes, max_backlog_bytes=max_backlog_bytes
            )
        except BaseException as error:
            if held is not None:
                held.release()
            if isinstance(error, OSError):
                raise _unusable(directory, error) from error
            raise

    @property
    def backlog(self) -> Backlog:
        return self._backlog

    async def append(self, payloads: Sequence[bytes]) -> Position:
        """Return the position behind the last payload when all of them are on disk.

        A caller that is cancelled does not take its payloads back.
        Raises:
            NotDurable: none of the payloads was kept: the disk refused, or the backlog is full.
        """
        return await self.put(payloads)

    def put(self, payloads: Sequence[bytes]) -> asyncio.Future[Position]:
        """What `append` waits for; cancelling it takes nothing back. Raises NotDurable."""
        data = frames.encode(payloads)
        self._admit(len(data))
        loop = asyncio.get_running_loop()
        waiting = _Waiting(data, len(payloads), loop.create_future())
        self._waiting.append(waiting)
        self._waiting_bytes += len(data)
        if not self._writing:
            self._writing = True
            # What else arrives in this turn of the loop is in the same group.
            loop.call_soon(self._write_next, loop)
        return waiting.done

    def read(self, *, after: Position | None = None) -> Iterator[Frame]:
        """Frames that are on disk, in order of append, up to the end as it is now.

        Args:
            after: where to start; by default what `commit` was last told.
        Raises:
            StoreError: a segment cannot be read.
        """
        with self._lock:
            start = max(after or self._checkpoint, self._checkpoint)
            known = [
                (number, Segment(segment.path, segment.size, segment.frames))
                for number, segment in sorted(self._segments.items())
                if number >= start.segment
            ]
        for number, segment in known:
            first = start if number == start.segment else Position(number, 0, 0)
            try:
                for position, payload in segments.read(segment, first):
                    yield Frame(position, payload)
            except OSError as error:
                raise _unusable(self.directory, error) from error

    def commit(self, position: Position) -> None:
        """Everything up to `position` is safe elsewhere: forget it, and delete finished segments.

        Committing an earlier position again changes nothing. A crash right after this call may
        deliver the committed frames once more.
        Raises:
            StoreError: the directory cannot be written.
        """
        with self._lock:
            if position <= self._checkpoint or self._closed:
                return
            try:
                segments.write_checkpoint(self.directory, position)
                self._checkpoint = position
                self._drop_delivered()
            except OSError as error:
                raise _unusable(self.directory, error) from error
            finally:
                self._backlog = _backlog(self._segments, self._checkpoint)

    async def turn(self) -> None:
        """End the segment that is appended to, so that it goes when all of it is delivered."""
        if not self._closed:
            loop = asyncio.get_running_loop()
            ended: asyncio.Future[Done[None]] = loop.create_future()
            self._lane.do(loop, self._end_segment, partial(_resolve, ended))
            if (error := (await ended).error) is not None:
                raise error

    def drop_delivered(self) -> None:
        """Delete the segments of which everything is delivered, after a `turn` the last one too.

        Raises:
            StoreError: the directory cannot be written.
        """
        with self._lock:
            try:
                self._drop_delivered()
            except OSError as error:
                raise _unusable(self.directory, error) from error

    def close(self) -> None:
        """Finish the append that is being written and release the directory."""
        if self._closed:
            return
        self._closed = True
        self._lane.close()
        if self._writer is not None:
            self._writer.close()
        self._held.release()

    def _admit(self, size: int) -> None:
        if self._closed:
            raise NotDurable("the spool is closed", where=str(self.directory))
        held = self._backlog.size_bytes + self._waiting_bytes
        if held + size > self._max_backlog_bytes:
            raise NotDurable(
                f"the spool holds {held} bytes that the telemetry store has not taken",
                where=str(self.directory),
                fix="bring the telemetry store back, or raise the limit of the spool",
                backlog_bytes=held,
                limit_bytes=self._max_backlog_bytes,
            )

    def _write_next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what waits; whatever arrives during a sync is the next group."""
        group, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._writing = bool(group)
        if group:
            self._lane.do(loop, partial(self._write, group), partial(self._wrote, loop, group))

    def _wrote(
        self,
        loop: asyncio.AbstractEventLoop,
        group: Sequence[_Waiting],
        done: Done[Sequence[Position]],
    ) -> None:
        if done.value is None:
            self._refuse(group, done.error)
        else:
            self._accept(group, done.value)
        self._write_next(loop)

    def _accept(self, group: Sequence[_Waiting], ends: Sequence[Position]) -> None:
        self.on_durable(ends[-1])
        for waiting, end in zip(group, ends, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(end)

    def _refuse(self, group: Sequence[_Waiting], error: BaseException | None) -> None:
        for waiting in group:
            if not waiting.done.done():
                waiting.done.set_exception(_refused(self.directory, error))

    def _write(self, group: Sequence[_Waiting]) -> list[Position]:
        """Make a group durable, in the spool's own thread; the end of each member."""
        writer = self._writable()
        start = writer.size
        try:
            writer.append(b"".join(waiting.data for waiting in group))
        except BaseException:
            self._writer = None
            writer.abandon()
            raise
        with self._lock:
            segment = self._segments.setdefault(writer.number, Segment(writer.path, start, 0))
            ends = []
            for waiting in group:
                segment.size += len(waiting.data)
                segment.frames += waiting.frames
                ends.append(Position(writer.number, segment.size, segment.frames))
            self._backlog = _backlog(self._segments, self._checkpoint)
        return ends

    def _writable(self) -> SegmentWriter:
        """The segment to append to; a new one when the last is full or failed."""
        if self._writer is not None and self._writer.size >= self._segment_bytes:
            self._end_segment()
        if self._writer is None:
            number, self._next = self._next, self._next + 1
            self._writer = SegmentWriter(self.directory, number)
        return self._writer

    def _end_segment(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _drop_delivered(self) -> None:
        writer = self._writer
        for number, segment in sorted(self._segments.items()):
            at = self._checkpoint
            ended = writer is None or writer.number != number
            if number > at.segment or (
                number == at.segment and not (ended and segment.frames == at.frame)
            ):
                return
            with contextlib.suppress(FileNotFoundError):
                self._segments[number].path.unlink()
            del self._segments[number]


def _resolve(waiting: asyncio.Future[Done[None]], done: Done[None]) -> None:
    if not waiting.done():
        waiting.set_result(done)


def _backlog(known: Mapping[int, Segment], checkpoint: Position) -> Backlog:
    count = size = 0
    for number, segment in known.items():
        at = checkpoint if number == checkpoint.segment else Position(number, 0, 0)
        count += segment.frames - at.frame
        size += segment.size - max(at.offset, segments.HEADER_BYTES)
    return Backlog(count, size)


def _refused(directory: Path, error: BaseException | None) -> NotDurable:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return NotDurable(
        f"the spool cannot be written: {reason}",
        where=str(directory),
        fix="free space on that disk and check that it is writable; later calls will work again",
    )


def _unusable(directory: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the spool cannot be used: {error.strerror}",
        where=str(directory),
        fix="check that the directory exists, is writable and is on a healthy disk",
    )
