"""The body of an answer on its way to the caller."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from trimtab.errors import ProviderError
from trimtab.kit.http1 import HTTPError
from trimtab.kit.mask import KeyMask
from trimtab.ports import UpstreamResponse
from trimtab.providers.wire import StreamDecoder


class Body:
    """The chunks of an answer: errors in Trimtab's words, credentials masked, framing undone.

    Args:
        response: whose body it is; closed with this.
        cut_off: what a failure is called.
        mask: None where there is nothing to hide.
        decoder: None where bytes pass as they come.
    """

    __slots__ = ("_chunks", "_cut_off", "_decoder", "_mask", "_response")

    def __init__(
        self,
        response: UpstreamResponse,
        cut_off: Callable[[HTTPError], ProviderError],
        *,
        mask: KeyMask | None,
        decoder: StreamDecoder | None,
    ) -> None:
        self._response = response
        self._chunks = response.chunks()
        self._cut_off = cut_off
        self._mask = mask
        self._decoder = decoder

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = self._seen(await self._chunks.__anext__())
            # So far it may be the key, or half a frame: what follows will tell.
            while not chunk:
                chunk = self._seen(await self._chunks.__anext__())
        except (StopAsyncIteration, HTTPError) as end:
            # A body that has ended, in whichever way, ends again on the next call.
            return self._rest(end)
        return chunk

    async def aclose(self) -> None:
        await self._response.aclose()

    def _seen(self, data: bytes) -> bytes:
        if self._decoder is not None:
            data = self._decoder.feed(data)
        return data if self._mask is None else self._mask.feed(data)

    def _rest(self, end: StopAsyncIteration | HTTPError) -> bytes:
        """What was kept back; when there is nothing, the end itself is raised."""
        last = b""
        if self._decoder is not None and isinstance(end, StopAsyncIteration):
            try:
                last = self._decoder.end()
            except HTTPError as error:
                end = error
        if self._mask is not None:
            last = self._mask.feed(last) + self._mask.flush()
        if last:
            return last
        if isinstance(end, HTTPError):
            raise self._cut_off(end) from end
        raise end
