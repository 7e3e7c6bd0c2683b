"""Composition root: a configuration becomes a running application.

The only module that names adapters. It opens the stores, hands every station its collaborators, and
keeps the gateway's snapshot in step with the releases.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trimtab.config import Config, PriceEntry, ProviderEntry
from trimtab.errors import InvalidRequest, NotFound, StoreError, TrimtabError
from trimtab.experiments.execute import Experiments, new_run
from trimtab.experiments.gate import GateRule
from trimtab.experiments.verdict import judged
from trimtab.gateway.admission import Admission
from trimtab.gateway.ask import Caller
from trimtab.gateway.asker import Askers, day_of
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.embedding import AskedEmbedder
from trimtab.gateway.gateway import Gateway, Limits
from trimtab.gateway.journal import Journal
from trimtab.gateway.leases import LeasedQuotas
from trimtab.gateway.quotas import LocalQuotas
from trimtab.gateway.snapshot import Deployment, Snapshot
from trimtab.gateway.standing import RouteState, states
from trimtab.gateway.task import ReleaseTask
from trimtab.governance.access import Access, Key
from trimtab.governance.budget import Live, LiveLimit
from trimtab.governance.keys import Keys
from trimtab.governance.ledger import Ledger
from trimtab.governance.settings import Declared, GatewaySettings, assembled
from trimtab.governance.spending import spent_so_far
from trimtab.kit import ids
from trimtab.kit.addresses import serves_metadata
from trimtab.kit.clock import SystemClock
from trimtab.kit.http1 import HTTP1Client
from trimtab.models import Override, Prices
from trimtab.ports import (
    BlobStore,
    Limiter,
    MetadataStore,
    Provider,
    Scorer,
    ShortFile,
    TelemetryStore,
    Upstream,
)
from trimtab.prompts.shelf import Shelf
from trimtab.prompts.template import CompiledPrompt
from trimtab.providers.extract import ExtractProvider
from trimtab.providers.kinds import KINDS
from trimtab.providers.wire import Account
from trimtab.records import (
    ModelCard,
    Price,
    Principal,
    Release,
    Retrieval,
    Run,
    TieredPrice,
    VirtualKey,
)
from trimtab.releases.lifecycle import Lifecycle
from trimtab.retrieval.corpora import Corpora
from trimtab.retrievers import build_bm25
from trimtab.scorers.registry import resolve
from trimtab.scoring.online import OnlineScoring
from trimtab.scoring.pace import Pace
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.metadata.move import MovedTable
from trimtab.stores.metadata.move import move as move_metadata
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry, inspection
from trimtab.stores.telemetry.move import Moved, Progress
from trimtab.stores.telemetry.move import move as move_telemetry
from trimtab.stores.telemetry.parquet import write_parquet
from trimtab.tracing.ingest import Ingest
from trimtab.tracing.pricing import Repriced, priced, reprice
from trimtab.tracing.recorder import SpanRecorder
from trimtab.tracing.retention import Retention
from trimtab.tracing.spool import Spool

if TYPE_CHECKING:
    from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry

_log = logging.getLogger("trimtab.app")

_FOLLOW_S = 1.0
RUN_SCORERS = (
    "answer_correct",
    "token_f1",
    "cites_source",
    "groundedness",
    "abstains",
    "latency",
    "cost",
)


class App:
    """Everything that serves, opened and wired; `start` and `stop` run in the event loop."""

    def __init__(
        self,
        config: Config,
        telemetry: TelemetryStore,
        metadata: MetadataStore,
        blobs: BlobStore,
    ) -> None:
        data = Path(config.data)
        self.config = config
        self.clock = SystemClock()
        self.draining = asyncio.Event()  # set when the process is about to stop
        self.telemetry = telemetry
        self.metadata = metadata
        self._blobs = blobs
        self.access = Access(_keys(config), project=config.project)
        self.keys = Keys(metadata.keys, self.clock)
        self.declared = Declared(
            routes=config.gateway.routes,
            allowances=config.gateway.allowances,
            approved_models=config.gateway.approved_models,
        )
        self.settings = GatewaySettings()
        self.scoring = OnlineScoring(
            telemetry=telemetry,
            cursors=metadata.cursors,
            scorers=resolve(config.scoring.scorers),
            sample=config.scoring.sample,
            pace=Pace(config.scoring.per_second, self.clock),
            clock=self.clock,
        )
        spool = Spool.open(data / "spool", max_backlog_bytes=config.limits.spool_bytes)
        self._ledger = Ledger(metadata.spend, data / "spool" / "ledger")
        self.tracing = SpanRecorder(
            spool, telemetry, follow=self._ledger.follow, on_commit=self.scoring.wake
        )
        self.prices = _prices(config)
        self.ingest = Ingest(
            telemetry,
            self.tracing,
            price=lambda span: priced(span, self.prices.lookup),
            clock=self.clock,
            on_commit=self.scoring.wake,
        )
        self.retention = Retention(
            telemetry,
            self.clock,
            days={keep.project: keep.days for keep in config.retention},
            before=self.tracing.empty,
        )
        self.releases = Lifecycle(
            releases=metadata.releases,
            prompts=metadata.prompts,
            runs=metadata.runs,
            clock=self.clock,
        )
        self.experiments = Experiments(runs=metadata.runs, telemetry=telemetry, clock=self.clock)
        self.corpora = Corpora(_corpora(config), build=build_bm25, clock=self.clock)
        self._providers = _providers(config, self.corpora, self.clock, self.prices)
        self._journal = Journal(self.tracing)
        self._seen = (0, 0, 0)  # the revisions of releases, settings and prompts that are in use
        self._prompts = Shelf()
        self._refreshing = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._limiter = _limiter(config)
        self._quotas = (
            LocalQuotas(self.clock)
            if self._limiter is None
            else LeasedQuotas(self._limiter, self.clock, workers=config.limits.sharers)
        )
        self._admission = Admission(self._askers(), self._quotas, self.clock)
        self.cache = AnswerCache(self.clock, limit_bytes=config.limits.cache_bytes)
        self.gateway = Gateway(
            snapshot=Snapshot(self._providers, price=self._price),
            journal=self._journal,
            admission=self._admission,
            clock=self.clock,
            limits=Limits(concurrency=config.limits.concurrency),
            cache=self.cache,
        )
        if model := config.gateway.cache_embedder:
            self.cache.embedder = partial(AskedEmbedder, self.gateway.ask, model)

    @classmethod
    def open(cls, config: Config) -> App:
        """Open the stores under the data directory.

        Raises:
            StoreError: a store cannot be opened; nothing is left open.
        """
        data = Path(config.data)
        metadata_url = config.metadata_url or f"sqlite:///{data / 'metadata.db'}"
        metadata = SQLMetadata.open(metadata_url)
        try:
            blobs = FileBlobs(data / "blobs")
            telemetry = _telemetry(config, blobs)
        except BaseException:
            metadata.close()
            raise
        try:
            return cls(config, telemetry, metadata, blobs)
        except BaseException:
            telemetry.close()
            metadata.close()
            raise

    async def start(self) -> None:
        """Carry on where the last process stopped, and begin to answer."""
        await asyncio.to_thread(self.experiments.recover)
        self.tracing.start()
        await self._count_spend()
        self._ledger.start()
        self.scoring.start()
        self.retention.start()
        await self.refresh()
        self._following = asyncio.create_task(self._follow_releases(), name="trimtab-releases")

    async def _count_spend(self) -> None:
        """Add up what an earlier process left in the spool, before budgets start from the sums."""
        await self.tracing.flush()
        try:
            await asyncio.to_thread(self._ledger.send)
        except StoreError as error:
            _log.warning("budgets start without the last calls before: %s", error)

    async def stop(self) -> None:
        """Finish what was begun, in the order records flow; nothing acknowledged is lost."""
        if self._following is not None:
            self._following.cancel()
        await self.retention.stop()
        await self.experiments.stop()
        await self.gateway.shadows.aclose()
        await self._journal.settle()
        await self.tracing.stop()
        await self._ledger.stop()
        await self.scoring.stop()
        for provider in self._providers.values():
            await provider.aclose()
        await self._quotas.aclose()
        if self._limiter is not None:
            await self._limiter.aclose()
        await asyncio.to_thread(self.telemetry.close)
        await asyncio.to_thread(self.metadata.close)

    # -- releases ------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Bring the gateway's snapshot in step with the releases and what is allowed."""
        # One at a time: of two that overlap, the older must not be the last to be set.
        async with self._refreshing:
            revision = await asyncio.to_thread(self.metadata.releases.revision)
            self._prompts = await asyncio.to_thread(self._shelf)
            settings = await asyncio.to_thread(self.gateway_settings)
            for line in set(settings.left_out) - set(self.settings.left_out):
                _log.warning(line)
            self.settings = settings
            self.access.set_keys(settings.keys)
            self._admission.askers = await asyncio.to_thread(self._askers)
            self.gateway.snapshot = await asyncio.to_thread(self._snapshot)
            # Last: what could not be read to its end is tried again.
            self._seen = (revision, settings.revision, self._prompts.revision)

    async def _follow_releases(self) -> None:
        """Refresh when another process that shares the metadata changed a release or a setting."""
        while True:
            await asyncio.sleep(_FOLLOW_S)
            try:
                if await asyncio.to_thread(self._has_changed):
                    await self.refresh()
            except TrimtabError as error:
                # The snapshot in use goes on answering while the database is away.
                _log.warning("releases cannot be followed: %s", error)

    def _has_changed(self) -> bool:
        store = self.metadata
        now = (store.releases.revision(), store.gateway_revision(), store.prompts.revision())
        return now != self._seen

    def _shelf(self) -> Shelf:
        """The prompts as they are now, read only if there is a new one."""
        # Before what it counts: a prompt added in between is then read again, never missed.
        revision = self.metadata.prompts.revision()
        if revision == self._prompts.revision:
            return self._prompts
        return Shelf(self.metadata.prompts.all(), self._prompts, revision=revision)

    def gateway_settings(self) -> GatewaySettings:
        """Keys, routes, allowances and approved models of the file and the store, as they are now.

        Raises:
            StoreError: the store cannot be read.
        """
        return assembled(self.declared, self.metadata)

    async def live(self, key: VirtualKey) -> Live:
        """How the limits of a key and of those it shares stand for the gateway at this moment."""
        asker = self._admission.askers.asker(
            key.project, key=key.key_id, user=key.user, team=key.team, models=key.models
        )
        found: dict[tuple[str, str], list[LiveLimit]] = {}
        for state in await self._admission.explain(asker):
            limit = msgspec.convert(state, LiveLimit, from_attributes=True)
            found.setdefault((state.kind, state.name), []).append(limit)
        return {node: tuple(limits) for node, limits in found.items()}

    def route_states(self, project: str) -> list[RouteState]:
        """How each route of a project answers now, or why it cannot."""
        catalogue = self._admission.askers.asker(project).catalogue
        day = day_of(self.clock.now_ns())
        return states(
            self.gateway.snapshot.routes(project),
            self.gateway.health.states(),
            lambda model: catalogue.refusal(model, day),
        )

    def _askers(self) -> Askers:
        """Who may ask what, by the settings in use."""
        settings = self.settings
        allowances = tuple(settings.allowances.values())
        return Askers(
            allowances,
            chain.from_iterable(settings.approved_models.values()),
            spent_so_far(self.metadata.spend, allowances, self.clock.now_ns()),
            requests_per_minute=self.config.limits.requests_per_minute,
        )

    def _snapshot(self) -> Snapshot:
        plain = Snapshot(self._providers, price=self._price)
        deployments = []
        for release in self.metadata.releases.list():
            try:
                deployments.append(self._deployment(plain, release))
            except TrimtabError as error:
                # One broken release must not take the others down with it.
                _log.error("release %s cannot answer: %s", release.ref, error)
        return Snapshot(
            self._providers,
            deployments,
            self.settings.routes.values(),
            prompts=self._prompts.find,
            default_model=self.config.gateway.default_model,
            defaults=self.config.gateway.defaults,
            price=self._price,
        )

    def _price(self, model: str, provider: str) -> Price | None:
        """Of a model that nobody listed, by the name of its provider, or else by what it is."""
        now_ns = self.clock.now_ns()
        kinds = {entry.name: entry.kind for entry in self.config.providers}
        found = self.prices.lookup(model, provider, now_ns)
        return found or self.prices.lookup(model, kinds.get(provider), now_ns)

    def _deployment(self, models: Snapshot, release: Release) -> Deployment:
        template, parameters = None, release.parameters
        if release.prompt is not None:
            template = self._prompts.find(release.project, release.prompt) or CompiledPrompt(
                self.metadata.prompts.get(release.project, release.prompt)
            )
            parameters = {**template.prompt.parameters, **parameters}
        targets = []
        for target in release.targets:
            found = models.target(target.model)
            if found is None:
                raise NotFound(f"no model {target.model!r}", where=f"release {release.ref}")
            targets.append(found)
        retriever = self.corpora.retriever(release.retrieval) if release.retrieval else None
        return Deployment(
            release=release,
            parameters=parameters,
            template=template,
            retriever=retriever,
            targets=tuple(targets),
        )

    def require_answerable(self, release: Release) -> None:
        """Raises a TrimtabError that says why a release could not answer, if it could not."""
        deployment = self._deployment(self.gateway.snapshot, release)
        if deployment.retriever is not None:
            deployment.retriever.search("", k=1)

    def require_model(self, model: str) -> None:
        """Raises InvalidRequest when no provider offers `model`."""
        if self.gateway.snapshot.target(model) is None:
            raise InvalidRequest(
                f"no model {model!r}",
                where="targets",
                fix=f"use one of {', '.join(sorted(self.gateway.snapshot.cards))}",
            )

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
        judges = resolve(scorers or RUN_SCORERS)
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

    def compare_runs(
        self, project: str, run_id: str, baseline_id: str, rules: Sequence[GateRule] = ()
    ) -> Run:
        """Judge a finished run against a baseline run, and store the verdict with it.

        The verdict that a release was promoted on is not replaced: a later one is only answered.
        """
        candidate = self.metadata.runs.get(project, run_id)
        baseline = self.metadata.runs.get(project, baseline_id)
        run = judged(
            candidate,
            baseline,
            telemetry=self.telemetry,
            examples=self.metadata.datasets.examples(project, candidate.dataset),
            scorers=_known(candidate.scorers),
            rules=rules,
        )
        releases = self.metadata.releases.list(project)
        if not any(a.run == run_id for release in releases for a in release.approvals):
            self.metadata.runs.put(run)
        return run

    # -- telemetry -----------------------------------------------------------------------------

    write_parquet = staticmethod(write_parquet)

    def reprice(self, project: str, *, since_ns: int = 0) -> Repriced:
        """Compute the costs of a project's calls anew from the prices of today."""
        return reprice(self.telemetry, project, self.prices.lookup, since_ns=since_ns)

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


