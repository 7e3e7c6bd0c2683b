"""Asker: who asks, with everything that limits them, made ready once for many requests.

In: allowances and the catalogue of a project, as the snapshot has them. Out: the quotas that one
request takes from. No I/O.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from trimtab.gateway.patterns import Catalogue, Patterns
from trimtab.ports import Quota, Spend, SpendKey
from trimtab.records import Allowance, ApprovedModel
from trimtab.records.access import EACH, AllowanceKind

NANO_USD = 1_000_000_000
DAY_NS = 86_400 * 1_000_000_000
_DAY_S = 86_400.0
_MOST_ASKERS = 100_000
# A day or month that is over is settled by requests that are still under way.
_KEEP_S = {"daily": 3 * _DAY_S, "monthly": 35 * _DAY_S}
_PLACES_KEEP_S = 2 * _DAY_S

_NO_NAMES: Mapping[str, str] = {}

REQUESTS, TOKENS, MONEY, PLACES = range(4)
_Who = tuple[str, str | None, str | None, str | None, str | None, tuple[str, ...] | None]
Chain = tuple[tuple[AllowanceKind, str | None], ...]


class Part(NamedTuple):
    """One thing that a request takes: from which quota, in which unit, of which node."""

    quota: Quota
    unit: int
    node: Node
    limit: str  # the field of `Allowance`
    ends_ns: int | None = None  # of a budget's period
    warns_at: float = math.inf  # what must be used of it for a warning


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Whose limit it is, in an error: `name` is for people, `id` is what allowances are set by."""

    kind: str
    id: str
    name: str

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"


