"""App: a configuration becomes a running application.

It opens the stores and hands every station its collaborators.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from trimtab.app import messages, stores
from trimtab.app.front import Front
from trimtab.app.planning import own_plans
from trimtab.app.playground import Playground
from trimtab.app.prices import price_of_recorded
from trimtab.app.probing import Parts, Probing
from trimtab.app.recording import Recording
from trimtab.app.release_runs import ReleaseRuns
from trimtab.app.releasing import own_following, own_learning, own_lifecycle
from trimtab.app.reload import InForce, Reloaded, Reloading, Source
from trimtab.config import Config
from trimtab.experiments.comparisons import Comparisons
from trimtab.experiments.execute import Experiments
from trimtab.experiments.external import ExternalRuns
from trimtab.gateway.figures import Figures
from trimtab.governance.keys import Keys
from trimtab.kit.clock import SystemClock
from trimtab.ports import BlobStore, MetadataStore, TelemetryStore
from trimtab.prompts.write import Writer
from trimtab.scorers.registry import resolve
from trimtab.scoring.online import OnlineScoring
from trimtab.scoring.pace import Pace
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.telemetry.parquet import write_parquet
from trimtab.tracing.ingest import Ingest
from trimtab.tracing.pricing import PriceOf, Repriced, priced, reprice
from trimtab.tracing.retention import Retention


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
        self._recording = Recording(
            config, telemetry, metadata.spend, clock, on_commit=self.scoring.wake
        )
        self.fleet = self._recording.fleet
        super().__init__(
            config, metadata, self._recording.recorder, clock, limiter=self._recording.limiter
        )
        self.ingest = Ingest(
            telemetry,
            self.tracing,
            price=lambda span: priced(span, self.prices.lookup),
            clock=clock,
            on_commit=self.scoring.wake,
            redact=self._ingested,
        )
        self.retention = Retention(
            telemetry,
            clock,
            days={keep.project: keep.days for keep in config.retention},
            before=self.tracing.empty,
            also=lambda project, ns: metadata.plans.erase_runs(project, before_ns=ns),
        )
        self.experiments = Experiments(runs=metadata.runs, telemetry=telemetry, clock=clock)
        self.external = ExternalRuns(
            runs=metadata.runs, releases=metadata.releases, telemetry=telemetry, clock=clock
        )
        self.release_runs = ReleaseRuns(self, self.experiments)
        self.plans = own_plans(self, Path(config.data))
        self.comparisons = Comparisons(metadata=metadata, telemetry=telemetry)
        self.prompt_writer = Writer(metadata.prompts, metadata.datasets, clock)
        self.releases = own_lifecycle(self, self.comparisons.confirmed)
        self.playground = Playground(self, telemetry, self.experiments, self.prompt_writer)
        self.probing = Probing(Parts(metadata, telemetry, self.experiments, self.gateway, clock))
        self.watching = own_following(self, telemetry, self.releases)
        self.learning = own_learning(self, telemetry)
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
        settings = await asyncio.to_thread(self.gateway_settings)
        budgets = any(one.has_budget for one in settings.allowances.values())
        await self._recording.start(budgets=budgets)
        self.scoring.start()
        self.retention.start()
        await self.follow()
        self.watching.start()
        self.learning.start()
        self.probing.start()
        await self.plans.watch()

    async def _count_spend(self) -> None:
        await self._recording.count_spend()

    async def stop(self) -> None:
        """Finish what was begun, in the order records flow; nothing acknowledged is lost."""
        self.stop_following()
        await self.watching.stop()
        await self.learning.stop()
        await self.probing.stop()
        await self.retention.stop()
        await self.plans.stop()
        await self.experiments.stop()
        await self.settle()
        await self._recording.stop()
        await self.scoring.stop()
        await self.close()
        await asyncio.to_thread(self.telemetry.close)
        await asyncio.to_thread(self.metadata.close)

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

    def in_force(self) -> InForce:
        """The settings that are in force, and how they differ from those written now."""
        return self._reloading.in_force()

    async def refresh(self) -> None:
        """Answer by what the metadata say now, in the workers too as far as they can be asked."""
        await super().refresh()
        await self.fleet.refresh()

    async def clear_cache(self, project: str, route: str | None = None) -> int:
        """Forget the cached answers of a project, or of one of its routes; how many there were.

        Raises:
            StoreError: a worker did not do it.
        """
        return self.cache.clear(project, route) + await self.fleet.clear_cache(project, route)

    async def measured(self) -> tuple[Figures, dict[str, float]]:
        """What was counted, and what there is at this moment."""
        gauges = self.gauges() | {"scoring_skipped": self.scoring.skipped}
        gauges |= {**self.watching.gauges(), **self.learning.gauges()}
        return await self.fleet.measured(self.gateway.figures, gauges)

    # -- telemetry -----------------------------------------------------------------------------

    write_parquet = staticmethod(write_parquet)

    def reprice(self, project: str, *, since_ns: int = 0) -> Repriced:
        """Compute the costs of a project's calls anew from the prices of today."""
        return reprice(self.telemetry, project, self.price_of(), since_ns=since_ns)

    def price_of(self) -> PriceOf:
        """What a recorded call's model cost at a time, by the prices of today."""
        embedded = self._state.setup.providers["trimtab"].cards()
        return price_of_recorded(self.config, self.prices, embedded)

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
