"""Chunks: records as lines of JSON, compressed together.

What is written in the thousands and read as a whole is some ten times smaller and quicker so than
as a row each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from trimtab.errors import StoreError
from trimtab.kit import zstd
from trimtab.kit.jsonx import encode
from trimtab.stores.metadata.faults import unstorable

CHUNK_BYTES = 1 << 20
T = TypeVar("T")

# With a checksum: without, a flipped bit may come out as another text.
_OPTIONS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 3,
    zstd.CompressionParameter.checksum_flag: 1,
}


class Chunk(NamedTuple):
    records: int
    body: bytes


def lines(records: Iterable[Any]) -> Iterator[bytes]:
    """Raises InvalidRequest for a text that cannot be encoded."""
    for record in records:
        try:
            yield encode(record)
        except UnicodeEncodeError:
            raise unstorable() from None


def chunks(lines: Iterable[bytes], *, records: int) -> Iterator[Chunk]:
    """Lines gathered to at most `records` in a chunk, and to about CHUNK_BYTES.

    >>> [chunk.records for chunk in chunks([b"1", b"2", b"3"], records=2)]
    [2, 1]
    """
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if len(gathered) == records or size >= CHUNK_BYTES:
            yield _chunk(gathered)
            gathered, size = [], 0
    if gathered:
        yield _chunk(gathered)


def unpack(body: bytes, kind: type[T]) -> list[T]:
    """The records of a chunk. Raises StoreError when it is damaged."""
    try:
        return msgspec.json.Decoder(kind).decode_lines(_decompressed(body))
    except msgspec.DecodeError as error:
        raise _damaged(error) from None


def unpacked_lines(body: bytes) -> list[bytes]:
    """The lines of a chunk. Raises StoreError when it is damaged."""
    return _decompressed(body).split(b"\n")


def _decompressed(body: bytes) -> bytes:
    try:
        return zstd.decompress(body)
    except zstd.ZstdError as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> StoreError:
    return StoreError(
        f"stored records cannot be read: {error}",
        fix="restore the metadata database from a backup",
    )


def _chunk(lines: list[bytes]) -> Chunk:
    return Chunk(len(lines), zstd.compress(b"\n".join(lines), options=_OPTIONS))
