"""Setup: what a configuration alone makes, before the metadata have their say.

Replaced whole when the configuration is read again. What it has in common with the one before it is
kept: a provider that did not change keeps its connections, a corpus its indexes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from trimtab.app import providers
from trimtab.config import Config
from trimtab.gateway.snapshot import Snapshot
from trimtab.governance.access import Access, Key
from trimtab.governance.settings import Declared
from trimtab.kit.clock import SystemClock
from trimtab.models import Prices
from trimtab.ports import Provider
from trimtab.records import Price
from trimtab.retrieval.corpora import Corpora
from trimtab.retrievers import build_bm25


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration and what was made of it."""

    config: Config
    clock: SystemClock
    declared: Declared
    prices: Prices
    corpora: Corpora
    providers: Mapping[str, Provider]

    @classmethod
    def of(cls, config: Config, clock: SystemClock, before: Setup | None = None) -> Setup:
        """Make everything, but for what `before` has already.

        Raises:
            ConfigError, MissingExtra: a provider cannot be made of its settings.
        """
        same = before is not None and before.config.corpora == config.corpora
        corpora = (
            before.corpora
            if before is not None and same
            else Corpora(providers.corpora(config), build=build_bm25, clock=clock)
        )
        prices = providers.prices(config)
        gateway = config.gateway
        return cls(
            config=config,
            clock=clock,
            declared=Declared(
                routes=gateway.routes,
                allowances=gateway.allowances,
                approved_models=gateway.approved_models,
                guard_policies=config.guards.policies,
            ),
            prices=prices,
            corpora=corpora,
            providers={
                name: _kept(name, made, config, before if same else None)
                for name, made in providers.providers(config, corpora, clock, prices).items()
            },
        )

    def access(self) -> Access:
        """Who may ask, by the keys of the configuration."""
        keys = [
            Key.of(entry.name, entry.key.reveal(), entry.project, entry.permissions)
            for entry in self.config.access.keys
        ]
        return Access(keys, project=self.config.project)

    def models(self) -> Snapshot:
        """The models alone."""
        return Snapshot(self.providers, price=self.price)

    def price(self, model: str, provider: str) -> Price | None:
        """Of a model that nobody listed, by the name of its provider, or else by what it is."""
        now_ns = self.clock.now_ns()
        kinds = {entry.name: entry.kind for entry in self.config.providers}
        found = self.prices.lookup(model, provider, now_ns)
        return found or self.prices.lookup(model, kinds.get(provider), now_ns)

    def without(self, other: Setup) -> list[Provider]:
        """The providers of this one that another does not have any more."""
        kept = {id(provider) for provider in other.providers.values()}
        return [provider for provider in self.providers.values() if id(provider) not in kept]


def _kept(name: str, made: Provider, config: Config, before: Setup | None) -> Provider:
    """The provider of before, where the new one would be the same; nothing of the new one is open.

    Prices are in its cards: those that changed, or began to hold since, are a difference too.
    """
    if before is None or name not in before.providers:
        return made
    former = before.providers[name]
    same = (
        before.config.upstream == config.upstream
        and _entry(before.config, name) == _entry(config, name)
        and former.cards() == made.cards()
    )
    return former if same else made


def _entry(config: Config, name: str) -> object:
    return next((entry for entry in config.providers if entry.name == name), None)
