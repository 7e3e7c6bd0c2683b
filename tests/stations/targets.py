"""Targets and routes for the tests of routing: no provider behind them is ever called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.gateway.compiling import compile_route
from trimtab.gateway.routing import CompiledRoute
from trimtab.gateway.target import Target
from trimtab.records import ModelCard, ModelTarget, Price, Release, Route


class Nobody:
    """A provider that only has a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def cards(self) -> Sequence[ModelCard]:
        return ()

    def speaks(self, model: str) -> Sequence[str]:
        return ()

    async def send(self, call: object) -> Any:
        raise AssertionError("no test of routing calls a provider")

    async def aclose(self) -> None:
        return


def target(model: str, price: tuple[str, str] | None = None) -> Target:
    provider, _, name = model.partition("/")
    priced = Price(input=Decimal(price[0]), output=Decimal(price[1])) if price else None
    card = ModelCard(id=model, provider=provider, price=priced)
    return Target(provider=Nobody(provider), model=name, card=card)


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    release: Release
    targets: tuple[Target, ...]
    shortage: str | None = None


def deployed(
    route: str, version: int, state: Any, *models: str, share: float | None = None
) -> Deployed:
    targets = tuple(ModelTarget(model=model) for model in models)
    release = Release(
        release_id=f"{route}-{version}",
        route=route,
        version=version,
        targets=targets,
        state=state,
        share=share,
        digest="",
        created_ns=1,
    )
    return Deployed(release=release, targets=tuple(target(model) for model in models))


class Known:
    """Every `provider/model` of the providers p, q, r and s; the routes and releases of a test."""

    def __init__(
        self,
        routes: Iterable[Route] = (),
        deployments: Iterable[Deployed] = (),
        prices: dict[str, tuple[str, str]] | None = None,
    ) -> None:
        self._routes = {name: route for route in routes for name in (route.name, *route.aliases)}
        self._deployments = list(deployments)
        self._prices = prices or {}

    def target(self, model: str) -> Target | None:
        if model[:2] not in {"p/", "q/", "r/", "s/"}:
            return None
        return target(model, self._prices.get(model))

    def route(self, name: str) -> Route | None:
        return self._routes.get(name)

    def deployments(self, route: str) -> list[Deployed]:
        return [known for known in self._deployments if known.release.route == route]

    def names(self) -> list[str]:
        return [*self._routes, "p/small", "p/large"]


def route(*models: str | tuple[str, float], name: str = "support", **fields: Any) -> Route:
    """A route; a model is a name, or a name and a weight."""
    targets = tuple(
        ModelTarget(model=model)
        if isinstance(model, str)
        else ModelTarget(model=model[0], weight=model[1])
        for model in models
    )
    return Route(name=name, targets=targets, **fields)


def compiled(*models: str | tuple[str, float], **fields: Any) -> CompiledRoute:
    prices = fields.pop("prices", None)
    return compile_route(route(*models, **fields), Known(prices=prices))
