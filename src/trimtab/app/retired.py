"""Retired: providers that answer no new requests, closed when the last of the old ones is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from trimtab.ports import Provider


class Retired:
    """Closes providers in the background; belongs to one event loop.

    Args:
        quiet: returns when every request that is in flight when it is called is over.
    """

    def __init__(self, quiet: Callable[[], Awaitable[None]]) -> None:
        self._quiet = quiet
        self._closing: dict[asyncio.Task[None], Sequence[Provider]] = {}

    def add(self, providers: Sequence[Provider]) -> None:
        """No request that begins from now on asks these."""
        task = asyncio.create_task(self._close(providers), name="trimtab-retired")
        self._closing[task] = providers
        task.add_done_callback(lambda task: self._closing.pop(task, None))

    async def aclose(self) -> None:
        """Close all that are left, whoever still needs them."""
        for task, providers in list(self._closing.items()):
            task.cancel()
            for provider in providers:
                await provider.aclose()

    async def _close(self, providers: Sequence[Provider]) -> None:
        await self._quiet()
        for provider in providers:
            await provider.aclose()
