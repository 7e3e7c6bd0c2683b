"""Front: the gateway of one process, kept in step with what the metadata say.

Who may ask, what answers, what it costs, and the cache; with it goes everything a process needs to
answer a call. It reads the metadata and writes nothing but spans, through its recorder.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from itertools import chain

import msgspec

from trimtab.app import providers
from trimtab.config import Config
from trimtab.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.gateway.admission import Admission
from trimtab.gateway.asker import Askers, day_of
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.embedding import AskedEmbedder
from trimtab.gateway.gateway import Gateway, Limits
from trimtab.gateway.journal import Journal
from trimtab.gateway.leases import LeasedQuotas
from trimtab.gateway.quotas import LocalQuotas
from trimtab.gateway.snapshot import Deployment, Snapshot
from trimtab.gateway.standing import RouteState, states
from trimtab.governance.access import Access, Key
from trimtab.governance.budget import Live, LiveLimit
from trimtab.governance.settings import Declared, GatewaySettings, assembled
from trimtab.governance.spending import spent_so_far
from trimtab.kit.clock import SystemClock
from trimtab.ports import Limiter, MetadataStore
from trimtab.prompts.shelf import Shelf
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Price, Release, VirtualKey
from trimtab.retrieval.corpora import Corpora
from trimtab.retrievers import build_bm25
from trimtab.tracing.recorder import SpanRecorder

_log = logging.getLogger("trimtab.app")

_FOLLOW_S = 1.0


class Front:
    """What answers calls; `follow` and `close` run in the event loop.

    Args:
        limiter: what limits are shared through; None where this process is the only one.
    """

    def __init__(
        self,
        config: Config,
        metadata: MetadataStore,
        tracing: SpanRecorder,
        clock: SystemClock,
        *,
        limiter: Limiter | None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.draining = asyncio.Event()  # set when the process is about to stop
        self.metadata = metadata
        self.tracing = tracing
        self.access = Access(_keys(config), project=config.project)
        self.declared = Declared(
            routes=config.gateway.routes,
            allowances=config.gateway.allowances,
            approved_models=config.gateway.approved_models,
        )
        self.settings = GatewaySettings()
        self.prices = providers.prices(config)
        self.corpora = Corpora(providers.corpora(config), build=build_bm25, clock=clock)
        self._providers = providers.providers(config, self.corpora, clock, self.prices)
        self._journal = Journal(tracing)
        self._seen = (0, 0, 0)  # the revisions of releases, settings and prompts that are in use
        self._prompts = Shelf()
        self._refreshing = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._limiter = limiter
        self._quotas = (
            LocalQuotas(clock)
            if limiter is None
            else LeasedQuotas(limiter, clock, workers=config.limits.sharers * config.workers)
        )
        self._admission = Admission(self._askers(), self._quotas, clock)
        self.cache = AnswerCache(clock, limit_bytes=config.limits.cache_bytes)
        self.gateway = Gateway(
            snapshot=Snapshot(self._providers, price=self._price),
            journal=self._journal,
            admission=self._admission,
            clock=clock,
            limits=Limits(concurrency=config.limits.concurrency),
            cache=self.cache,
        )
        if model := config.gateway.cache_embedder:
            self.cache.embedder = partial(AskedEmbedder, self.gateway.ask, model)

    async def follow(self) -> None:
        """Begin to answer by what the metadata say, now and from now on. Raises StoreError."""
        await self.refresh()
        self._following = asyncio.create_task(self._follow_releases(), name="trimtab-releases")

    def stop_following(self) -> None:
        """Go on with what is known."""
        if self._following is not None:
            self._following.cancel()

    async def settle(self) -> None:
        """End what goes on behind the answers, and hand every span to the recorder."""
        await self.gateway.shadows.aclose()
        await self._journal.settle()

    async def close(self) -> None:
        """Close what calls went out through, and give back what is held of limits."""
        for provider in self._providers.values():
            await provider.aclose()
        await self._quotas.aclose()
        if self._limiter is not None:
            await self._limiter.aclose()

    async def refresh(self) -> None:
        """Bring the gateway's snapshot in step with the releases and what is allowed."""
        # One at a time: of two that overlap, the older must not be the last to be set.
        async with self._refreshing:
            revision = await asyncio.to_thread(self.metadata.releases.revision)
            self._prompts = await asyncio.to_thread(self._shelf)
            settings = await asyncio.to_thread(self.gateway_settings)
            for line in set(settings.left_out) - set(self.settings.left_out):
                _log.warning(line)
            if settings.allowances != self.settings.allowances:
                await self._count_spend()
            self.settings = settings
            self.access.set_keys(settings.keys)
            self._admission.askers = await asyncio.to_thread(self._askers)
            self.gateway.snapshot = await asyncio.to_thread(self._snapshot)
            # Last: what could not be read to its end is tried again.
            self._seen = (revision, settings.revision, self._prompts.revision)

    async def _count_spend(self) -> None:
        """Have what was recorded so far in the sums that new budgets start from."""

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

    def gauges(self) -> dict[str, float]:
        """What there is of some things at this moment, in this process."""
        backlog, cache = self.tracing.backlog, self.cache.counts
        shadows = self.gateway.shadows.counts
        return {
            "gateway_in_flight": self.gateway.in_flight,
            "spool_frames": backlog.frames,
            "spool_bytes": backlog.size_bytes,
            "cache_answers": cache.answers,
            "cache_bytes": cache.size_bytes,
            "cache_embedder_failures": cache.embedder_failures,
            "shadow_running": shadows.running,
            "shadow_dropped": shadows.dropped,
        }

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


def _keys(config: Config) -> list[Key]:
    return [
        Key.of(entry.name, entry.key.reveal(), entry.project, entry.permissions)
        for entry in config.access.keys
    ]
