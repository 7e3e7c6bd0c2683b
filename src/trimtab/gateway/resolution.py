"""Resolution: what will answer one request, as the snapshot has it ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.gateway.routing import Arm, CompiledRoute
from trimtab.gateway.target import Target
from trimtab.ports import Retriever, Template
from trimtab.records import Release, RouteGuards


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A release made ready to answer: prompt compiled, retriever built, targets looked up.

    `parameters` are the prompt's, with the release's own over them. `missing` are models it names
    that no provider offers; the others answer without them. `guards` names the policy of its calls
    where it has one of its own.
    """

    release: Release
    parameters: Mapping[str, Any] = {}
    template: Template | None
    retriever: Retriever | None
    targets: tuple[Target, ...]
    missing: tuple[str, ...] = ()
    guards: RouteGuards | None = None

    @property
    def shortage(self) -> str | None:
        """What to say of models that are missing, and what to do."""
        if not self.missing:
            return None
        return (
            f"{self.release.ref} answers without {', '.join(self.missing)}, which no provider"
            " offers; set one up that does, or make a release without it"
        )


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """What will answer one request: an arm of a route, and the release it is, if it is one.

    `prompt` is one that was asked for by its name. `is_route` False: the model has no route, and
    is asked by its own name.
    """

    compiled: CompiledRoute
    arm: Arm
    deployment: Deployment | None = None
    prompt: Template | None = None
    is_route: bool = True

    @property
    def route(self) -> str | None:
        return self.compiled.route.name if self.is_route else None

    @property
    def name(self) -> str:
        """What was asked for, in the words of whoever set it up."""
        if self.deployment is not None:
            return self.deployment.release.route
        return self.prompt.prompt.name if self.prompt is not None else self.compiled.route.name

    @property
    def template(self) -> Template | None:
        """The prompt that goes before the request, the release's or the one asked for."""
        return self.deployment.template if self.deployment is not None else self.prompt

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the release or the prompt decides beside the words."""
        if self.deployment is not None:
            return self.deployment.parameters
        return self.prompt.prompt.parameters if self.prompt is not None else {}

    @property
    def guards(self) -> RouteGuards | None:
        """The policy of guards: the release's, or else the route's; None is the project's."""
        own = self.deployment.guards if self.deployment is not None else None
        return own if own is not None else self.compiled.route.guards

    @property
    def is_chain(self) -> bool:
        """Whether calling the model is only a part of what is done for the request."""
        return self.deployment is not None or self.prompt is not None
