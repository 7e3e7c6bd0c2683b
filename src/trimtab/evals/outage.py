"""Whether something that every case of a run needs is gone, told from one call that failed.

A connection that fails says little: a server may have been restarted, or one request may be what it
dies of. So its address is tried a few times more; only where nobody is there at all the run has no
use in going on, and cases that failed meanwhile are no results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar
from urllib.parse import urlsplit

from trimtab.errors import ProviderUnavailable, TrimtabError
from trimtab.kit.http1 import ConnectError, Disconnected

T = TypeVar("T")
_WAITS_S = (0.1, 0.3, 0.6, 1.0)
_CONNECT_S = 5.0


class Outage:
    """Why no case of a run can be done any more, as `error`; None while they can. Belongs to one
    event loop."""

    def __init__(self) -> None:
        self.error: TrimtabError | None = None

    async def through(self, url: str, call: Callable[[], Awaitable[T]]) -> T:
        """What an HTTP call gives; it is made once more where it did not get to anybody.

        Raises:
            HTTPError: as the call does.
        """
        try:
            return await call()
        except (ConnectError, Disconnected) as error:
            if self.error is not None or await self._is_gone(url):
                raise
            if isinstance(error, Disconnected):
                raise  # it was sent, and asked twice it may cost twice
        return await call()

    async def _is_gone(self, url: str) -> bool:
        """Whether nobody takes a connection at an address, for some two seconds."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        for wait_s in _WAITS_S:
            await asyncio.sleep(wait_s)
            with suppress(OSError):
                async with asyncio.timeout(_CONNECT_S):
                    _, writer = await asyncio.open_connection(parts.hostname, port)
                writer.close()
                return False
        where = f"{parts.scheme}://{parts.hostname}:{port}"
        self.error = self.error or ProviderUnavailable(
            f"{where} cannot be reached", fix="start it, then carry on with --resume"
        )
        return True
