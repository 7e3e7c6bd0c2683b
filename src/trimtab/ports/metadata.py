"""The metadata store: prompts, datasets, releases, runs, cursors, and what the gateway allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from trimtab.records import (
    Approval,
    CalibrationCard,
    Dataset,
    Example,
    Prompt,
    Release,
    Result,
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
        self,
        project: str,
        name: str,
        examples: Iterable[Example],
        *,
        note: str,
        created_ns: int,
        schema: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
    ) -> Dataset:
        """Store the next version with exactly these rows; unchanged content returns the newest.

        The rows are read once and never held together: a million of them is practical.

        Args:
            schema: JSON Schema of an object of a row's `input`, `expected` and `metadata`; the
                newest version's if None, none if it is empty.
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
        self, project: str, draft: str, *, note: str, created_ns: int, tags: Sequence[str] = ()
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

    def remove(self, project: str, name: str) -> int:
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
        among: Collection[ReleaseState] | None = None,
        ends_canary: bool = False,
    ) -> Release:
        """Change the state and append the approval in one transaction.

        Making a release live retires the one that was. A release that becomes the canary has the
        share of the approval.

        Args:
            over: the release_id that must be the live one of the route, "" for none; None does not
                ask. A decision made on evidence against one release is not carried out on another.
            among: the states that the release must be in; None does not ask.
            ends_canary: the route's canary becomes a candidate again.
        Raises:
            NotFound: there is no such release.
            Conflict: another release is live than `over` says, the release is in another state, or
                it would be a second canary.
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
    spend: SpendStore

    def gateway_revision(self) -> int:
        """A number that grows with every change to a key, an allowance, an approved model, a
        route or a policy of guards; cheap to poll."""
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
