"""Bodies of bulk requests: inflated as they arrive, never beyond a limit.

gzip, deflate and zstd, also as several members one after the other. What comes out is bounded piece
by piece, so a small body that inflates to a huge one costs its limit and one piece, no more.
"""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Protocol

from trimtab.api.intake import Share
from trimtab.errors import InvalidRequest, RequestError, TooLarge
from trimtab.kit import zstd

PIECE_BYTES = 256 * 1024
ENCODINGS = ("gzip", "deflate", "zstd")
_ALIASES = {"x-gzip": "gzip", "identity": ""}
# RFC 9659: a window of at most 8 MiB, which is what a decoder allocates before anything comes out.
_WINDOW_LOG_MAX = 23


class UnsupportedMedia(RequestError):
    """A content-type or content-encoding that is not taken."""

    code = "unsupported_media_type"
    status = 415


async def whole(
    pieces: AsyncIterator[bytes], encoding: str, *, limit_bytes: int, share: Share
) -> bytes:
    """The whole body, inflated.

    Args:
        pieces: the body as it comes from the wire.
        encoding: its content-encoding; empty is none.
        share: takes the size of what is kept, as it grows.
    Raises:
        UnsupportedMedia: an unknown encoding, or several.
        InvalidRequest: the body is not of its encoding, or was cut off.
        TooLarge: over `limit_bytes` once inflated.
        Overloaded: other requests have all of what may be in the works.
    """
    inflate = inflater(encoding)
    # BytesIO hands its buffer out as bytes without a copy.
    body = io.BytesIO()
    size = 0
    async with aclosing(_inflated(pieces, inflate)) as found:
        async for piece in found:
            size += len(piece)
            if size > limit_bytes:
                raise TooLarge(
                    f"the request body is larger than {limit_bytes} bytes when inflated",
                    fix="send less, or raise limits.inflated_bytes",
                    limit_bytes=limit_bytes,
                )
            share.take(len(piece))
            body.write(piece)
    return body.getvalue()


async def _inflated(
    pieces: AsyncIterator[bytes], inflate: Inflater | None
) -> AsyncGenerator[bytes, None]:
    async for wire in pieces:
        if inflate is None:
            yield wire
            continue
        for piece in inflate.feed(wire):
            yield piece
            # A body that inflates a thousandfold must not hold up the other requests.
            await asyncio.sleep(0)
    if inflate is not None:
        inflate.finish()


def inflater(encoding: str) -> Inflater | None:
    """What inflates a content-encoding; None for a body that is not compressed.

    Raises:
        UnsupportedMedia: an unknown encoding, or several.
    """
    name = encoding.strip().lower()
    name = _ALIASES.get(name, name)
    if not name:
        return None
    if name not in ENCODINGS:
        raise UnsupportedMedia(
            f"content-encoding {encoding[:50]!r} is not supported",
            where="content-encoding",
            fix=f"use one of {', '.join(ENCODINGS)}, or send the body uncompressed",
        )
    return Inflater(name)


class Inflater:
    """Inflates a body fed to it in pieces.

    >>> found = Inflater("gzip")
    >>> b"".join(found.feed(zlib.compress(b"again and again", wbits=31)))
    b'again and again'
    >>> found.finish()
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._member: _Member | None = None
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the body inflate to, in pieces of at most `PIECE_BYTES`.

        Raises:
            InvalidRequest: they are not of the encoding.
        """
        try:
            while data:
                if self._member is None:
                    # gzip may be padded with zeros after its end (RFC 1952, as gzip itself does).
                    data = data.lstrip(b"\0") if self._encoding == "gzip" else data
                    if self._members and not data:
                        return
                    self._member = _begin(self._encoding, data)
                    self._members += 1
                yield from self._member.feed(data)
                if not self._member.ended:
                    return
                data, self._member = self._member.rest, None
        except (zlib.error, zstd.ZstdError) as error:
            raise self._broken(str(error)) from None

    def finish(self) -> None:
        """Raises InvalidRequest when the body ended too early; an empty body is a whole one."""
        if self._member is not None:
            raise self._broken("it is cut off")

    def _broken(self, why: str) -> InvalidRequest:
        return InvalidRequest(
            f"the request body is not {self._encoding}: {why}",
            where="content-encoding",
            fix="compress the body as content-encoding says, or leave that header out",
        )


class _Member(Protocol):
    @property
    def ended(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...
    def feed(self, data: bytes) -> Iterator[bytes]: ...


def _begin(encoding: str, data: bytes) -> _Member:
    if encoding == "zstd":
        return _Zstandard()
    if encoding == "gzip":
        return _Zlib(31)
    # "deflate" is the zlib format (RFC 9110, section 8.4.1.2), but some send it bare; the first
    # byte of the zlib format says so.
    return _Zlib(15 if data[0] & 0x0F == 8 and data[0] >> 4 <= 7 else -15)


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._decoder = zlib.decompressobj(wbits)

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._decoder.decompress(data, PIECE_BYTES)
            if piece:
                yield piece
            data = self._decoder.unconsumed_tail
            if self.ended or (not data and len(piece) < PIECE_BYTES):
                return


class _Zstandard:
    def __init__(self) -> None:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        self._decoder = zstd.ZstdDecompressor(options=options)

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._decoder.decompress(data, PIECE_BYTES)
            data = b""
            if piece:
                yield piece
            if self.ended or self._decoder.needs_input:
                return
