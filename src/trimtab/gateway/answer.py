"""Answer: what goes back to the caller, whole or piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

import msgspec

from trimtab.records import Span


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back to the caller.

    `body` is there for a whole answer, which is on record by now. Else `chunks` must be closed
    (`aclose`) however far it was read: that is when the call is on record and its place in the
    gateway is given back. `spans` is filled when the call is recorded.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Chunks
    trace_id: str
    spans: list[Span]
    body: bytes | None = None


class Chunks:
    """The bytes of an answer; unlike a generator it can be closed before it was started."""

    def __init__(
        self, first: bytes, rest: AsyncIterator[bytes], on_close: Callable[[], None]
    ) -> None:
        self._first = first
        self._rest = rest
        self._on_close: Callable[[], None] | None = on_close

    @classmethod
    def whole(cls, body: bytes) -> Chunks:
        """An answer that is all there, with nothing left to close."""
        return cls(body, _nothing(), lambda: None)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, b""
        return first or await anext(self._rest)

    async def aclose(self) -> None:
        """Stop the provider if it is still answering; closing twice does nothing."""
        on_close, self._on_close = self._on_close, None
        if on_close is None:
            return
        try:
            await close(self._rest)
        finally:
            on_close()


class _Nothing:
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


def _nothing() -> AsyncIterator[bytes]:
    return _Nothing()


async def close(chunks: AsyncIterator[bytes]) -> None:
    """Close what yields bytes, if it can be closed."""
    closing = getattr(chunks, "aclose", None)
    if closing is not None:
        await closing()
