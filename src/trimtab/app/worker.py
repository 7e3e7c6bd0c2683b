"""Worker: a process that answers calls of the gateway and leaves everything else to the owner.

It reads the metadata, keeps a spool of its own, and brings what is in it to the process that keeps
the records. While that one is away it goes on answering.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import msgspec

from trimtab.app import messages, stores
from trimtab.app.front import Front
from trimtab.app.link import Answering, Peer
from trimtab.config import Config
from trimtab.config.handover import unpacked
from trimtab.kit.clock import SystemClock
from trimtab.stores.limits.client import SocketLimiter
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.tracing.delivery import Placed
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.spool import Spool

_LIMIT_S = 120.0
_CARRY_S = 5.0  # for what is left at the end
_CARRY_ALONE_S = 0.2


class _Relay:
    """Delivers spans to the owner, which has stored and counted them when it answers."""

    def __init__(self, data: Path, number: int) -> None:
        self._owner = Peer(messages.owner_socket(data), messages.OWNER)
        self._number = number

    async def __call__(self, placed: Sequence[Placed]) -> None:
        """Raises StoreError."""
        body = await asyncio.to_thread(msgspec.json.encode, messages.Spans(self._number, placed))
        await self._owner.ask("spans", body, limit_s=_LIMIT_S)


class Worker(Front):
    """Worker `number` of a server, from 1 on; `start` and `stop` run in the event loop.

    `alone`: the owner is gone, and nothing can be brought to it any more.
    """

    def __init__(self, config: Config, number: int, metadata: SQLMetadata) -> None:
        data = Path(config.data)
        self._metadata = metadata
        self.alone = False
        spool = Spool.open(
            messages.spool_directory(data, number), max_backlog_bytes=config.limits.spool_bytes
        )
        super().__init__(
            config,
            metadata,
            SpanRecorder(spool, _Relay(data, number)),
            SystemClock(),
            limiter=stores.limiter(config) or SocketLimiter(messages.limits_socket(data)),
        )
        self.api_socket = messages.api_socket(data)
        self._life = uuid4().hex
        self._answering = Answering(
            messages.worker_socket(data, number),
            {
                "clear": self._clear,
                "configure": self._configure,
                "empty": self._empty,
                "flush": self._flush,
                "measure": self._measure,
                "refresh": self._refresh,
            },
        )

    @classmethod
    def open(cls, config: Config, number: int) -> Worker:
        """Open what a worker needs; the owner has brought the stores up to date.

        Raises:
            StoreLocked: the worker before this one has not ended yet.
            StoreError: something cannot be opened; nothing is left open.
        """
        metadata = stores.metadata(config)
        try:
            return cls(config, number, metadata)
        except BaseException:
            metadata.close()
            raise

    async def start(self) -> None:
        """Be ready to answer. Raises StoreError."""
        self.tracing.start()
        await self.follow()
        await self._answering.start()

    async def stop(self) -> None:
        """Finish what was begun; spans that the owner does not take now are there at its start."""
        self.stop_following()
        await self.settle()
        await self.tracing.stop(limit_s=_CARRY_ALONE_S if self.alone else _CARRY_S)
        await self._answering.stop()
        await self.close()
        await asyncio.to_thread(self._metadata.close)

    # -- what the owner asks for ---------------------------------------------------------------

    async def _clear(self, body: bytes) -> bytes:
        asked = msgspec.json.decode(body, type=messages.Clearance)
        return str(self.cache.clear(asked.project, asked.route)).encode()

    async def _configure(self, body: bytes) -> bytes:
        await self.configure(unpacked(body))
        return b""

    async def _empty(self, _: bytes) -> bytes:
        await self.tracing.empty()
        return b""

    async def _flush(self, body: bytes) -> bytes:
        await self.tracing.flush(limit_s=float(body))
        return b""

    async def _measure(self, _: bytes) -> bytes:
        figures = self.gateway.figures
        calls, checks = list(figures.calls.items()), list(figures.checks.items())
        return msgspec.json.encode(messages.Measured(self._life, calls, self.gauges(), checks))

    async def _refresh(self, _: bytes) -> bytes:
        await self.refresh()
        return b""
