"""The metadata store: prompts, datasets, releases, runs, cursors, and what the gateway allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from trimtab.ports.access import (
    AllowanceStore,
    ApprovedModelStore,
    KeyStore,
    RouteStore,
    SpendStore,
)
from trimtab.records import (
    Approval,
    Dataset,
    Example,
    Prompt,
    Release,
    Run,
)
from trimtab.records.release import ReleaseState


class PromptStore(Protocol):
    def add(self, prompt: Prompt) -> Prompt:
        """Store the next version of a prompt; `version` is assigned. The same content as the
        newest version returns that version instead."""
        ...

    def get(self, project: str, ref: str) -> Prompt:
        """`name@3`, or `name` for the newest. Raises NotFound."""
        ...

    def list(self, project: str) -> list[Prompt]:
        """The newest version of each prompt, by name."""
        ...

    def all(self) -> Sequence[Prompt]:
        """Every version of every prompt of all projects."""
        ...

    def revision(self) -> int:
        """A number that grows with every new version of any prompt; cheap to poll."""
        ...


class DatasetStore(Protocol):
    def add(
        self, project: str, name: str, examples: Sequence[Example], *, note: str, created_ns: int
    ) -> Dataset:
        """Store the next version with exactly these rows; unchanged rows return the newest.

        Raises:
            Conflict: two rows have one example_id.
        """
        ...

    def get(self, project: str, ref: str) -> Dataset:
        """`name@2`, or `name` for the newest. Raises NotFound."""
        ...

    def examples(self, project: str, ref: str) -> list[Example]:
        """The rows of a version in the order they were given. Raises NotFound."""
        ...

    def list(self, project: str) -> list[Dataset]:
        """The newest version of each dataset, by name."""
        ...


class ReleaseStore(Protocol):
    def add(self, release: Release) -> Release:
        """Store a release; `version` within its route is assigned.

        Raises Conflict when the route already has a release with this digest that is not retired.
        """
        ...

    def get(self, project: str, ref: str) -> Release:
        """By release_id or `route@version`. Raises NotFound."""
        ...

    def live(self) -> list[Release]:
        """The live release of every route of every project."""
        ...

    def list(self, project: str | None = None, route: str | None = None) -> list[Release]:
        """Newest first."""
        ...

    def transition(
        self,
        project: str,
        release_id: str,
        state: ReleaseState,
        approval: Approval,
        *,
        over: str | None = None,
    ) -> Release:
        """Change the state and append the approval in one transaction.

        Making a release live retires the one that was.

        Args:
            over: the release_id that must be the live one of the route, "" for none; None does not
                ask. A decision made on evidence against one release is not carried out on another.
        Raises:
            NotFound: there is no such release.
            Conflict: another release is live than `over` says.
        """
        ...

    def revision(self) -> int:
        """A number that grows with every change to any release; cheap to poll."""
        ...


class RunStore(Protocol):
    def put(self, run: Run) -> None:
        """Insert or replace by run_id."""
        ...

    def get(self, project: str, run_id: str) -> Run:
        """Raises NotFound."""
        ...

    def running(self) -> list[Run]:
        """The runs of all projects whose status is running."""
        ...

    def list(self, project: str, *, limit: int = 100) -> list[Run]:
        """Newest first."""
        ...


class CursorStore(Protocol):
    """Where a background consumer stands, by name; 0 when it never ran."""

    def get(self, name: str) -> int: ...

    def put(self, name: str, value: int) -> None: ...


class MetadataStore(Protocol):
    """Everything that is not telemetry, one small store per noun, one database behind them."""

    prompts: PromptStore
    datasets: DatasetStore
    releases: ReleaseStore
    runs: RunStore
    cursors: CursorStore
    keys: KeyStore
    allowances: AllowanceStore
    approved_models: ApprovedModelStore
    routes: RouteStore
    spend: SpendStore

    def gateway_revision(self) -> int:
        """A number that grows with every change to a key, an allowance, an approved model or a
        route; cheap to poll."""
        ...

    def ping(self) -> None:
        """Raises StoreError when the database cannot be used."""
        ...

    def backup(self, directory: Path) -> None:
        """Write a consistent copy into a directory while the store is in use.

        Raises:
            StoreError: it cannot be written, or the database is a server with tools of its own.
        """
        ...

    def close(self) -> None: ...
