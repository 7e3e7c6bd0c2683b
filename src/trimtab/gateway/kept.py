"""Kept: the bytes of a stream, remembered while they pass."""

from __future__ import annotations

from collections.abc import AsyncIterator

from trimtab.gateway.answer import close


class Kept:
    """A stream that can be replayed once it is over, unless it was too long.

    Args:
        most_bytes: of a stream that is longer nothing is kept.

    `ended` says that the provider stopped by itself, in good order or not.
    """

    def __init__(self, chunks: AsyncIterator[bytes], *, most_bytes: int) -> None:
        self._chunks = chunks
        self._room_bytes = most_bytes
        self._parts: list[bytes] = []
        self.ended = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
        except Exception:
            self.ended = True
            raise
        if self._room_bytes >= 0:
            self._room_bytes -= len(chunk)
            if self._room_bytes >= 0:
                self._parts.append(chunk)
            else:
                self._parts.clear()
        return chunk

    async def aclose(self) -> None:
        await close(self._chunks)

    @property
    def body(self) -> bytes | None:
        """What came so far; None when it was too much."""
        return b"".join(self._parts) if self._room_bytes >= 0 else None
