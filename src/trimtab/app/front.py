"""Front: the gateway of one process, kept in step with what the metadata say.

Who may ask, what answers, what it costs, and the cache; with it goes everything a process needs to
answer a call. It reads the metadata and writes nothing but spans, through its recorder.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

import msgspec

from trimtab.app.answerable import Answerable
from trimtab.app.embedders import local_embedder
from trimtab.app.guarding import Guarding, Signals, slots
from trimtab.app.retired import Retired
from trimtab.app.setup import Setup
from trimtab.app.state import State
from trimtab.config import Config
from trimtab.errors import TrimtabError
from trimtab.gateway.admission import Admission
from trimtab.gateway.ask import Ask, Caller
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.embedding import AskedEmbedder
from trimtab.gateway.gateway import Gateway, Limits
from trimtab.gateway.hooks import Hooks
from trimtab.gateway.journal import Journal
from trimtab.gateway.leases import LeasedQuotas
from trimtab.gateway.quotas import LocalQuotas
from trimtab.gateway.resolution import Resolution
from trimtab.governance.access import Access
from trimtab.governance.budget import Live, LiveLimit
from trimtab.governance.settings import Declared, GatewaySettings, assembled
from trimtab.kit.clock import SystemClock
from trimtab.models import Prices
from trimtab.ports import Embedder, Limiter, MetadataStore
from trimtab.records import Span, VirtualKey
from trimtab.retrieval.corpora import Corpora
from trimtab.tracing.recorder import SpanRecorder

_log = logging.getLogger("trimtab.app")

_FOLLOW_S = 0.5


class Front:
    """What answers calls; `follow`, `configure` and `close` run in the event loop.

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
        self._state = state = State.none(Setup.of(config, clock))
        self.clock = clock
        self.draining = asyncio.Event()  # set when the process is about to stop
        self.metadata = metadata
        self.tracing = tracing
        self.access = state.setup.access()
        self._on_config: list[Callable[[Config], None]] = []
        self._journal = Journal(tracing)
        self._refreshing = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._limiter = limiter
        self._quotas = (
            LocalQuotas(clock)
            if limiter is None
            else LeasedQuotas(limiter, clock, workers=config.limits.sharers * config.workers)
        )
        self._admission = Admission(state.askers(metadata), self._quotas, clock)
        self.cache = AnswerCache(clock, limit_bytes=config.limits.cache_bytes)
        self.gateway = Gateway(
            snapshot=state.setup.models(),
            journal=self._journal,
            admission=self._admission,
            clock=clock,
            limits=_limits(config),
            cache=self.cache,
            hooks=self._hooks,
            redact=self._refused,
        )
        self._signals: Signals = {}
        self._slots = slots(clock, lambda: self.gateway, config.project)
        self.guarding = Guarding(config, {}, self._slots, self._signals, clock)
        self.answerable = Answerable(
            self.gateway,
            self._admission,
            clock,
            deploying=lambda: self._state.deploying(metadata),
            guarding=lambda: self.guarding,
        )
        self._retired = Retired(self.gateway.quiet)
        self.cache.embedder = self._embedder(config.gateway.cache_embedder)
        self._fit(config)

    @property
    def config(self) -> Config:
        """The settings in force."""
        return self._state.setup.config

    @property
    def declared(self) -> Declared:
        """What of the gateway's settings stands in the configuration file."""
        return self._state.setup.declared

    @property
    def settings(self) -> GatewaySettings:
        """Everything that is allowed, by file and store."""
        return self._state.settings

    @property
    def prices(self) -> Prices:
        return self._state.setup.prices

    @property
    def corpora(self) -> Corpora:
        return self._state.setup.corpora

    def on_config(self, taken: Callable[[Config], None]) -> None:
        """Call with each configuration that is taken from now on, as soon as it is."""
        self._on_config.append(taken)

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
        await self._retired.aclose()
        for provider in self._state.setup.providers.values():
            await provider.aclose()
        await self._slots.aclose()
        await self._quotas.aclose()
        if self._limiter is not None:
            await self._limiter.aclose()

    async def refresh(self) -> None:
        """Bring the gateway's snapshot in step with the releases and what is allowed."""
        # One at a time: of two that overlap, the older must not be the last to be set.
        async with self._refreshing:
            await self._take(await self._read(self._state.setup), self.access)

    async def configure(self, config: Config) -> None:
        """Answer by another configuration from the next request on; never by parts of two.

        Requests in flight finish on what they began with. A provider that was changed or taken out
        is closed when the last of them has ended.

        Raises:
            ConfigError, MissingExtra, StoreError: it cannot be used; nothing has changed.
        """
        async with self._refreshing:
            former = self._state.setup
            setup = await asyncio.to_thread(Setup.of, config, self.clock, former)
            await self._take(await self._read(setup), setup.access())
            if gone := former.without(setup):
                # What they said, and how they were, is not known of those in their place.
                self.gateway.health.forget({provider.name for provider in gone})
                self.cache.clear()
                self._retired.add(gone)
        for taken in self._on_config:
            taken(config)

    async def _take(self, state: State, access: Access) -> None:
        """Answer by a state from the next request on. Raises StoreError."""
        askers = await asyncio.to_thread(state.askers, self.metadata)
        snapshot = await asyncio.to_thread(state.snapshot, self.metadata)
        guarding = await asyncio.to_thread(self._guarded, state)
        config = state.setup.config
        embedder = await asyncio.to_thread(self._embedder, config.gateway.cache_embedder)
        access.set_keys(state.settings.keys)
        # Nothing is awaited in between, so that no request sees a part of it.
        before, self._state, self.access = self.gateway.snapshot, state, access
        self._admission.askers = askers
        self.gateway.snapshot = snapshot
        self.guarding = guarding
        self.cache.embedder = embedder
        self._fit(config)
        for line in dict.fromkeys(snapshot.warnings):
            if line not in before.warnings:  # each once, whatever else changes
                _log.warning("%s", line)

    def _hooks(self, ask: Ask, resolution: Resolution) -> Hooks | None:
        return self.guarding.hooks(ask, resolution)

    def _refused(self, span: Span) -> Span:
        return self.guarding.refused(span)

    def _ingested(self, span: Span) -> Span:
        return self.guarding.ingested(span)

    def _guarded(self, state: State) -> Guarding:
        """What guards calls under a state. Raises ConfigError, ScorerError, MissingExtra."""
        config, policies = state.setup.config, state.settings.guard_policies
        before = self._state
        is_new = before.settings.revision < 0 or before.setup.config != config
        if not is_new and before.settings.guard_policies == policies:
            return self.guarding
        guarding = Guarding(config, policies, self._slots, self._signals, self.clock)
        if is_new:
            guarding.require_routes(config.gateway.routes)
        return guarding

    async def _read(self, setup: Setup) -> State:
        """The state of this moment; what budgets start from is counted. Raises StoreError."""
        state = await asyncio.to_thread(State.read, setup, self.metadata, self._state)
        for line in set(state.settings.left_out) - set(self.settings.left_out):
            _log.warning(line)
        if state.settings.allowances != self.settings.allowances:
            await self._count_spend()
        return state

    def _fit(self, config: Config) -> None:
        """Set what is no part of the snapshot."""
        self.gateway.limits = _limits(config)
        self.cache.resize(config.limits.cache_bytes)

    def _embedder(self, named: str | None) -> Callable[[Caller], Embedder] | None:
        """Raises ConfigError or MissingExtra for a model of this machine that cannot be read."""
        if named is None:
            return None
        if (own := local_embedder(named)) is not None:
            return lambda _: own
        return partial(AskedEmbedder, self.gateway.ask, named)

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
        return now != self._state.seen

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


def _limits(config: Config) -> Limits:
    return Limits(concurrency=config.limits.concurrency, answer_bytes=config.limits.answer_bytes)
