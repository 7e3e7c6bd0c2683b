"""Fleet: the workers of this server, as the process that keeps the records sees them.

It takes their spans into the stores, keeps the limits that all share, and has them forget, report
or finish something. Workers come and go; who does not run has nothing that could be asked for but
what is in its spool.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from trimtab.app import messages
from trimtab.app.leftovers import emptied
from trimtab.app.link import Absent, Answering, Peer
from trimtab.config import Config
from trimtab.config.handover import packed
from trimtab.errors import StoreError
from trimtab.gateway.figures import Figures
from trimtab.governance.ledger import Ledger
from trimtab.ports import SpendStore, TelemetryStore
from trimtab.stores.limits.memory import MemoryLimiter
from trimtab.stores.limits.supervisor import LimitServer
from trimtab.tracing.delivery import Deliver, Delivery
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.spool import Spool

_log = logging.getLogger("trimtab.app")
_LIMIT_S = 10.0
_SOON_S = 2.0
_AGAIN_S = (0.2, 5.0)  # the first and the longest pause before a worker is asked once more


class _Books:
    """Where the spans of one worker go, one batch after the other."""

    def __init__(self, telemetry: TelemetryStore, spend: SpendStore, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self.ledger = Ledger(spend, directory / "ledger")
        self.deliver = Delivery(telemetry, follow=self.ledger.follow)
        self.turn = asyncio.Lock()


class Fleet:
    """Workers 1 to `workers` - 1; `start` and `stop` run in the event loop.

    Args:
        limiter: what workers share limits through; None where that is another server.
        on_commit: called after spans of a worker reached the store.
    """

    def __init__(
        self,
        data: Path,
        workers: int,
        telemetry: TelemetryStore,
        spend: SpendStore,
        *,
        limiter: MemoryLimiter | None,
        on_commit: Callable[[], None],
    ) -> None:
        numbers = range(1, workers)
        self._data = data
        self._telemetry = telemetry
        self._spend = spend
        self._on_commit = on_commit
        self._peers = {
            number: Peer(messages.worker_socket(data, number), f"worker {number}")
            for number in numbers
        }
        self._books: dict[int, _Books] = {}
        self._heard: dict[int, messages.Measured] = {}
        self._past = Figures()  # of workers that ended
        self._insisting: dict[int, asyncio.Task[None]] = {}
        self._servers: list[LimitServer | Answering] = []
        if not self._peers:
            return
        if limiter is not None:
            self._servers.append(LimitServer(messages.limits_socket(data), limiter))
        self._servers.append(Answering(messages.owner_socket(data), {"spans": self._take}))

    async def start(self) -> None:
        """Begin to answer workers. Raises StoreError."""
        for number in self._peers:
            directory = messages.spool_directory(self._data, number)
            books = await asyncio.to_thread(_Books, self._telemetry, self._spend, directory)
            books.ledger.start()
            self._books[number] = books
        for server in self._servers:
            await server.start()

    async def stop(self) -> None:
        """Answer no more; the workers have ended."""
        self._insist_no_more()
        for server in reversed(self._servers):
            await server.stop()
        for books in self._books.values():
            await books.ledger.stop()

    async def refresh(self) -> None:
        """Have what changed in the metadata taken up at once; who does not answer follows soon."""
        await self._ask_all("refresh", limit_s=_SOON_S)

    async def configure(self, config: Config) -> tuple[str, ...]:
        """Have all workers answer by a configuration; what to say of those that do not yet.

        Who does not take it is asked again until it does: a worker that was started a moment ago
        may have been handed the one before.
        """
        self._insist_no_more()
        body = packed(config)
        answers = await self._ask_all("configure", body, limit_s=_LIMIT_S)
        late = [
            (number, said)
            for number, said in zip(self._peers, answers, strict=True)
            if isinstance(said, StoreError)
        ]
        for number, _ in late:
            self._insisting[number] = asyncio.create_task(
                self._insist(number, body), name=f"trimtab-configure-{number}"
            )
        return tuple(
            f"worker {number} answers by the settings before, and is asked again: {said}"
            for number, said in late
            if not isinstance(said, Absent)
        )

    async def _insist(self, number: int, body: bytes) -> None:
        pause_s, longest_s = _AGAIN_S
        said: bytes | StoreError = Absent("")
        while not isinstance(said, bytes):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_s)
            said = await _asked(self._peers[number], "configure", body, _LIMIT_S)

    def _insist_no_more(self) -> None:
        for task in self._insisting.values():
            task.cancel()
        self._insisting = {}

    async def flush(self, limit_s: float) -> None:
        """Have recorded spans brought here; gives up quietly."""
        await self._ask_all("flush", str(limit_s).encode(), limit_s=limit_s + _SOON_S)

    def send_spend(self) -> None:
        """Add what workers brought here to the sums of the store. Raises StoreError."""
        for books in list(self._books.values()):
            books.ledger.send()

    async def empty(self) -> None:
        """Have spools emptied and taken off the disk.

        Raises:
            StoreError: a worker does not answer, so its spool may hold something.
        """
        answers = await self._ask_all("empty", limit_s=_LIMIT_S)
        for (number, books), said in zip(self._books.items(), answers, strict=True):
            if isinstance(said, bytes):
                continue
            directory = messages.spool_directory(self._data, number)
            if not isinstance(said, Absent) or not await emptied(directory, books.deliver):
                raise said

    async def clear_cache(self, project: str, route: str | None) -> int:
        """Have cached answers forgotten; how many there were.

        Raises:
            StoreError: a worker that runs did not do it.
        """
        asked = msgspec.json.encode(messages.Clearance(project, route))
        total = 0
        for said in await self._ask_all("clear", asked, limit_s=_LIMIT_S):
            if isinstance(said, bytes):
                total += int(said)
            elif not isinstance(said, Absent):  # it begins with nothing cached
                raise said
        return total

    async def measured(
        self, own: Figures, gauges: dict[str, float]
    ) -> tuple[Figures, dict[str, float]]:
        """The figures of all processes; counters do not fall when a worker starts anew."""
        for number, said in zip(
            self._peers, await self._ask_all("measure", limit_s=_SOON_S), strict=True
        ):
            if isinstance(said, bytes):
                self._hear(number, msgspec.json.decode(said, type=messages.Measured))
            elif number in self._heard:
                self._heard[number] = msgspec.structs.replace(self._heard[number], gauges={})
        total, sums = Figures(), dict(gauges)
        for counted in (own, self._past):
            total.include(counted.calls.items(), counted.checks.items())
        for heard in self._heard.values():
            total.include(heard.calls, heard.checks)
            for name, value in heard.gauges.items():
                sums[name] += value
        return total, sums

    def _hear(self, number: int, said: messages.Measured) -> None:
        before = self._heard.get(number)
        if before is not None and before.life != said.life:
            self._past.include(before.calls, before.checks)
        self._heard[number] = said

    async def _take(self, body: bytes) -> bytes:
        """Spans of a worker, safe when this returns."""
        spans = await asyncio.to_thread(msgspec.json.decode, body, type=messages.Spans)
        books = self._books[spans.worker]
        async with books.turn:
            await books.deliver(spans.placed)
        self._on_commit()
        return b""

    async def _ask_all(
        self, name: str, body: bytes = b"", *, limit_s: float
    ) -> Sequence[bytes | StoreError]:
        """What each worker answers, in order, or why it does not."""
        return await asyncio.gather(
            *(_asked(peer, name, body, limit_s) for peer in self._peers.values())
        )


class SharedRecorder(SpanRecorder):
    """The owner's recorder: who waits for it waits for those of the workers too."""

    def __init__(
        self, spool: Spool, deliver: Deliver, fleet: Fleet, *, on_commit: Callable[[], None]
    ) -> None:
        super().__init__(spool, deliver, on_commit=on_commit)
        self._fleet = fleet

    async def flush(self, *, limit_s: float = 5.0) -> None:
        await asyncio.gather(self._fleet.flush(limit_s), super().flush(limit_s=limit_s))

    async def empty(self) -> None:
        """Raises StoreError when a worker cannot be asked."""
        await self._fleet.empty()
        await super().empty()


async def _asked(peer: Peer, name: str, body: bytes, limit_s: float) -> bytes | StoreError:
    try:
        return await peer.ask(name, body, limit_s=limit_s)
    except Absent as error:
        return error
    except StoreError as error:
        _log.warning("%s: %s", name, error)
        return error
