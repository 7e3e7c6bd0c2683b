"""Pack files: compressed packs one after the other, beside the database that says where each is.

Only the writer's thread appends, and a pack is on disk before the transaction that names it
commits; so what no row names is garbage, of a crash or of an erasure. Outside of the rows' packs a
file can be overwritten at any time: that is how what is erased leaves the disk.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from trimtab.errors import StoreError
from trimtab.kit.disk import sync_directory
from trimtab.stores.telemetry.duckdb import packs

_log = logging.getLogger("trimtab.telemetry")
_SUFFIX = ".packs"
_FILE_BYTES = 256 << 20
_ZEROS = bytes(1 << 20)
_sync = getattr(os, "fdatasync", os.fsync)


class Extent(NamedTuple):
    """Where a pack is: the number of a file, and its bytes there."""

    file: int
    at: int
    length: int


class PackFiles:
    """The files of one directory, which is created with the first pack.

    Args:
        file_bytes: a file that has reached this size is followed by a new one.
    """

    def __init__(self, directory: Path, *, file_bytes: int = _FILE_BYTES) -> None:
        self.directory = directory
        self._file_bytes = file_bytes
        self._open: dict[int, int] = {}
        self._gate = Lock()
        self._last = 0
        self._end = 0

    def recover(self, last: int, end: int) -> None:
        """Append after byte `end` of the file `last` from now on; what is behind it is garbage.

        A file that lost its end is left as it is, and followed by a new one.
        """
        whole = self.size(last) >= end
        self._last, self._end = last, end if whole else self._file_bytes
        with self._translated():
            if self.size(last) > end:
                os.truncate(self.path(last), end)
        for number in self._numbers():
            if number > last:
                self.delete(number)

    def append(self, frames: Sequence[bytes]) -> list[Extent]:
        """Return when the packs are on disk: where each of them is.

        Raises:
            StoreError: the disk refused; nothing of them will be in the way.
        """
        if not frames:
            return []
        with self._translated():
            return self._append(frames)

    def read(self, extent: Extent) -> bytes:
        """Raises StoreError when the file cannot be read or is shorter than it should be."""
        with self._translated():
            found = os.pread(self._descriptor(extent.file), extent.length, extent.at)
        if len(found) < extent.length:
            raise StoreError(
                "a pack of payloads is cut off",
                where=str(self.path(extent.file)),
                fix="restore the telemetry store from a backup",
            )
        return found

    def unpacked(self, extent: Extent) -> bytes:
        """A pack, decompressed. Raises StoreError when it cannot be read or is damaged."""
        try:
            return packs.decompress(self.read(extent))
        except StoreError as error:
            place = f"{self.path(extent.file)}, byte {extent.at}"
            raise StoreError(error.what, where=place, fix=error.fix) from error

    def wipe(self, number: int, kept: Iterable[Extent]) -> None:
        """Overwrite everything in a file but these extents, and wait until that is on disk."""
        if not self.path(number).exists():
            return
        with self._translated():
            file = self._descriptor(number)
            size, at = os.fstat(file).st_size, 0
            for extent in sorted(kept, key=lambda one: one.at):
                _zero(file, at, min(extent.at, size))
                at = extent.at + extent.length
            _zero(file, at, size)
            _sync(file)

    def delete(self, number: int) -> None:
        with self._translated():
            self._forget(number)
            self.path(number).unlink(missing_ok=True)
        if number == self._last:
            self._end = self._file_bytes  # a new one comes next

    def size(self, number: int) -> int:
        try:
            return self.path(number).stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def size_bytes(self) -> int:
        return sum(map(self.size, self._numbers()))

    def copy_to(self, directory: Path) -> None:
        """Copy all files into a directory."""
        with self._translated():
            directory.mkdir(parents=True, exist_ok=True)
            for number in self._numbers():
                shutil.copy2(self.path(number), directory)

    def close(self) -> None:
        for number in list(self._open):
            self._forget(number)

    def _append(self, frames: Sequence[bytes]) -> list[Extent]:
        self._make_room()
        file = self._descriptor(self._last)
        extents, at = [], self._end
        for frame in frames:
            extents.append(Extent(self._last, at, len(frame)))
            at += len(frame)
        data = memoryview(b"".join(frames))
        written = 0
        while written < len(data):
            written += os.pwrite(file, data[written:], self._end + written)
        _sync(file)
        self._end = at
        return extents

    def _make_room(self) -> None:
        if self._last and self._end < self._file_bytes:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        number = max([self._last, *self._numbers()]) + 1
        os.close(os.open(self.path(number), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        sync_directory(self.directory)
        sync_directory(self.directory.parent)
        self._last, self._end = number, 0

    def _descriptor(self, number: int) -> int:
        with self._gate:
            found = self._open.get(number)
            if found is None:
                found = self._open[number] = os.open(self.path(number), os.O_RDWR)
            return found

    def _forget(self, number: int) -> None:
        with self._gate:
            if (descriptor := self._open.pop(number, None)) is not None:
                os.close(descriptor)

    def _numbers(self) -> list[int]:
        return sorted(
            int(path.stem)
            for path in self.directory.glob(f"*{_SUFFIX}")
            if path.stem.isascii() and path.stem.isdecimal()
        )

    def path(self, number: int) -> Path:
        return self.directory / f"{number:06d}{_SUFFIX}"

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise StoreError(
                "a file of payloads is missing",
                where=str(self.directory),
                fix="restore the telemetry store from a backup",
            ) from error
        except OSError as error:
            raise StoreError(
                f"payloads cannot be read or written: {error.strerror}",
                where=str(self.directory),
                fix="free space on that disk and check that it is writable",
            ) from error


def _zero(file: int, start: int, end: int) -> None:
    while start < end:
        start += os.pwrite(file, _ZEROS[: end - start], start)