class Node:
    """A key, user, team or project with its allowance, which may be the one for each of its kind.

    `kind` is `principal` for the limit that the configuration sets for everybody. `name` is what
    counts, the id of a key; `label` is for people and says what they call it.
    """

    __slots__ = ("_fixed", "allowance", "facts", "kind", "label", "name", "patterns")

    def __init__(
        self,
        kind: AllowanceKind | Literal["principal"],
        name: str,
        allowance: Allowance,
        *,
        called: str | None = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.allowance = allowance
        self.facts = Facts(kind=kind, id=name, name=called or name)
        self.label = self.facts.label
        self.patterns = None if allowance.models is None else Patterns(allowance.models)
        self._fixed = tuple(self._rates())

    def parts(self, day: str, spent: Mapping[SpendKey, Spend]) -> list[Part]:
        """Everything a request takes of this node on a UTC day."""
        allowance = self.allowance
        parts = list(self._fixed)
        for limit, usd, period in (
            ("daily_usd", allowance.daily_usd, day),
            ("monthly_usd", allowance.monthly_usd, day[:7]),
        ):
            if usd is not None:
                key = SpendKey(allowance.project, allowance.kind, self.name, period)
                taken = spent[key].cost_nano_usd if key in spent else 0
                parts.append(self._budget(limit, usd, period, taken))
        return parts

    def _rates(self) -> Iterable[Part]:
        allowance = self.allowance
        for limit, unit, count in (
            ("concurrency", PLACES, allowance.concurrency),
            ("requests_per_minute", REQUESTS, allowance.requests_per_minute),
            ("tokens_per_minute", TOKENS, allowance.tokens_per_minute),
        ):
            if count is not None:
                rate_per_s = 0.0 if unit == PLACES else count / 60
                quota = Quota(self._key(limit), count, rate_per_s, keep_s=_PLACES_KEEP_S)
                yield Part(quota, unit, self, limit)

    def _budget(self, limit: str, usd: Decimal, period: str, taken: int) -> Part:
        # Nothing that costs anything fits into a budget of 0, what is free does.
        capacity = max(int(usd * NANO_USD), 0.5)
        keep_s = _KEEP_S[limit.removesuffix("_usd")]
        key = f"{self._key(limit)}:{period}"
        quota = Quota(key, capacity, keep_s=keep_s, taken=taken)
        warns_at = max(1.0, capacity * self.allowance.soft)
        return Part(quota, MONEY, self, limit, _end_ns(period), warns_at)

    def _key(self, limit: str) -> str:
        return f"{limit}:{self.allowance.project}:{self.kind}:{self.name}"


class Asker:
    """Who asks: nodes from the key up to the project, and what the project approves.

    Made by `Askers.asker`. `models` restricts the key itself.
    """

    __slots__ = (
        "_day", "_parts", "_spent", "catalogue", "facts", "models", "nodes", "project", "who",
    )  # fmt: skip

    def __init__(
        self,
        facts: Facts,
        project: str,
        nodes: tuple[Node, ...],
        *,
        who: _Who,
        models: Patterns | None,
        catalogue: Catalogue,
        spent: Mapping[SpendKey, Spend],
    ) -> None:
        self.who = who
        self.facts = facts
        self.project = project
        self.nodes = nodes
        self.models = models
        self.catalogue = catalogue
        self._spent = spent
        self._day = ""
        self._parts: tuple[Part, ...] = ()

    def parts(self, day: str) -> tuple[Part, ...]:
        """Everything one request takes on a UTC day, its place first."""
        if day != self._day:
            parts = [part for node in self.nodes for part in node.parts(day, self._spent)]
            self._parts = tuple(sorted(parts, key=lambda part: part.unit != PLACES))
            self._day = day
        return self._parts

    def refusing(self, model: str) -> tuple[Facts, Patterns] | None:
        """Whose patterns leave out a name that was asked for; None when it may be asked for."""
        if self.models is not None and not self.models.match(model):
            return self.facts, self.models
        for node in self.nodes:
            if node.patterns is not None and not node.patterns.match(model):
                return node.facts, node.patterns
        return None

    def priced_only(self) -> Node | None:
        """The first node that refuses calls without a known price."""
        for node in self.nodes:
            if node.allowance.unpriced == "deny":
                return node
        return None


class Askers:
    """All allowances and catalogues, and from them the asker of each caller.

    Args:
        spent: what was spent in the current periods before this process began, by node; it counts
            where the limiter has not heard of a budget yet.
        requests_per_minute: of every principal, whatever its allowances; None for no such limit.
        names: what people call keys, by their ids; others are told by the id.
    """

    def __init__(
        self,
        allowances: Iterable[Allowance] = (),
        approved: Iterable[ApprovedModel] = (),
        spent: Mapping[SpendKey, Spend] | None = None,
        *,
        requests_per_minute: int | None = None,
        names: Mapping[str, str] = _NO_NAMES,
    ) -> None:
        self._names = names
        self._allowances = {(one.project, one.kind, one.name): one for one in allowances}
        self._nodes: dict[tuple[str, str, str], Node | None] = {}
        self._requests_per_minute = requests_per_minute
        catalogues: dict[str, list[ApprovedModel]] = {}
        for entry in approved:
            catalogues.setdefault(entry.project, []).append(entry)
        self._catalogues = {project: Catalogue(found) for project, found in catalogues.items()}
        self._everything = Catalogue(())
        self._spent = spent or {}
        self._known: dict[_Who, Asker] = {}

    def asker(
        self,
        project: str,
        *,
        key: str | None = None,
        user: str | None = None,
        team: str | None = None,
        principal: str | None = None,
        models: tuple[str, ...] | None = None,
    ) -> Asker:
        """The asker with these names; `models` are the patterns of the key itself."""
        who = (project, key, user, team, principal, models)
        known = self._known.get(who)
        if known is None:
            if len(self._known) >= _MOST_ASKERS:
                self._known.clear()
                self._nodes.clear()
            chain: Chain = (("key", key), ("user", user), ("team", team), ("project", project))
            nodes = [self._node(project, kind, name) for kind, name in chain if name]
            nodes += [self._everybody(project, principal)]
            kind, name = ("key", key) if key else ("project", project)
            known = self._known[who] = Asker(
                Facts(kind=kind, id=name, name=self._called(kind, name)),
                project,
                tuple(node for node in nodes if node is not None),
                who=who,
                models=None if models is None else Patterns(models),
                catalogue=self._catalogues.get(project, self._everything),
                spent=self._spent,
            )
        return known

    def again(self, asker: Asker) -> Asker:
        """Who asks, by these allowances, where an asker is by those of another time."""
        project, key, user, team, principal, models = asker.who
        return self.asker(
            project, key=key, user=user, team=team, principal=principal, models=models
        )

    def _node(self, project: str, kind: AllowanceKind, name: str) -> Node | None:
        at = (project, kind, name)
        if at not in self._nodes:
            own = self._allowances.get(at) or self._allowances.get((project, kind, EACH))
            called = self._called(kind, name)
            self._nodes[at] = None if own is None else Node(kind, name, own, called=called)
        return self._nodes[at]

    def _called(self, kind: str, name: str) -> str:
        return self._names.get(name, name) if kind == "key" else name

    def _everybody(self, project: str, principal: str | None) -> Node | None:
        if principal is None or self._requests_per_minute is None:
            return None
        allowance = Allowance(
            project=project,
            kind="key",
            name=principal,
            requests_per_minute=self._requests_per_minute,
        )
        return Node("principal", principal, allowance)


def day_of(now_ns: int) -> str:
    """The UTC day, ISO 8601.

    >>> day_of(1_763_683_200_000_000_000)
    '2025-11-21'
    """
    return datetime.fromtimestamp(now_ns // 1_000_000_000, tz=UTC).date().isoformat()


def _end_ns(period: str) -> int:
    """The end of a UTC day or month in Unix nanoseconds."""
    if len(period) > 7:
        return (
            int(datetime.fromisoformat(f"{period}T00:00:00Z").timestamp()) * 1_000_000_000 + DAY_NS
        )
    year, month = int(period[:4]), int(period[5:])
    first = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * 1_000_000_000