def _telemetry(config: Config, blobs: BlobStore) -> TelemetryStore:
    if config.telemetry_url is not None:
        return _clickhouse(config.telemetry_url)
    return DuckDBTelemetry.open(Path(config.data) / "telemetry.duckdb", blobs=blobs)


def _clickhouse(url: str) -> ClickHouseTelemetry:
    from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry  # with its dialect of SQL

    return ClickHouseTelemetry.open(url)


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved and compared; None for what stays where it is."""

    telemetry: Moved | None = None
    metadata: list[MovedTable] | None = None


def move(config: Config, *, progress: Progress) -> Move:
    """Copy the data directory into the databases of the configuration, and compare.

    Raises:
        StoreError: a store cannot be opened, read or written, or they differ at the end.
    """
    data = Path(config.data)
    metadata = telemetry = None
    if config.metadata_url is not None and (data / "metadata.db").exists():
        metadata = move_metadata(f"sqlite:///{data / 'metadata.db'}", config.metadata_url)
    if config.telemetry_url is not None and (data / "telemetry.duckdb").exists():
        with (
            closing(_clickhouse(config.telemetry_url)) as target,
            closing(
                DuckDBTelemetry.open(data / "telemetry.duckdb", blobs=FileBlobs(data / "blobs"))
            ) as source,
        ):
            telemetry = move_telemetry(source, target, progress=progress)
    return Move(telemetry=telemetry, metadata=metadata)


def short_files(config: Config) -> list[ShortFile]:
    """Files of payloads that are missing or cut off, in a data directory that no server has.

    Raises:
        StoreError: the database beside them cannot be read.
    """
    path = Path(config.data) / "telemetry.duckdb"
    return inspection.short_files(path) if path.exists() else []


def documentation() -> Path:
    """The folder of Trimtab's own documentation: inside the package, or beside a checkout's src."""
    package = Path(__file__).parent
    installed = package / "docs"
    return installed if installed.is_dir() else package.parents[1] / "docs"


def _corpora(config: Config) -> dict[str, Path]:
    folders = {corpus.name: Path(corpus.path) for corpus in config.corpora}
    return {"trimtab": documentation(), **folders}


def _providers(
    config: Config, corpora: Corpora, clock: SystemClock, prices: Prices
) -> dict[str, Provider]:
    default = corpora.retriever(Retrieval(corpus="trimtab"))
    found: dict[str, Provider] = {"trimtab": ExtractProvider(default=default, clock=clock)}
    for entry in config.providers:
        found[entry.name] = _remote(entry, prices, clock, _upstream(config))
    return found


def _remote(
    entry: ProviderEntry, prices: Prices, clock: SystemClock, upstream: Upstream
) -> Provider:
    cards = tuple(
        ModelCard(
            id=f"{entry.name}/{model.id}",
            provider=entry.name,
            context_tokens=model.context_tokens,
            price=model.price
            or prices.lookup(model.id, entry.name, clock.now_ns())
            or prices.lookup(model.id, entry.kind, clock.now_ns()),
        )
        for model in entry.models
    )
    account = Account(
        name=entry.name,
        base_url=entry.base_url,
        api_key=entry.api_key.reveal() if entry.api_key else None,
        cards=cards,
        timeout_s=entry.timeout_s,
        api_version=entry.api_version,
        headers={name: value.reveal() for name, value in entry.headers.items()},
        speaks=entry.speaks,
        region=entry.region,
        project=entry.project,
        credentials={name: value.reveal() for name, value in entry.credentials.items()},
    )
    return KINDS[entry.kind](account, upstream)


def _upstream(config: Config) -> Upstream:
    if config.upstream == "http1":
        return HTTP1Client(allowed_address=_callable)
    from trimtab.upstreams.aiohttp import AiohttpClient  # an extra

    return AiohttpClient(allowed_address=_callable)


def _callable(address: str) -> bool:
    """Whether a provider's name may lead there: not to the credentials of this machine."""
    return not serves_metadata(address)


def _prices(config: Config) -> Prices:
    """The shipped prices under those of the configuration."""
    return Prices.shipped().with_overrides(
        Override(
            model=entry.model,
            provider=entry.provider,
            since=date.fromisoformat(entry.since) if entry.since else None,
            price=_price(entry),
        )
        for entry in config.prices
    )


def _price(entry: PriceEntry) -> Price:
    if entry.above is None:
        return entry.price
    return TieredPrice.of(entry.price, above=entry.above.input_tokens, beyond=entry.above.price)


def _limiter(config: Config) -> Limiter | None:
    """What limits are shared through; None where this process is the only one."""
    if config.valkey_url is None:
        return None
    from trimtab.stores.limits.valkey import ValkeyLimiter

    return ValkeyLimiter.open(config.valkey_url)


def _keys(config: Config) -> list[Key]:
    return [
        Key.of(entry.name, entry.key.reveal(), entry.project, entry.permissions)
        for entry in config.access.keys
    ]


def _known(names: Sequence[str]) -> list[Scorer]:
    """The scorers of a run that this version still has."""
    found = []
    for name in names:
        try:
            found += resolve([name])
        except TrimtabError:
            continue
    return found


__all__ = ["RUN_SCORERS", "App", "documentation"]
