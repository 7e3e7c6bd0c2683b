"""Upstream: the HTTP client that providers are reached with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from trimtab.kit.http1 import Timeouts


class UpstreamResponse(Protocol):
    """The answer to a request, as soon as its head is there; must be closed if not read whole."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; equal headers joined with `, `."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, with back-pressure, no coding undone but the transfer's."""
        ...

    async def aclose(self) -> None: ...


class Upstream(Protocol):
    """Sends requests; keeps connections. `trimtab.kit.http1.HTTP1Client` is one.

    Errors are those of `trimtab.kit.http1`. It follows no redirects, keeps no cookies, undoes no
    content coding, never sends a request twice once a byte of an answer came, and ends a body that
    was cut off with an error.
    """

    @property
    def open_connections(self) -> int: ...

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeouts: Timeouts,
    ) -> UpstreamResponse: ...

    async def aclose(self) -> None: ...
