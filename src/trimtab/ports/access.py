"""What the gateway is told to allow, and what was spent: parts of the metadata store.

Every change names who made it (`by`), is written into the audit table with it, and makes
`MetadataStore.gateway_revision` grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from trimtab.records import Allowance, ApprovedModel, GuardPolicy, Route, VirtualKey
from trimtab.records.access import AllowanceKind


class KeyStore(Protocol):
    def add(self, key: VirtualKey, *, by: str) -> None:
        """Raises Conflict when the project has a key of this id or name, or any has its secret."""
        ...

    def get(self, project: str, ref: str) -> VirtualKey:
        """By key_id or name. Raises NotFound."""
        ...

    def all(self) -> list[VirtualKey]:
        """The keys of every project, disabled and expired ones included."""
        ...

    def list(self, project: str) -> list[VirtualKey]:
        """Newest first."""
        ...

    def rotate(self, project: str, ref: str, *, digest: str, hint: str, by: str) -> VirtualKey:
        """Give a key another secret; the old one is unknown from then on. Raises NotFound."""
        ...

    def disable(self, project: str, ref: str, *, disabled: bool, by: str) -> VirtualKey:
        """Disable a key, or enable it again. Raises NotFound."""
        ...

    def expire(self, project: str, ref: str, *, expires_ns: int | None, by: str) -> VirtualKey:
        """Set when a key ends; None for never. Raises NotFound."""
        ...


class AllowanceStore(Protocol):
    def put(self, allowance: Allowance, *, by: str) -> None:
        """Insert or replace by project, kind and name."""
        ...

    def delete(self, project: str, kind: AllowanceKind, name: str, *, by: str) -> None:
        """Raises NotFound."""
        ...

    def all(self) -> list[Allowance]:
        """The allowances of every project."""
        ...

    def list(self, project: str) -> list[Allowance]:
        """By kind and name."""
        ...


class ApprovedModelStore(Protocol):
    def put(self, model: ApprovedModel, *, by: str) -> None:
        """Insert or replace by project and pattern."""
        ...

    def delete(self, project: str, model: str, *, by: str) -> None:
        """Raises NotFound."""
        ...

    def all(self) -> list[ApprovedModel]:
        """The catalogues of every project."""
        ...

    def list(self, project: str) -> list[ApprovedModel]:
        """By pattern."""
        ...


class StoredRoute(NamedTuple):
    """A route and how often it was changed, counted from 1; a deleted name counts on."""

    route: Route
    revision: int


class RouteStore(Protocol):
    def put(self, route: Route, *, by: str, over: int | None = None) -> StoredRoute:
        """Insert or replace by project and name.

        Args:
            over: the revision that must be the stored one, 0 for none; None does not ask.
        Raises:
            Conflict: another revision is stored; or a name or an alias is another route's.
        """
        ...

    def get(self, project: str, name: str) -> StoredRoute:
        """By name, not by alias. Raises NotFound."""
        ...

    def delete(self, project: str, name: str, *, by: str, over: int | None = None) -> None:
        """Raises NotFound, and Conflict as `put`."""
        ...

    def all(self) -> list[StoredRoute]:
        """The routes of every project."""
        ...

    def list(self, project: str) -> list[StoredRoute]:
        """By name."""
        ...


class StoredPolicy(NamedTuple):
    """A policy of guards and how often it was changed, from 1; a deleted name counts on."""

    policy: GuardPolicy
    revision: int


class GuardPolicyStore(Protocol):
    def put(self, policy: GuardPolicy, *, by: str, over: int | None = None) -> StoredPolicy:
        """Insert or replace by project and name.

        Args:
            over: the revision that must be the stored one, 0 for none; None does not ask.
        Raises:
            Conflict: another revision is stored.
        """
        ...

    def get(self, project: str, name: str, revision: int | None = None) -> StoredPolicy:
        """The newest, or an earlier one. Raises NotFound."""
        ...

    def delete(self, project: str, name: str, *, by: str, over: int | None = None) -> None:
        """Its revisions stay to be read. Raises NotFound, and Conflict as `put`."""
        ...

    def all(self) -> list[StoredPolicy]:
        """The newest of every name, of every project."""
        ...

    def history(self, project: str, name: str) -> list[StoredPolicy]:
        """Every revision of a name, newest first; those of a deleted one too."""
        ...

    def list(self, project: str) -> list[StoredPolicy]:
        """By name."""
        ...


class SpendKey(NamedTuple):
    """Whose money, and when: `period` is a UTC day (`2026-11-21`) or a UTC month (`2026-11`)."""

    project: str
    kind: AllowanceKind
    name: str
    period: str


class Spend(NamedTuple):
    """What was used. `cost_nano_usd` leaves out the requests that had no known price."""

    requests: int = 0
    tokens_input: int = 0
    tokens_output: int = 0
    cost_nano_usd: int = 0
    unpriced_requests: int = 0


class SpendStore(Protocol):
    """Sums by node and period, fed from the records of calls; to add twice changes nothing."""

    def add(self, source: str, position: int, increments: Mapping[SpendKey, Spend]) -> bool:
        """Add to the sums and remember how far `source` was read, in one transaction.

        Args:
            source: a sequence of records, by a name of its own.
            position: where in it these end; positions grow.
        Returns:
            False, and nothing is changed, when `source` was read as far as `position` before.
        """
        ...

    def position(self, source: str) -> int:
        """How far a source was read; 0 when it never was."""
        ...

    def spent(self, keys: Sequence[SpendKey]) -> dict[SpendKey, Spend]:
        """The sums of these keys; zeros where nothing was spent."""
        ...

    def list(
        self, project: str, period: str, kind: AllowanceKind | None = None
    ) -> dict[SpendKey, Spend]:
        """The sums of one period, the most expensive first."""
        ...
