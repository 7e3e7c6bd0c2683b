"""What one call can cost at most, from the price of its model and the length of its request.

A request and prices go in, dollars come out. Input is bounded by bytes (no tokeniser makes more
tokens than there are bytes), output by the limit that the request sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.client import Client
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx
from trimtab.kit.clock import SystemClock
from trimtab.records import Price
from trimtab.records.model import TieredPrice

LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
PriceOf = Callable[[str], Price | None]

_MILLION = Decimal(1_000_000)
_NOTHING = Decimal(0)
_FRAMING_TOKENS = 32  # of roles and separators, which some models count for each message
_MOST_TARGETS = 50


def worst_usd(request: Mapping[str, Any], price: Price) -> Decimal:
    """The most that a request can cost in US dollars.

    Raises:
        InvalidRequest: nothing limits the length of its answer, or a bucket has no price.

    >>> worst_usd({"messages": [], "max_tokens": 1000}, Price(input=Decimal(1), output=Decimal(2)))
    Decimal('0.002034')
    """
    longest = limit_of(request)
    if longest is None:
        raise InvalidRequest("nothing limits the length of an answer", where="max_tokens")
    messages = request.get("messages") or ()
    beside = {name: request.get(name) for name in ("tools", "response_format")}
    told = len(jsonx.encode(messages)) + _FRAMING_TOKENS * (1 + len(messages))
    told += sum(len(jsonx.encode(value)) for value in beside.values() if value is not None)
    answers = request.get("n") or 1
    return max(_at(each, told, longest * answers) for each in _tiers(price))


def limit_of(request: Mapping[str, Any]) -> int | None:
    """The most tokens that an answer to a request may have; None where it sets no limit."""
    for name in LIMITS:
        value = request.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _at(price: Price, told: int, written: int) -> Decimal:
    read = [price.input, price.cache_read, price.cache_write_5m, price.cache_write_1h]
    write = [price.output, price.reasoning]
    return (_dearest(read) * told + _dearest(write) * written) / _MILLION


def _dearest(prices: Iterable[Decimal | None]) -> Decimal:
    return max((price for price in prices if price is not None), default=_NOTHING)


def _tiers(price: Price) -> Iterable[Price]:
    yield price
    while isinstance(price, TieredPrice):
        price = price.beyond
        yield price


class Prices:
    """The prices of the names that a job asks by: a model's own, or the dearest behind a route.

    Args:
        client: of the server; None knows the shipped prices alone.
    """

    def __init__(self, client: Client | None) -> None:
        self._client = client
        self._known: dict[str, Price | None] = {}
        self._models: dict[str, Mapping[str, Any]] | None = None

    def __call__(self, name: str) -> Price | None:
        """None: it has no price, or one of those behind it has none. Blocks when first asked."""
        if name not in self._known:
            self._known[name] = self._found(name)
        return self._known[name]

    def require(self, names: Iterable[str]) -> None:
        """Raises InvalidRequest for a name without a price: no limit in dollars could hold."""
        for name in dict.fromkeys(names):
            price = self(name)
            if price is None or price.input is None or price.output is None:
                raise InvalidRequest(
                    f"{name} has no price, so that no limit in dollars could hold",
                    where="budget_usd",
                    fix="give it one in the configuration of the server, or limit --calls",
                    model=name,
                )

    def _found(self, name: str) -> Price | None:
        targets = self._targets(name)
        if not targets:
            return self._listed(name) or _shipped(name)
        prices = [self._listed(each) or _shipped(each) for each in targets]
        if any(price is None or None in (price.input, price.output) for price in prices):
            return None
        known = [tier for price in prices if price is not None for tier in _tiers(price)]
        return Price(
            input=_dearest(
                each
                for price in known
                for each in (price.input, price.cache_write_5m, price.cache_write_1h)
            ),
            output=_dearest(each for price in known for each in (price.output, price.reasoning)),
        )

    def _targets(self, name: str) -> list[str]:
        """The models that may answer to a name which is not a model's own."""
        if self._client is None:
            return []
        try:
            routes = self._client.get("/api/v1/routes")["data"]
        except TrimtabError:
            return []
        by_name = {known: one for one in routes for known in (one["name"], *one["aliases"])}
        found, open_ = list[str](), [name]
        seen = set[str]()
        while open_ and len(seen) < _MOST_TARGETS:
            each = open_.pop()
            if each in seen:
                continue
            seen.add(each)
            route = by_name.get(each)
            if route is not None:
                open_ += [target["model"] for target in route["targets"]] + route["fallbacks"]
            elif each != name:
                found.append(each)
        return found

    def _listed(self, name: str) -> Price | None:
        """What the server says that a model costs."""
        price = self._cards().get(name, {}).get("price")
        if not isinstance(price, dict):
            return None
        return msgspec.convert(price, TieredPrice if "above" in price else Price, strict=False)

    def _cards(self) -> Mapping[str, Mapping[str, Any]]:
        if self._models is None:
            self._models = {}
            if self._client is not None:
                with suppress(TrimtabError):
                    listed = self._client.get("/v1/models")["data"]
                    self._models = {row["id"]: row for row in listed}
        return self._models


def _shipped(name: str) -> Price | None:
    from trimtab.models.prices import Prices as Table

    provider, _, model = name.partition("/")
    return Table.shipped().lookup(model or provider, provider, SystemClock().now_ns())
