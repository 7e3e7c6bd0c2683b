"""Files of the spool: numbered segments of frames, a checkpoint, and the lock of their directory.

`recover` reads what an earlier process left and says what of it is still to be delivered; a torn
end is cut off, damage in the middle is counted and skipped. `SegmentWriter` makes frames durable
and leaves no partial frame behind when the disk refuses. Nothing here deletes undelivered frames.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from trimtab.errors import StoreError, StoreLocked, StoreTooNew
from trimtab.kit.disk import sync_directory
from trimtab.kit.lockfile import LockFile, LockHeld
from trimtab.tracing import frames

_log = logging.getLogger("trimtab.tracing")
_HEADER = b"trimtab spool 1\n"
_ANY_HEADER = re.compile(rb"trimtab spool ([0-9])\n")
HEADER_BYTES = len(_HEADER)
_CHECKPOINT = struct.Struct("<QQQ")
_SUFFIX = ".spool"
_READ_BYTES = 256 << 10
_AHEAD_BYTES = 256 << 10  # of zeros

# macOS has no fdatasync; fsync does more, never less.
_sync = getattr(os, "fdatasync", os.fsync)


class Position(NamedTuple):
    """A place between frames: segment number, byte offset in it, and frames before it there."""

    segment: int
    offset: int
    frame: int


@dataclass(slots=True)
class Segment:
    """A segment file as far as it is known to be good: `size` bytes, `frames` frames."""

    path: Path
    size: int
    frames: int


class Recovered(NamedTuple):
    """What an earlier process left: segments by number, where delivery stands, frames lost."""

    segments: dict[int, Segment]
    checkpoint: Position
    skipped: int


class SegmentWriter:
    """The segment that is being appended to; used by one thread.

    Zeros are written ahead of what is appended. To sync bytes that take the place of others, the
    file system writes no journal, which takes it less than half of the time.
    """

    def __init__(self, directory: Path, number: int) -> None:
        self.number = number
        self.path = directory / f"{number:010d}{_SUFFIX}"
        self.size = len(_HEADER)
        self._zeroed = self.size  # the end of the file
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._file = os.open(self.path, flags, 0o600)
        try:
            _write_all(self._file, _HEADER, 0)
            os.fsync(self._file)
            sync_directory(directory)
        except OSError:
            self.abandon()
            raise

    def append(self, data: bytes) -> None:
        """Return when `data` is on disk. After an OSError, `abandon` this segment."""
        end = self.size + len(data)
        if end > self._zeroed:
            self._go_ahead(end)
        _write_all(self._file, data, self.size)
        _sync(self._file)
        self.size = end

    def abandon(self) -> None:
        """Cut off what a failed append wrote and close; an empty segment disappears.

        After a failed sync the kernel may have dropped the pages it could not write, so a segment
        that failed is never appended to again.
        """
        self.close()
        if self.size == len(_HEADER):
            with contextlib.suppress(OSError):
                self.path.unlink()

    def close(self) -> None:
        """Cut off the zeros that are left; where that fails they are found at the next start."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.size)
            _sync(self._file)
        os.close(self._file)

    def _go_ahead(self, end: int) -> None:
        """Write zeros from `end` on; on a disk that is almost full, none."""
        zeroed = end + _AHEAD_BYTES
        try:
            _write_all(self._file, bytes(_AHEAD_BYTES), end)
        except OSError:
            os.ftruncate(self._file, self._zeroed)
            zeroed = end
        self._zeroed = zeroed


def lock(directory: Path) -> LockFile:
    """Hold `directory` until the lock is released.

    Raises:
        StoreLocked: another process, or another spool of this one, holds it.
    """
    try:
        return LockFile(directory / "lock")
    except LockHeld as held:
        raise StoreLocked(
            f"the spool is in use by {held}",
            where=str(directory),
            fix="stop that process, or give this one another data directory",
            pid=held.pid,
        ) from None


