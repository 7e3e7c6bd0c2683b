"""Containers: what lies in a zip, a tar or a compressed file, read within bounds."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from trimtab.governance.supply_chain.formats import HEAD_BYTES, Format

MOST_BYTES = 256 * 1024**2
"""Of one file within another, and of a pickle."""

_MOST_IN_ALL = 1024**3
_MOST_ENTRIES = 20_000
_CHUNK_BYTES = 1 << 20
_LZMA_BYTES = 128 * 1024**2

BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, RuntimeError, ValueError, IndexError, KeyError, OverflowError),
)
"""What reading a damaged file may raise."""


class TooMuch(Exception):
    """A container holds more than is read."""


class Room:
    """How much may be read of one file with everything in it, in bytes and in entries."""

    def __init__(self) -> None:
        self._bytes, self._entries = _MOST_IN_ALL, _MOST_ENTRIES

    def take(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < 0:
            raise TooMuch(f"it holds more than {_MOST_IN_ALL >> 20} MiB")

    def enter(self) -> None:
        self._entries -= 1
        if self._entries < 0:
            raise TooMuch(f"it holds more than {_MOST_ENTRIES} files")


class Entry(NamedTuple):
    """A file within another. Of one that nobody wants, `raw` is its beginning."""

    name: str
    raw: bytes


Wanted = Callable[[str, bytes], bool]


def zipped(file: BinaryIO, wanted: Wanted, room: Room) -> Iterator[Entry]:
    """The files in a zip. Raises TooMuch, and what `BROKEN` lists."""
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            room.enter()
            if not entry.is_dir():
                with archive.open(entry) as stream:
                    yield _entry(entry.filename, stream, wanted, room)


def tarred(file: BinaryIO, wanted: Wanted, room: Room) -> Iterator[Entry]:
    """The files in a tar that is not compressed. Raises as `zipped`."""
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for entry in archive:
            room.enter()
            if (stream := archive.extractfile(entry) if entry.isfile() else None) is not None:
                yield _entry(entry.name, stream, wanted, room)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _entry(name: str, stream: _Stream, wanted: Wanted, room: Room) -> Entry:
    head = stream.read(HEAD_BYTES)
    room.take(len(head))
    if not wanted(name, head):
        return Entry(name, head)
    parts, size = [head], len(head)
    while chunk := stream.read(_CHUNK_BYTES):
        room.take(len(chunk))
        size += len(chunk)
        if size > MOST_BYTES:
            raise TooMuch(f"{name[:100]} is larger than {MOST_BYTES >> 20} MiB")
        parts.append(chunk)
    return Entry(name, b"".join(parts))


def inflated(file: BinaryIO, kind: Format, room: Room) -> bytes:
    """What a compressed file says, all its members in a row.

    Raises:
        TooMuch: it is too large, or nothing here can read it.
        What `BROKEN` lists.
    """
    make = _INFLATERS.get(kind)
    if make is None:
        raise TooMuch(f"{kind} is not read")
    out, inflater = io.BytesIO(), make()
    data = file.read(_CHUNK_BYTES)
    while True:
        got = inflater.decompress(data, _CHUNK_BYTES)
        room.take(len(got))
        out.write(got)
        if out.tell() > MOST_BYTES:
            raise TooMuch(f"it is larger than {MOST_BYTES >> 20} MiB when it is unpacked")
        if inflater.eof:
            data = inflater.unused_data or file.read(_CHUNK_BYTES)
            if not data.strip(b"\0"):
                return out.getvalue()
            inflater = make()
            continue
        data = getattr(inflater, "unconsumed_tail", b"")
        if not data and getattr(inflater, "needs_input", True):
            data = file.read(_CHUNK_BYTES)
            if not data and not got:
                return out.getvalue()


_INFLATERS: dict[Format, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=47),
    "zlib": lambda: zlib.decompressobj(wbits=47),
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(memlimit=_LZMA_BYTES),
}
