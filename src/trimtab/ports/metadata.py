"""The metadata store: prompts, datasets, releases, runs, cursors, and what the gateway allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from trimtab.ports.access import (
    AllowanceStore,
    ApprovedModelStore,
    GuardPolicyStore,
    KeyStore,
    RouteStore,
    SpendStore,
)
from trimtab.ports.answering import PlanStore, ProbeStore, PromptStore, ReleaseStore, ShareStore
from trimtab.records import AuditEntry, CalibrationCard, Dataset, Example, Result, Run, View


class DatasetStore(Protocol):
    def add(
        self,
        project: str,
        name: str,
        examples: Iterable[Example],
        *,
        note: str,
        created_ns: int,
        schema: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        by: str | None = None,
    ) -> Dataset:
        """Store the next version with exactly these rows; unchanged content returns the newest.

        The rows are read once and never held together: a million of them is practical.

        Args:
            schema: JSON Schema of an object of a row's `input`, `expected` and `metadata`; the
                newest version's if None, none if it is empty.
            by: who does it, for the audit; so it is of `commit` and `remove`.
        Raises:
            Conflict: two rows have one example_id.
            InvalidRequest: a row breaks the schema; says which row and field.
        """
        ...

    def draft(
        self,
        project: str,
        name: str,
        *,
        created_ns: int,
        schema: Mapping[str, Any] | None = None,
    ) -> str:
        """Begin a version that comes piece by piece; the id of it.

        Nobody sees it before it is committed. Drafts that were begun more than a day before
        `created_ns` are discarded.
        """
        ...

    def extend(self, project: str, draft: str, examples: Sequence[Example], *, after: int) -> int:
        """Make further rows of a draft durable; how many it has now.

        Args:
            after: how many rows the draft has, so that none is taken twice.
        Raises:
            Conflict: the draft has another number of rows, which is the error's field `rows`.
            InvalidRequest: a row breaks the schema; says which row and field.
            NotFound: there is no such draft.
        """
        ...

    def commit(
        self,
        project: str,
        draft: str,
        *,
        note: str,
        created_ns: int,
        tags: Sequence[str] = (),
        by: str | None = None,
    ) -> Dataset:
        """Make a draft the next version, as `add` does. The draft stays when that is refused.

        Raises:
            Conflict: two rows have one example_id.
            NotFound: there is no such draft.
        """
        ...

    def discard(self, project: str, draft: str) -> None:
        """Forget a draft. Raises NotFound."""
        ...

    def remove(self, project: str, name: str, *, by: str | None = None) -> int:
        """Remove all versions of a dataset, and its drafts; how many versions there were.

        Version numbers go on where they were when the name is used again. Raises NotFound.
        """
        ...

    def get(self, project: str, ref: str) -> Dataset:
        """`name@2`, or `name` for the newest. Raises NotFound."""
        ...

    def examples(self, project: str, ref: str) -> list[Example]:
        """The rows of a version in the order they were given. Raises NotFound."""
        ...

    def rows(
        self, project: str, ref: str, *, after: int = 0, limit: int | None = None
    ) -> Iterator[Example]:
        """The same, piece by piece, from position `after` on. Raises NotFound."""
        ...

    def digests(self, project: str, ref: str) -> dict[str, str]:
        """example_id -> hash of the row's content, in order. Raises NotFound."""
        ...

    def versions(self, project: str, name: str) -> list[Dataset]:
        """All versions, newest first. Raises NotFound."""
        ...

    def list(self, project: str) -> list[Dataset]:
        """The newest version of each dataset, by name."""
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

    def list(
        self, project: str, *, limit: int = 100, suite: str | None = None, name: str | None = None
    ) -> list[Run]:
        """Newest first; of one suite, or of one name."""
        ...

    def append(self, project: str, run_id: str, results: Sequence[Result]) -> None:
        """Make results durable. Writing the same again is harmless: the later one counts.

        Raises NotFound when there is no such run.
        """
        ...

    def results(self, project: str, run_id: str) -> Iterator[Result]:
        """The results of a run, each (example_id, repeat) once, in the order of first arrival.

        They are read as they are asked for. Raises NotFound when there is no such run.
        """
        ...

    def page(
        self, project: str, run_id: str, *, start: int = 0, size: int
    ) -> tuple[Sequence[Result], int | None]:
        """The same, up to `size` of them from a place on; what comes before is not read again.

        Args:
            start: 0, or where an earlier page says that the next one starts.
        Returns:
            the results, and where the next page starts; None after the last.
        Raises:
            NotFound: there is no such run.
        """
        ...


class CardStore(Protocol):
    """Calibration cards by scorer and digest; the newest counts."""

    def put(self, card: CalibrationCard) -> None: ...

    def get(self, project: str, scorer: str, digest: str) -> CalibrationCard | None: ...

    def list(self, project: str, scorer: str | None = None) -> list[CalibrationCard]:
        """Newest first."""
        ...


class CursorStore(Protocol):
    """Where a background consumer stands, by name; 0 when it never ran."""

    def get(self, name: str) -> int: ...

    def put(self, name: str, value: int) -> None: ...


class ViewStore(Protocol):
    """Saved views of pages, by project, page and name. Each change is audited."""

    def put(self, view: View) -> None:
        """Insert or replace. Raises InvalidRequest when the name cannot be one."""
        ...

    def delete(self, project: str, page: str, name: str, *, by: str) -> None:
        """Raises NotFound."""
        ...

    def list(self, project: str, page: str | None = None) -> list[View]:
        """By page and name; of one page, or of all."""
        ...


class MetadataStore(Protocol):
    """Everything that is not telemetry, one small store per noun, one database behind them."""

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

    def gateway_revision(self) -> int:
        """A number that grows with every change to a key, an allowance, an approved model, a
        route, its learnt shares or a policy of guards; cheap to poll."""
        ...

    def projects(self) -> list[str]:
        """The names of all projects that any record is of, audit entries included; by name."""
        ...

    def audit(
        self,
        project: str,
        *,
        limit: int = 100,
        before: int | None = None,
        object: str | None = None,
        action: str | None = None,
        principal: str | None = None,
    ) -> Sequence[AuditEntry]:
        """The changes in a project, newest first.

        Args:
            before: only entries whose `seq` is below this one, for the next page.
            object: only of this reference (`docs@3`), or of every version of a name (`docs`).
            action: only this (`release.promote`), or every verb of a noun (`release`).
            principal: only what this one did.
        """
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
