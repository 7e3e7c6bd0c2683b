"""The request path: recording and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from trimtab.records import (
    Span,
)


class Recorder(Protocol):
    """Takes finished spans of the request path and makes them durable."""

    async def record(self, spans: Sequence[Span]) -> None:
        """Return when the spans will survive a crash of the process and of the machine.

        Raises NotDurable.
        """
        ...


class Grant(NamedTuple):
    """Whether a take was allowed; if not, after how long it would be."""

    ok: bool
    retry_after_s: float = 0.0


class Limiter(Protocol):
    """Token buckets by key (a bucket holds `capacity` tokens and refills at `rate_per_s`)."""

    async def take(self, key: str, *, cost: float, capacity: float, rate_per_s: float) -> Grant:
        """Atomically take `cost` tokens, or nothing."""
        ...

    async def aclose(self) -> None: ...
