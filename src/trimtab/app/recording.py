"""Recording: the way of spans into the stores of a server, and of what they cost into the sums.

Those of its own process and those of its workers, and what earlier processes left in their spools.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from trimtab.app import stores
from trimtab.app.fleet import Fleet, SharedRecorder
from trimtab.app.leftovers import Leftovers
from trimtab.config import Config
from trimtab.errors import StoreError
from trimtab.governance.ledger import Ledger
from trimtab.ports import Clock, SpendStore, TelemetryStore
from trimtab.stores.limits.memory import MemoryLimiter
from trimtab.tracing.delivery import Delivery
from trimtab.tracing.spool import Spool

_log = logging.getLogger("trimtab.app")
_COUNT_S = 2.0


class Recording:
    """The spool and the ledger of the owner, and its workers; `start` and `stop` run in the loop.

    `limiter` is what limits are shared through, None where there is one process and no server of
    limits.

    Args:
        on_commit: called after spans reached the store.
    Raises:
        StoreError: the spool cannot be opened.
    """

    def __init__(
        self,
        config: Config,
        telemetry: TelemetryStore,
        spend: SpendStore,
        clock: Clock,
        *,
        on_commit: Callable[[], None],
    ) -> None:
        data = Path(config.data)
        self.limiter = stores.limiter(config)
        if config.workers > 1 and self.limiter is None:
            self.limiter = MemoryLimiter(clock)
        self.fleet = Fleet(
            data,
            config.workers,
            telemetry,
            spend,
            limiter=self.limiter if isinstance(self.limiter, MemoryLimiter) else None,
            on_commit=on_commit,
        )
        self._leftovers = Leftovers(data, config.workers, telemetry, spend)
        spool = Spool.open(data / "spool", max_backlog_bytes=config.limits.spool_bytes)
        self.ledger = Ledger(spend, data / "spool" / "ledger")
        self.recorder = SharedRecorder(
            spool, Delivery(telemetry, follow=self.ledger.follow), self.fleet, on_commit=on_commit
        )

    async def start(self, *, budgets: bool) -> None:
        """Carry on where the last processes stopped.

        Args:
            budgets: what they left in their spools is stored first: budgets start from the sums.
        """
        self.recorder.start()
        if budgets:
            await self.recorder.flush()
        await self._leftovers.start()
        await self.count_spend()
        self.ledger.start()
        await self.fleet.start()

    async def stop(self) -> None:
        """Have everything acknowledged in the stores, or in a spool for the next start."""
        await self.recorder.stop()
        await self._leftovers.stop()
        await self.fleet.stop()
        await self.ledger.stop()

    async def count_spend(self) -> None:
        """Have what was recorded so far in the sums that budgets start from, if that can be."""
        await self.recorder.flush(limit_s=_COUNT_S)
        try:
            await asyncio.to_thread(self.ledger.send)
            await asyncio.to_thread(self.fleet.send_spend)
        except StoreError as error:
            _log.warning("budgets start without the last calls before: %s", error)