def recover(directory: Path) -> Recovered:
    """Bring a spool's directory into a known state and say what is in it.

    Raises:
        StoreTooNew: a segment is of a later format.
    """
    numbered = sorted(
        (int(path.stem), path)
        for path in directory.glob(f"*{_SUFFIX}")
        if path.stem.isascii() and path.stem.isdecimal()
    )
    checkpoint = _read_checkpoint(directory)
    segments: dict[int, Segment] = {}
    skipped = 0
    for number, path in numbered:
        if number < checkpoint.segment:
            path.unlink()
            continue
        start = checkpoint if number == checkpoint.segment else Position(number, 0, 0)
        last = number == numbered[-1][0]
        segment, damaged = _recover_segment(path, start, last=last)
        if segment.frames == start.frame and not damaged:
            path.unlink()
            continue
        segments[number] = segment
        skipped += damaged
    if skipped:
        _log.warning("spool %s: skipped %d damaged pieces", directory, skipped)
    if segments and checkpoint.segment not in segments:
        checkpoint = Position(min(segments), 0, 0)
    return Recovered(segments, checkpoint, skipped)


def read(segment: Segment, start: Position) -> Iterator[tuple[Position, bytes]]:
    """Intact frames of a segment after `start`, each with the position behind it."""
    frame = start.frame
    # A read for each frame would let go of the interpreter each time, and wait to get it back.
    with segment.path.open("rb", buffering=_READ_BYTES) as file:
        for found in frames.scan(file, max(start.offset, len(_HEADER)), segment.size):
            if found.payload is not None:
                frame += 1
                yield Position(start.segment, found.end, frame), found.payload


def write_checkpoint(directory: Path, position: Position) -> None:
    """Remember `position`. Not synced: a lost checkpoint means delivering again, nothing more."""
    fields = _CHECKPOINT.pack(*position)
    temporary = directory / "checkpoint.new"
    temporary.write_bytes(fields + crc32(fields).to_bytes(4, "little"))
    temporary.replace(directory / "checkpoint")


def _read_checkpoint(directory: Path) -> Position:
    try:
        raw = (directory / "checkpoint").read_bytes()
    except FileNotFoundError:
        return Position(0, 0, 0)
    fields, checksum = raw[: _CHECKPOINT.size], raw[_CHECKPOINT.size :]
    if len(fields) < _CHECKPOINT.size or checksum != crc32(fields).to_bytes(4, "little"):
        _log.warning("spool %s: the checkpoint is damaged; delivering everything again", directory)
        return Position(0, 0, 0)
    return Position(*_CHECKPOINT.unpack(fields))


def _recover_segment(path: Path, start: Position, *, last: bool) -> tuple[Segment, int]:
    """The good part of a segment from `start` on, and how many pieces in it are damaged."""
    length = path.stat().st_size
    _check_header(path)
    good, count, damaged, torn = max(start.offset, len(_HEADER)), start.frame, 0, 0
    with path.open("rb") as file:
        for found in frames.scan(file, good, length):
            if found.payload is None:
                torn += 1
                continue
            good, count, damaged, torn = found.end, count + 1, damaged + torn, 0
    if good < length and (last or _is_blank(path, good)):
        _log.info("spool %s: cut off %d bytes of an unfinished append", path, length - good)
        os.truncate(path, good)
        torn = 0
    return Segment(path, good, count), damaged + torn


def _is_blank(path: Path, start: int) -> bool:
    """Whether the rest of a file is zeros that were written ahead."""
    with path.open("rb") as file:
        file.seek(start)
        return not file.read().strip(b"\0")


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(len(_HEADER))
    header = _ANY_HEADER.fullmatch(head)
    if header and head != _HEADER:
        raise StoreTooNew(
            "the spool was written by a newer Trimtab",
            where=str(path),
            fix="run the version that wrote it",
            found=int(header[1]),
            supported=1,
        )


def _write_all(file: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, place)
        if not written:
            raise StoreError("the operating system wrote nothing and named no reason")
        view, place = view[written:], place + written
