"""Snapshot: everything the gateway needs to answer, immutable, swapped whole.

Built by the composition root whenever releases or routes change; read by every request without a
lock. A route that cannot answer says why when it is asked, and takes no other down with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches

import msgspec

from trimtab.errors import InvalidRequest, NotFound, TrimtabError
from trimtab.gateway.compiling import compile_route, direct, pinned
from trimtab.gateway.known_prompts import KnownPrompts, NoPrompts
from trimtab.gateway.resolution import Deployment, Resolution
from trimtab.gateway.routing import Arm, CompiledRoute
from trimtab.gateway.target import Target
from trimtab.ports import Provider, Template
from trimtab.records import ModelCard, Price, Release, Route
from trimtab.records.route import RouteDefaults

_MOST_UNLISTED = 1024  # models that no provider lists, of which the compiled form is kept
_DEFAULTS = RouteDefaults()


def _unpriced(_model: str, _provider: str) -> Price | None:
    return None


Choose = Callable[[CompiledRoute], Arm]


class Snapshot:
    """Routes, releases and models by the names an application may ask for.

    Args:
        providers: by name; `provider/model` reaches a provider's model directly.
        deployments: releases that may answer, of every project.
        routes: how names are answered; a route with releases needs none.
        prompts: those that requests may name.
        default_model: the model or route that answers prompts which name none.
        defaults: retries, timeouts and breaker where no route says.
        price: of a model and its provider, for those that no provider lists.

    `warnings` say which routes cannot answer, or not as they were written.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        deployments: Iterable[Deployment] = (),
        routes: Iterable[Route] = (),
        *,
        prompts: KnownPrompts | None = None,
        default_model: str | None = None,
        defaults: RouteDefaults = _DEFAULTS,
        price: Callable[[str, str], Price | None] = _unpriced,
    ) -> None:
        self.warnings: list[str] = []
        self._price = price
        self._prompts = prompts or NoPrompts()
        self._default_model = default_model
        self._providers = dict(providers)
        self.defaults = defaults
        self.cards = {card.id: card for provider in providers.values() for card in provider.cards()}
        self._models = {
            model: direct(target, defaults)
            for model in self.cards
            if (target := self.target(model))
        }
        self._unlisted: dict[str, CompiledRoute] = {}
        self._deployments = {(one.release.project, one.release.ref): one for one in deployments}
        self._projects: dict[str, _Project] = {}
        for route in routes:
            self._project(route.project).add(route)
        for one in self._deployments.values():
            self._project(one.release.project).deploy(one)
        for project in self._projects.values():
            project.compile()

    def is_cold(self, project: str, name: str) -> bool:
        """Whether `resolve` would compile a prompt. Raises RouteUnavailable, as it does."""
        return self._prompts.is_cold(project, name) and self._named(project, name, None) is None

    def resolve(
        self,
        project: str,
        name: str,
        choose: Choose | None = None,
        *,
        prompt_model: str | None = None,
        prompt: Template | None = None,
    ) -> Resolution:
        """What answers to a name: a route, an alias, `route@version`, `provider/model`, a prompt.

        Args:
            choose: picks the arm of a route that has several; by default the main one.
            prompt_model: the model or route that answers, where the name is a prompt's.
            prompt: is what the name is to answer; it need not be stored.
        Raises:
            NotFound: names the close matches and where to look.
            RouteUnavailable: the route cannot answer, and why.
            InvalidRequest: a prompt without a model.
        """
        if prompt is not None:
            return self._prompted(project, prompt, name, choose, where="model")
        resolution = self._named(project, name, choose)
        if resolution is not None:
            return resolution
        prompt = self._prompts.find(project, name)
        if prompt is not None:
            return self._prompted(project, prompt, prompt_model or self._default_model, choose)
        raise self._prompts.lacking(project, name) or self._unknown(project, name, "model")

    def _named(self, project: str, name: str, choose: Choose | None) -> Resolution | None:
        known = self._projects.get(project)
        compiled = known.find(name) if known is not None else None
        if compiled is not None:
            arm = choose(compiled) if choose is not None else compiled.main
            deployment = self._deployments.get((project, arm.ref)) if arm.ref else None
            return Resolution(compiled=compiled, arm=arm, deployment=deployment)
        compiled = self._models.get(name) or self._direct(name)
        if compiled is not None and compiled.main is not None:
            return Resolution(compiled=compiled, arm=compiled.main, is_route=False)
        return None

    def _prompted(
        self,
        project: str,
        prompt: Template,
        model: str | None,
        choose: Choose | None,
        *,
        where: str = "trimtab.model",
    ) -> Resolution:
        """A prompt over a model. Of a route only its models are used, not a prompt of its own."""
        if model is None:
            raise InvalidRequest(
                f"{prompt.prompt.ref} is a prompt, and no model is named to answer it",
                where="trimtab.model",
                fix='send {"trimtab": {"model": "provider/model"}} or the header x-trimtab-model, '
                "or set gateway.default_model",
            )
        resolution = self._named(project, model, choose)
        if resolution is None:
            raise self._unknown(project, model, where)
        return msgspec.structs.replace(resolution, deployment=None, prompt=prompt)

    def _unknown(self, project: str, name: str, where: str) -> NotFound:
        close = get_close_matches(name[:200], self.names(project), n=3)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        return NotFound(
            f"no route or model {name[:200]!r}",
            where=where,
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
            card = ModelCard(id=model, provider=owner, price=self._price(name, owner))
        return Target(provider=provider, model=name, card=card)

    def resolve_provider(self, name: str | None) -> Resolution:
        """For a request that names no model: the provider named, or the only one that takes it.

        Raises:
            InvalidRequest: there are several, or none.
        """
        able = {
            known: provider
            for known, provider in self._providers.items()
            if "passthrough" in provider.speaks("")
        }
        if name is None and len(able) == 1:
            (name,) = able
        if name is None or name not in able:
            raise InvalidRequest(
                "the request names no model, so it must name a provider"
                if name is None
                else f"the provider {name[:100]!r} takes no requests without a model",
                where="x-trimtab-provider",
                fix=f"send the header with one of {', '.join(sorted(able)) or '(none is set up)'}",
            )
        card = ModelCard(id=f"{name}/-", provider=name)
        return self.resolve_target(Target(provider=able[name], model="", card=card))

    def resolve_target(self, target: Target) -> Resolution:
        """A target on its own, whatever routes there are."""
        compiled = direct(target, self.defaults)
        return Resolution(compiled=compiled, arm=compiled.main, is_route=False)

    def names(self, project: str) -> list[str]:
        """Everything a project may ask for: its routes that answer, then the models."""
        known = self._projects.get(project)
        routes = known.names() if known is not None else []
        return sorted(routes) + sorted(self.cards)

    def routes(self, project: str) -> Mapping[str, CompiledRoute | TrimtabError]:
        """Each route of a project as it answers, or why it cannot."""
        known = self._projects.get(project)
        return known.routes() if known is not None else {}

    def _project(self, name: str) -> _Project:
        if name not in self._projects:
            self._projects[name] = _Project(self)
        return self._projects[name]

    def _direct(self, name: str) -> CompiledRoute | None:
        found = self._unlisted.get(name)
        if found is None and (target := self.target(name)) is not None:
            found = direct(target, self.defaults)
            if len(self._unlisted) < _MOST_UNLISTED:
                self._unlisted[name] = found
        return found


class _Project:
    """The routes of one project; implements `compiling.Names`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._settings: dict[str, Route] = {}
        self._aliases: dict[str, str] = {}
        self._deployed: dict[str, list[Deployment]] = {}
        self._compiled: dict[str, CompiledRoute] = {}
        self._broken: dict[str, TrimtabError] = {}

    def add(self, route: Route) -> None:
        self._settings[route.name] = route
        self._aliases |= dict.fromkeys(route.aliases, route.name)

    def deploy(self, deployment: Deployment) -> None:
        self._deployed.setdefault(deployment.release.route, []).append(deployment)

    def compile(self) -> None:
        for name, deployed in self._deployed.items():
            route = self._settings.get(name) or self._plain(deployed[0].release)
            for one in deployed:
                self._compiled[one.release.ref] = pinned(route, one, self._snapshot.defaults)
        for name in {*self._settings, *self._deployed}:
            try:
                found = self.route(name)
                if found is not None:
                    compiled = compile_route(found, self, self._snapshot.defaults)
                    self._compiled[name] = compiled
                    self._snapshot.warnings.extend(compiled.warnings)
            except TrimtabError as error:
                self._broken[name] = error
                if name in self._settings:
                    self._snapshot.warnings.append(str(error))
        for alias, name in self._aliases.items():
            if name in self._compiled:
                self._compiled.setdefault(alias, self._compiled[name])

    def find(self, name: str) -> CompiledRoute | None:
        """Raises what is wrong with a route that was set up and cannot answer."""
        compiled = self._compiled.get(name)
        if compiled is None and self._broken:
            name = self._aliases.get(name, name)
            if name in self._broken and name in self._settings:
                raise self._broken[name]
        return compiled

    def routes(self) -> Mapping[str, CompiledRoute | TrimtabError]:
        working = {name: found for name, found in self._compiled.items() if "@" not in name}
        broken = {name: why for name, why in self._broken.items() if name in self._settings}
        return {**working, **broken}

    # -- compiling.Names -----------------------------------------------------------------------

    def target(self, model: str) -> Target | None:
        return self._snapshot.target(model)

    def route(self, name: str) -> Route | None:
        name = self._aliases.get(name, name)
        if name in self._settings:
            return self._settings[name]
        releases = [one.release for one in self._deployed.get(name, ())]
        if any(one.state == "live" or one.live_in for one in releases):
            return self._plain(self._deployed[name][0].release)
        return None

    def deployments(self, route: str) -> Sequence[Deployment]:
        return self._deployed.get(route, ())

    def names(self) -> Sequence[str]:
        return [name for name in self._compiled if "@" not in name]

    def _plain(self, release: Release) -> Route:
        """The route of a release for which nothing was set up."""
        return Route(project=release.project, name=release.route)


__all__ = ["Deployment", "Snapshot", "Target"]
