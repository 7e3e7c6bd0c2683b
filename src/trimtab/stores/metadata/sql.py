"""The metadata store in one SQL database: SQLite by default, PostgreSQL to scale out.

In: records of prompts, plans, datasets, releases, runs with their results, calibration cards,
probes, saved views, and of what the gateway allows. Out: the same records, durable when a method
returns. It assigns version numbers and keeps the rules that need a transaction (one live release
per route, one in each environment); every other rule of a record's life is the business of its
station.
"""

from __future__ import annotations

from pathlib import Path

from trimtab.errors import StoreError
from trimtab.kit.clock import SystemClock
from trimtab.ports import (
    AllowanceStore,
    ApprovedModelStore,
    CardStore,
    Clock,
    CursorStore,
    DatasetStore,
    GuardPolicyStore,
    KeyStore,
    PlanStore,
    ProbeStore,
    PromptStore,
    ReleaseStore,
    RouteStore,
    RunStore,
    ShareStore,
    SpendStore,
    ViewStore,
)
from trimtab.records import AuditEntry
from trimtab.stores.metadata.allowances import SQLAllowances
from trimtab.stores.metadata.approved_models import SQLApprovedModels
from trimtab.stores.metadata.audit import Audit
from trimtab.stores.metadata.cards import SQLCards
from trimtab.stores.metadata.changes import Changes
from trimtab.stores.metadata.cursors import SQLCursors
from trimtab.stores.metadata.datasets import SQLDatasets
from trimtab.stores.metadata.engine import Database
from trimtab.stores.metadata.guard_policies import SQLGuardPolicies
from trimtab.stores.metadata.keys import SQLKeys
from trimtab.stores.metadata.plans import SQLPlans
from trimtab.stores.metadata.probes import SQLProbes
from trimtab.stores.metadata.projects import projects
from trimtab.stores.metadata.prompts import SQLPrompts
from trimtab.stores.metadata.releases import SQLReleases
from trimtab.stores.metadata.routes import SQLRoutes
from trimtab.stores.metadata.runs import SQLRuns
from trimtab.stores.metadata.shares import SQLShares
from trimtab.stores.metadata.spend import SQLSpend
from trimtab.stores.metadata.upgrade import HEAD, opened, stored_revision
from trimtab.stores.metadata.views import SQLViews


class SQLMetadata:
    """Implements `ports.MetadataStore`. Open it with `open`, use it from any thread."""

    prompts: PromptStore
    datasets: DatasetStore
    releases: ReleaseStore
    runs: RunStore
    cards: CardStore
    cursors: CursorStore
    keys: KeyStore
    allowances: AllowanceStore
    approved_models: ApprovedModelStore
    routes: RouteStore
    guard_policies: GuardPolicyStore
    plans: PlanStore
    probes: ProbeStore
    shares: ShareStore
    spend: SpendStore
    views: ViewStore

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._audit = Audit(database, clock)
        self.prompts = SQLPrompts(database, self._audit)
        self.datasets = SQLDatasets(database, self._audit)
        self.releases = SQLReleases(database, self._audit)
        self.runs = SQLRuns(database)
        self.cards = SQLCards(database, self._audit)
        self.cursors = SQLCursors(database)
        self._changes = Changes(database, self._audit)
        self.keys = SQLKeys(database, self._changes)
        self.allowances = SQLAllowances(database, self._changes)
        self.approved_models = SQLApprovedModels(database, self._changes)
        self.routes = SQLRoutes(database, self._changes)
        self.guard_policies = SQLGuardPolicies(database, self._changes)
        self.plans = SQLPlans(database, self._audit)
        self.probes = SQLProbes(database, self._audit)
        self.shares = SQLShares(database, self._changes)
        self.spend = SQLSpend(database)
        self.views = SQLViews(database, self._audit)

    @classmethod
    def open(cls, url: str, *, clock: Clock | None = None) -> SQLMetadata:
        """Connect, and bring the schema to the newest version.

        Args:
            url: `sqlite:///path/metadata.db` (the directory must exist) or
                `postgresql://user:password@host:5432/database`.
            clock: dates the audit entries; None is the system's.
        Raises:
            ConfigError: the URL cannot be used.
            MissingExtra: PostgreSQL without its driver.
            StoreTooNew: a newer Trimtab wrote the database.
            StoreError: the database cannot be reached, read or changed.
        """
        return cls(opened(url), clock or SystemClock())

    def gateway_revision(self) -> int:
        return self._changes.revision()

    def projects(self) -> list[str]:
        return projects(self._database)

    def audit(
        self,
        project: str,
        *,
        limit: int = 100,
        before: int | None = None,
        object: str | None = None,
        action: str | None = None,
        principal: str | None = None,
    ) -> list[AuditEntry]:
        return self._audit.entries(
            project,
            limit=limit,
            before=before,
            object=object,
            action=action,
            principal=principal,
        )

    def ping(self) -> None:
        """Raises StoreError when the database cannot be reached or has another schema."""
        found = stored_revision(self._database)
        if found != HEAD:
            raise StoreError(
                f"the metadata database has schema {found or 'none'}, not {HEAD}",
                where=self._database.place,
                fix="restart Trimtab to bring it up to date",
            )

    def backup(self, directory: Path) -> None:
        """Copy an SQLite database into `directory` as `metadata.db`.

        Raises:
            StoreError: it cannot be written, or the database is a PostgreSQL server.
        """
        self._database.copy_to(directory / "metadata.db")

    def close(self) -> None:
        """Disconnect; later calls raise StoreError. Closing twice is fine."""
        self._database.close()

    def __repr__(self) -> str:
        return f"SQLMetadata({self._database.place})"
