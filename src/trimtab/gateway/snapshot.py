"""Snapshot: everything the gateway needs to answer, immutable, swapped whole.

Built by the composition root whenever releases change; read by every request without a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from trimtab.errors import NotFound
from trimtab.ports import Provider, Retriever, Template
from trimtab.records import ModelCard, Release


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A model that can be called: who offers it, and the name it has there."""

    provider: Provider
    model: str
    card: ModelCard


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A release made ready to answer: prompt compiled, retriever built, targets looked up.

    `parameters` are the prompt's, with the release's own over them.
    """

    release: Release
    parameters: Mapping[str, Any] = {}
    template: Template | None
    retriever: Retriever | None
    targets: tuple[Target, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will answer one request."""

    target: Target
    deployment: Deployment | None = None


class Snapshot:
    """Routes, releases and models by the names an application may ask for.

    Args:
        providers: by name; `provider/model` reaches a provider's model directly.
        deployments: releases that may answer, of every project.
    """

    def __init__(
        self, providers: Mapping[str, Provider], deployments: Iterable[Deployment] = ()
    ) -> None:
        self._providers = dict(providers)
        self.cards = {card.id: card for provider in providers.values() for card in provider.cards()}
        self._deployments: dict[tuple[str, str], Deployment] = {}
        for deployment in deployments:
            release = deployment.release
            self._deployments[release.project, release.ref] = deployment
            if release.state == "live":
                self._deployments[release.project, release.route] = deployment

    def plan(self, project: str, name: str) -> Plan:
        """What answers to a name: a route, `route@version`, or `provider/model`.

        Raises:
            NotFound: names the close matches and where to look.
        """
        deployment = self._deployments.get((project, name))
        if deployment is not None:
            return Plan(target=deployment.targets[0], deployment=deployment)
        target = self.target(name)
        if target is not None:
            return Plan(target=target)
        close = get_close_matches(name[:200], self.names(project), n=3)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        raise NotFound(
            f"no route or model {name[:200]!r}",
            where="model",
            fix=f"{hint}GET /v1/models lists them",
        )

    def target(self, model: str) -> Target | None:
        """The model `provider/name`; known without a card where its provider lists none."""
        owner, _, name = model.partition("/")
        provider = self._providers.get(owner)
        if provider is None or not name:
            return None
        card = self.cards.get(model)
        if card is None:
            if provider.cards():
                return None
            card = ModelCard(id=model, provider=owner)
        return Target(provider=provider, model=name, card=card)

    def names(self, project: str) -> list[str]:
        """Everything a project may ask for: its live routes, then the models."""
        routes = sorted(
            name for owner, name in self._deployments if owner == project and "@" not in name
        )
        return routes + sorted(self.cards)
