"""State: what the metadata say under a setup, read and compiled; taken whole or not at all."""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

from trimtab.app.deploying import Deploying
from trimtab.app.setup import Setup
from trimtab.gateway.asker import Askers
from trimtab.gateway.snapshot import Snapshot
from trimtab.governance.settings import GatewaySettings, assembled
from trimtab.governance.spending import spent_so_far
from trimtab.ports import MetadataStore
from trimtab.prompts.shelf import Shelf
from trimtab.releases.shares import with_learnt


class State(NamedTuple):
    """`seen` are the revisions of releases, settings and prompts that it was made of."""

    setup: Setup
    settings: GatewaySettings
    prompts: Shelf
    seen: tuple[int, int, int]

    @classmethod
    def none(cls, setup: Setup) -> State:
        """That of a process which has read nothing yet."""
        return cls(setup, GatewaySettings(), Shelf(), (0, 0, 0))

    @classmethod
    def read(cls, setup: Setup, metadata: MetadataStore, before: State) -> State:
        """The state of this moment. Raises StoreError."""
        # Before what they count: a change in between is then seen again, never missed.
        releases, prompts = metadata.releases.revision(), metadata.prompts.revision()
        shelf = before.prompts
        if prompts != shelf.revision:
            shelf = Shelf(
                metadata.prompts.all(), shelf, revision=prompts, rows=metadata.datasets.rows
            )
        settings = assembled(setup.declared, metadata)
        return cls(setup, settings, shelf, (releases, settings.revision, prompts))

    def askers(self, metadata: MetadataStore) -> Askers:
        """Who may ask what. Raises StoreError."""
        setup, settings = self.setup, self.settings
        allowances = tuple(settings.allowances.values())
        return Askers(
            allowances,
            chain.from_iterable(settings.approved_models.values()),
            spent_so_far(metadata.spend, allowances, setup.clock.now_ns()),
            requests_per_minute=setup.config.limits.requests_per_minute,
            names={key.key_id: key.name for key in settings.keys},
        )

    def snapshot(self, metadata: MetadataStore) -> Snapshot:
        """What can answer. Raises StoreError."""
        gateway = self.setup.config.gateway
        broken: list[str] = []
        found = Snapshot(
            self.setup.providers,
            self.deploying(metadata).all(metadata.releases.list(), broken.append),
            with_learnt(self.settings.routes.values(), metadata.shares.all()),
            prompts=self.prompts,
            default_model=gateway.default_model,
            defaults=gateway.defaults,
            price=self.setup.price,
        )
        found.warnings[:0] = broken
        return found

    def deploying(self, metadata: MetadataStore) -> Deploying:
        models, prompts = self.setup.models(), metadata.prompts
        return Deploying(self.setup.corpora, models, shelf=self.prompts, prompts=prompts)
