"""App: a configuration becomes a running application.

It opens the stores and hands every station its collaborators.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trimtab.app import messages, stores
from trimtab.app.fleet import Fleet, SharedRecorder
from trimtab.app.front import Front
from trimtab.app.guarding import ingest_redaction
from trimtab.app.leftovers import Leftovers
from trimtab.app.prices import price_of_recorded
from trimtab.app.reload import Reloaded, Reloading, Source
from trimtab.config import Config
from trimtab.errors import StoreError
from trimtab.experiments.comparisons import Comparisons
from trimtab.experiments.execute import Experiments, new_run
from trimtab.experiments.external import ExternalRuns
from trimtab.experiments.suite import DEFAULT_SCORERS
from trimtab.gateway.ask import Caller
from trimtab.gateway.figures import Figures
from trimtab.gateway.task import ReleaseTask
from trimtab.governance.keys import Keys
from trimtab.governance.ledger import Ledger
from trimtab.kit import ids
from trimtab.kit.clock import SystemClock
from trimtab.ports import BlobStore, MetadataStore, TelemetryStore
from trimtab.records import Principal, Run
from trimtab.releases.lifecycle import Lifecycle
from trimtab.scorers.registry import resolve
from trimtab.scoring.online import OnlineScoring
from trimtab.scoring.pace import Pace
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.limits.memory import MemoryLimiter
from trimtab.stores.telemetry.parquet import write_parquet
from trimtab.tracing.delivery import Delivery
from trimtab.tracing.ingest import Ingest
from trimtab.tracing.pricing import Repriced, priced, reprice
from trimtab.tracing.retention import Retention
from trimtab.tracing.spool import Spool

_log = logging.getLogger("trimtab.app")
_COUNT_S = 2.0


class App(Front):
    """Everything that serves, opened and wired; `start` and `stop` run in the event loop."""

    def __init__(
        self,
        config: Config,
        telemetry: TelemetryStore,
        metadata: MetadataStore,
        blobs: BlobStore,
        *,
        source: Source | None = None,
    ) -> None:
        data = Path(config.data)
        clock = SystemClock()
        self.telemetry = telemetry
        self._blobs = blobs
        self.keys = Keys(metadata.keys, clock)
        self.scoring = OnlineScoring(
            telemetry=telemetry,
            cursors=metadata.cursors,
            scorers=resolve(config.scoring.scorers),
            sample=config.scoring.sample,
            pace=Pace(config.scoring.per_second, clock),
            clock=clock,
        )
        limiter = stores.limiter(config)
        if config.workers > 1 and limiter is None:
            limiter = MemoryLimiter(clock)
        self.fleet = Fleet(
            data,
            config.workers,
            telemetry,
            metadata.spend,
            limiter=limiter if isinstance(limiter, MemoryLimiter) else None,
            on_commit=self.scoring.wake,
        )
        self._leftovers = Leftovers(data, config.workers, telemetry, metadata.spend)
        spool = Spool.open(data / "spool", max_backlog_bytes=config.limits.spool_bytes)
        self._ledger = Ledger(metadata.spend, data / "spool" / "ledger")
        tracing = SharedRecorder(
            spool,
            Delivery(telemetry, follow=self._ledger.follow),
            self.fleet,
            on_commit=self.scoring.wake,
        )
        super().__init__(config, metadata, tracing, clock, limiter=limiter)
        self.ingest = Ingest(
            telemetry,
            self.tracing,
            price=lambda span: priced(span, self.prices.lookup),
            clock=clock,
            on_commit=self.scoring.wake,
            redact=ingest_redaction(config, self._signals),
        )
        self.on_config(self._redact_ingested)
        self.retention = Retention(
            telemetry,
            clock,
            days={keep.project: keep.days for keep in config.retention},
            before=self.tracing.empty,
        )
        self.experiments = Experiments(runs=metadata.runs, telemetry=telemetry, clock=clock)
        self.external = ExternalRuns(
            runs=metadata.runs, releases=metadata.releases, telemetry=telemetry, clock=clock
        )
        self.comparisons = Comparisons(metadata=metadata, telemetry=telemetry)
        self.releases = Lifecycle(
            releases=metadata.releases,
            prompts=metadata.prompts,
            runs=metadata.runs,
            confirmed=self.comparisons.confirmed,
            clock=clock,
        )
        self._reloading = Reloading(self, source, spread=self.fleet.configure)

    @classmethod
    def open(cls, config: Config, source: Source | None = None) -> App:
        """Open the stores under the data directory.

        Args:
            source: where `reload` reads the configuration again.
        Raises:
            StoreError: a store cannot be opened; nothing is left open.
        """
        metadata = stores.metadata(config)
        try:
            blobs = FileBlobs(Path(config.data) / "blobs")
            telemetry = stores.telemetry(config, blobs)
        except BaseException:
            metadata.close()
            raise
        try:
            return cls(config, telemetry, metadata, blobs, source=source)
        except BaseException:
            telemetry.close()
            metadata.close()
            raise

    async def start(self) -> None:
        """Carry on where the last process stopped, and begin to answer."""
        await self.experiments.watch()
        self.tracing.start()
        settings = await asyncio.to_thread(self.gateway_settings)
        budgets = any(one.has_budget for one in settings.allowances.values())
        if budgets:
            # What earlier processes left in their spools, before budgets start from the sums.
            await self.tracing.flush()
        await self._leftovers.start()
        await self._count_spend()
        self._ledger.start()
        self.scoring.start()
        await self.fleet.start()
        self.retention.start()
        await self.follow()

    async def _count_spend(self) -> None:
        await self.tracing.flush(limit_s=_COUNT_S)
        try:
            await asyncio.to_thread(self._ledger.send)
            await asyncio.to_thread(self.fleet.send_spend)
        except StoreError as error:
            _log.warning("budgets start without the last calls before: %s", error)

    async def stop(self) -> None:
        """Finish what was begun, in the order records flow; nothing acknowledged is lost."""
        self.stop_following()
        await self.retention.stop()
        await self.experiments.stop()
        await self.settle()
        await self.tracing.stop()
        await self._leftovers.stop()
        await self.fleet.stop()
        await self._ledger.stop()
        await self.scoring.stop()
        await self.close()
        await asyncio.to_thread(self.telemetry.close)
        await asyncio.to_thread(self.metadata.close)

    # -- runs ----------------------------------------------------------------------------------

    async def start_run(
        self,
        principal: Principal,
        *,
        release: str,
        dataset: str,
        scorers: Sequence[str] = (),
        name: str = "",
        split: str | None = None,
        concurrency: int = 4,
    ) -> Run:
        """Start an experiment in the background and return its record.

        Raises:
            NotFound: the release or the dataset does not exist.
            Conflict: there is nothing to run.
            ScorerError: a scorer does not exist.
        """
        project = principal.project
        judges = resolve(scorers or DEFAULT_SCORERS)
        found = await asyncio.to_thread(self.metadata.releases.get, project, release)
        datasets = self.metadata.datasets
        version = await asyncio.to_thread(datasets.get, project, dataset)
        rows = await asyncio.to_thread(datasets.examples, project, version.ref)
        examples = [row for row in rows if split is None or row.split == split]
        run = new_run(
            ids.uuid7(self.clock.now_ns()),
            name=name or f"{found.ref} on {version.ref}",
            release=found,
            dataset=version,
            split=split,
            examples=examples,
            scorers=judges,
            clock=self.clock,
        )
        caller = Caller(principal=principal.id, project=project, run=run.run_id)
        task = ReleaseTask(self.gateway, model=found.ref, caller=caller)
        await asyncio.to_thread(self.metadata.runs.put, run)
        self.experiments.start(run, task, examples, judges, concurrency=concurrency)
        return run

    # -- all processes of this server ----------------------------------------------------------

    @property
    def api_socket(self) -> Path:
        """Where workers have requests of the API answered. Raises ConfigError."""
        return messages.api_socket(Path(self.config.data))

    async def reload(self, by: str) -> Reloaded:
        """Read the configuration again, and answer by it on all processes.

        Args:
            by: who wants it, for the log.
        Raises:
            ConfigError, MissingExtra, StoreError: it cannot be used; nothing has changed.
            Conflict: there is nothing to read it from.
        """
        return await self._reloading.reload(by)

    async def refresh(self) -> None:
        """Answer by what the metadata say now, in the workers too as far as they can be asked."""
        await super().refresh()
        await self.fleet.refresh()

    def _redact_ingested(self, config: Config) -> None:
        self.ingest.redact = ingest_redaction(config, self._signals)

    async def clear_cache(self, project: str, route: str | None = None) -> int:
        """Forget the cached answers of a project, or of one of its routes; how many there were.

        Raises:
            StoreError: a worker did not do it.
        """
        return self.cache.clear(project, route) + await self.fleet.clear_cache(project, route)

    async def measured(self) -> tuple[Figures, dict[str, float]]:
        """What was counted, and what there is at this moment."""
        gauges = self.gauges() | {"scoring_skipped": self.scoring.skipped}
        return await self.fleet.measured(self.gateway.figures, gauges)

    # -- telemetry -----------------------------------------------------------------------------

    write_parquet = staticmethod(write_parquet)

    def reprice(self, project: str, *, since_ns: int = 0) -> Repriced:
        """Compute the costs of a project's calls anew from the prices of today."""
        embedded = self._state.setup.providers["trimtab"].cards()
        price_of = price_of_recorded(self.config, self.prices, embedded)
        return reprice(self.telemetry, project, price_of, since_ns=since_ns)

    def backup(self, directory: Path) -> None:
        """Write a copy of everything into an empty directory, while this process serves.

        The copy is a data directory: `trimtab serve --data DIRECTORY` serves it.
        Raises:
            StoreError: it cannot be written, or the metadata are in a server of their own.
        """
        directory.mkdir(parents=True, exist_ok=True)
        # Blobs last: what the copy of the telemetry refers to is there by then.
        self.metadata.backup(directory)
        self.telemetry.backup(directory)
        self._blobs.backup(directory / "blobs")

    # -- health --------------------------------------------------------------------------------

    def checks(self) -> Mapping[str, Callable[[], None]]:
        """What must work for this process to be ready, by name; each raises a StoreError."""
        return {
            "telemetry": self.telemetry.ping,
            "metadata": self.metadata.ping,
            "spool": self.tracing.ping,
        }
