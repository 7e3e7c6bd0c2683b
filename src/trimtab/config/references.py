"""References: whether the names that a configuration uses lead anywhere.

A server starts with names that lead nowhere and passes them over; whoever wrote them wants to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from difflib import get_close_matches
from typing import NamedTuple

from trimtab.config.checks import RESERVED_NAME, is_local_embedder
from trimtab.config.load import Loaded
from trimtab.config.problem import Problem, config_error
from trimtab.config.schema import Config
from trimtab.config.tree import Place
from trimtab.records import Route

BUILT_IN = frozenset({"extract"})
"""The models of the provider `trimtab`."""


class Reference(NamedTuple):
    """A name that leads nowhere; `certain` is False where the API may still give it a meaning."""

    key: str
    what: str
    fix: str
    certain: bool = True


def require_references(loaded: Loaded) -> list[str]:
    """Warnings about names that lead nowhere as far as the configuration can tell.

    Raises:
        ConfigError: a name leads nowhere whatever is made through the API.
    """
    found = list(dead_ends(loaded.config))
    problems = [
        Problem(
            f"`{one.key}`: {one.what}", _place(loaded.origins.get(one.key, "")), one.key, one.fix
        )
        for one in found
        if one.certain
    ]
    if problems:
        raise config_error(problems)
    return [f"`{one.key}`: {one.what}; {one.fix}" for one in found]


def dead_ends(config: Config) -> Iterator[Reference]:
    """Names in `gateway` that lead nowhere, and settings that lack what they need."""
    gateway = config.gateway
    models = {
        RESERVED_NAME: BUILT_IN,
        **{one.name: frozenset(model.id for model in one.models) for one in config.providers},
    }
    for at, route in enumerate(gateway.routes):
        key = f"gateway.routes[{at}]"
        yield from _of_route(route, key, models, _names(config, route.project))
        if route.cache and route.cache.similarity is not None and not gateway.cache_embedder:
            what = "a similarity needs an embedding model, and none is set"
            fix = "set gateway.cache_embedder, or leave it out"
            yield Reference(f"{key}.cache.similarity", what, fix)
    if gateway.default_model is not None:
        names = {name for route in gateway.routes for name in (route.name, *route.aliases)}
        yield from _of_name(gateway.default_model, "gateway.default_model", models, names)
    if gateway.cache_embedder is not None and not is_local_embedder(gateway.cache_embedder):
        yield from _of_model(gateway.cache_embedder, "gateway.cache_embedder", models)


def _of_route(
    route: Route, key: str, models: Mapping[str, Set[str]], names: Set[str]
) -> Iterator[Reference]:
    if not route.targets:
        what = f"the route {route.name!r} has no targets"
        yield Reference(key, what, "it answers only while a release of it is live", certain=False)
    for at, target in enumerate(route.targets):
        yield from _of_model(target.model, f"{key}.targets[{at}].model", models)
    for at, shadow in enumerate(route.shadows):
        yield from _of_model(shadow.model, f"{key}.shadows[{at}].model", models)
    for at, name in enumerate(route.fallbacks):
        yield from _of_name(name, f"{key}.fallbacks[{at}]", models, names)


def _of_name(
    name: str, key: str, models: Mapping[str, Set[str]], names: Set[str]
) -> Iterator[Reference]:
    """A model, or a route of the file, or one that is made through the API."""
    if "/" in name:
        yield from _of_model(name, key, models)
    elif name not in names:
        what = f"no route of the file is called {name!r}"
        fix = f"{_near(name, names)}it leads nowhere until the API has a route of that name"
        yield Reference(key, what, fix, certain=False)


def _of_model(model: str, key: str, models: Mapping[str, Set[str]]) -> Iterator[Reference]:
    owner, _, name = model.partition("/")
    if not name:
        yield Reference(key, f"{model!r} is not a model", "write provider/model")
    elif owner not in models:
        fix = f"{_near(owner, models)}the providers are {', '.join(sorted(models))}"
        yield Reference(key, f"there is no provider {owner!r}", fix)
    elif models[owner] and name not in models[owner]:
        fix = f"{_near(name, models[owner])}add it to the provider's models"
        yield Reference(key, f"the provider {owner!r} lists no model {name!r}", fix)


def _names(config: Config, project: str) -> set[str]:
    routes = [route for route in config.gateway.routes if route.project == project]
    return {name for route in routes for name in (route.name, *route.aliases)}


def _near(name: str, known: Set[str] | Mapping[str, Set[str]]) -> str:
    close = get_close_matches(name[:200], known, n=1)
    return f"did you mean {close[0]}? " if close else ""


def _place(origin: str) -> Place:
    """Where a setting came from: `trimtab.yaml:12` or `TRIMTAB_GATEWAY`."""
    source, colon, line = origin.rpartition(":")
    return Place(source, int(line)) if colon and line.isdigit() else Place(origin or "trimtab.yaml")
