"""What a call cost: the price that was valid for its model when it was made.

In: the shipped table and what the user says, which wins. Out: a `Price`, or None: a model that is
not known is unpriced, never guessed and never free. Does no I/O after construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Literal, NamedTuple

import msgspec

from trimtab.errors import ConfigError
from trimtab.models.names import Name, read_name, variants
from trimtab.models.table import PricedModel, shipped_table
from trimtab.records import Price, Usage, cost_usd

_ALWAYS = -(2**63)
_REMEMBERED = 10_000  # names come from outside: what is remembered of them is bounded
_ABSURD_USD = Decimal(1_000_000_000)

# Makers are found by a model's name alone; hosts of other people's models must be named.
_MAKERS = (
    *("openai", "anthropic", "google", "mistral", "cohere"),
    *("deepseek", "xai", "meta", "moonshot", "voyage"),
)

_Dated = tuple[tuple[int, Price | None], ...]  # (valid from, in ns; the price): first match holds


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A price that the user gives.

    Args:
        model: the name as it arrives; of a model of the table it means its other names as well.
        provider: who serves it; None for whoever does.
        since: the first day (UTC) it holds; None for always. Before it, the table holds.
        price: what it costs; zeros for a model that is free.
    """

    model: str
    price: Price
    provider: str | None = None
    since: date | None = None


class Cost(NamedTuple):
    """US dollars, and who says so: the client, or a price. Both are None for an unpriced call."""

    cost_usd: Decimal | None
    source: Literal["given", "table"] | None


class Prices:
    """Prices by model, provider and time. A change is a new value: `with_overrides`.

    >>> noon = 1_767_225_600_000_000_000  # 2026-01-01
    >>> Prices.shipped().lookup("gpt-4o-mini-2024-07-18", "openai", noon).output
    Decimal('0.6')
    >>> Prices.shipped().lookup("llama3", "ollama", noon) is None
    True
    """

    __slots__ = ("_models", "_own", "_seen", "_shipped")

    def __init__(
        self,
        models: Iterable[PricedModel],
        overrides: Iterable[Override] = (),
        *,
        named: Mapping[Name, _Dated] | None = None,
    ) -> None:
        self._models = tuple(models)
        self._shipped = _by_name(self._models) if named is None else named
        self._own = _own_by_name(overrides, self._shipped)
        self._seen: dict[tuple[str, str | None], _Dated] = {}

    @classmethod
    @cache
    def shipped(cls) -> Prices:
        """The prices of the table that this release ships."""
        return cls(shipped_table().models)

    def with_overrides(self, overrides: Iterable[Override]) -> Prices:
        """These models, with the given overrides instead of those held so far.

        Raises:
            ConfigError: two overrides give the same model a price from the same day.
        """
        return Prices(self._models, overrides, named=self._shipped)

    @property
    def models(self) -> tuple[PricedModel, ...]:
        """The table's models, without overrides."""
        return self._models

    def lookup(self, model: str, provider: str | None, at_ns: int) -> Price | None:
        """The price of a model at a time; None when it has none.

        Args:
            model: its name as it arrived: with prefixes, dates, aliases.
            provider: as the client calls it; None when it does not say.
            at_ns: when the call was made, in nanoseconds since 1970 (UTC).
        """
        dated = self._seen.get((model, provider))
        if dated is None:
            dated = self._remember(model, provider)
        for since_ns, price in dated:
            if at_ns >= since_ns:
                return price
        return None

    def _remember(self, model: str, provider: str | None) -> _Dated:
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        dated = self._seen[model, provider] = self._find(read_name(model, provider))
        return dated

    def _find(self, name: Name) -> _Dated:
        """What is said of a name, in order: for its provider, for any provider, in the table."""
        for label in variants(name):
            layers = (
                self._own.get(Name(name.provider, label), ()),
                self._own.get(Name(None, label), ()),
                _of_table(self._shipped, Name(name.provider, label)),
            )
            if any(layers):
                return tuple(chain(*layers))  # the first that has begun holds
        return ()


def price_call(
    prices: Prices,
    *,
    model: str | None,
    provider: str | None,
    at_ns: int,
    usage: Usage | None,
    given_usd: Decimal | None = None,
) -> Cost:
    """What a call cost. A cost that the client gave wins, unless no call can have it.

    >>> call = {"model": "gpt-4o", "provider": "openai", "at_ns": 1_767_225_600_000_000_000}
    >>> price_call(Prices.shipped(), **call, usage=Usage(input=1000, output=100))
    Cost(cost_usd=Decimal('0.003500000'), source='table')
    >>> price_call(Prices.shipped(), **call, usage=None, given_usd=Decimal("0.02")).source
    'given'
    """
    if given_usd is not None and given_usd.is_finite() and 0 <= given_usd < _ABSURD_USD:
        return Cost(given_usd, "given")
    if not model or usage is None:
        return Cost(None, None)
    cost = cost_usd(usage, prices.lookup(model, provider, at_ns))
    return Cost(cost, None if cost is None else "table")


def _by_name(models: Iterable[PricedModel]) -> dict[Name, _Dated]:
    found: dict[Name, _Dated] = {}
    for model in models:
        newest_first = sorted(model.prices, key=lambda entry: entry.since, reverse=True)
        dated = tuple((_ns(entry.since), entry.price) for entry in newest_first)
        for provider in (model.provider, *model.hosts):
            for label in (model.id, *model.aliases):
                found[read_name(label, provider)] = dated
    return found


def _own_by_name(
    overrides: Iterable[Override], shipped: Mapping[Name, _Dated]
) -> dict[Name, _Dated]:
    """Overrides under every name that they are for, newest first."""
    found: dict[Name, dict[int, Price | None]] = {}
    for override in overrides:
        name = read_name(override.model, override.provider)
        since = _ALWAYS if override.since is None else _ns(override.since)
        if since in found.setdefault(name, {}):
            raise ConfigError(
                f"two prices for `{override.model}` begin on the same day",
                where="prices",
                fix="give one of them another `since`, or remove it",
            )
        found[name][since] = override.price
    named = {name: tuple(sorted(dated.items(), reverse=True)) for name, dated in found.items()}
    return _with_aliases(named, shipped)


def _with_aliases(named: dict[Name, _Dated], shipped: Mapping[Name, _Dated]) -> dict[Name, _Dated]:
    """An override of one name of a model is for its other names, unless they have their own."""
    spread = dict(named)
    for name, dated in named.items():
        table = _of_table(shipped, name)
        for other, theirs in shipped.items():
            if theirs is table:
                same = Name(None, other.id) if name.provider is None else other
                if same.provider in (None, name.provider):
                    spread.setdefault(same, dated)
    return spread


def _of_table(shipped: Mapping[Name, _Dated], name: Name) -> _Dated:
    if name.provider is not None:
        return shipped.get(name, ())
    for maker in _MAKERS:
        if found := shipped.get(Name(maker, name.id)):
            return found
    return ()


def _ns(day: date) -> int:
    """The first nanosecond of a day, UTC."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(start.timestamp()) * 1_000_000_000
