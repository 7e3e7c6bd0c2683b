"""Answerable: what the gateway could do with a release, a model or a route at this moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from trimtab.app.deploying import Deploying
from trimtab.app.guarding import Guarding
from trimtab.errors import ConfigError, InvalidRequest, NotFound, TrimtabError
from trimtab.gateway.admission import Admission
from trimtab.gateway.asker import day_of
from trimtab.gateway.gateway import Gateway
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.standing import RouteState, states
from trimtab.ports import Clock
from trimtab.records import ModelTarget, Release


class Answerable:
    """Looks at a gateway as it is when it is asked.

    Args:
        deploying: makes releases ready by what the metadata say now.
        guarding: the policies in force.
    """

    def __init__(
        self,
        gateway: Gateway,
        admission: Admission,
        clock: Clock,
        *,
        deploying: Callable[[], Deploying],
        guarding: Callable[[], Guarding],
    ) -> None:
        self._gateway = gateway
        self._admission = admission
        self._clock = clock
        self._deploying = deploying
        self._guarding = guarding

    def routes(self, project: str) -> list[RouteState]:
        """How each route of a project answers now, or why it cannot."""
        catalogue = self._admission.askers.asker(project).catalogue
        day = day_of(self._clock.now_ns())
        return states(
            self._gateway.snapshot.routes(project),
            self._gateway.health.states(),
            lambda model: catalogue.refusal(model, day),
        )

    def require(self, release: Release) -> None:
        """Raises a TrimtabError that says why a release could not answer, or not all of it."""
        deployment = self._deploying().one(release)
        if deployment.missing:
            missing = ", ".join(map(repr, deployment.missing))
            raise NotFound(f"no model {missing}", where=f"release {release.ref}")
        if deployment.retriever is not None:
            deployment.retriever.search("", k=1)

    def warnings(self, release: Release) -> tuple[str, ...]:
        """What of a release leads nowhere, or has changed since, or why it cannot answer."""
        try:
            shortage = self._deploying().one(release).shortage
            found = [shortage] if shortage else []
            if (named := release.guard_policy) is not None:
                now = policy_version(self._guarding(), release.project, named.partition("@")[0])
                if now != named:
                    found.append(f"{release.ref} was made with {named}, and is guarded by {now}")
        except TrimtabError as error:
            return (f"{release.ref} cannot answer: {error}",)
        return (*found, *_untaken(self._gateway.snapshot, release.targets, release.parameters))

    def require_taken(self, targets: Sequence[ModelTarget], parameters: Mapping[str, Any]) -> None:
        """Raises InvalidRequest for a parameter that none of some models takes."""
        asked = {one.model for one in targets}
        for name, models in _refusals(self._gateway.snapshot, targets, parameters).items():
            if asked <= models.keys():
                said = "; ".join(f"{model} {why}" for model, why in models.items())
                raise InvalidRequest(
                    f"no model of this release takes the parameter {name!r}: {said}",
                    where=f"parameters.{name}",
                    fix="leave it out, or name a model that takes it",
                    models=sorted(models),
                )

    def require_model(self, model: str) -> None:
        """Raises InvalidRequest when no provider offers `model`."""
        snapshot = self._gateway.snapshot
        if snapshot.target(model) is None:
            raise InvalidRequest(
                f"no model {model!r}",
                where="targets",
                fix=f"use one of {', '.join(sorted(snapshot.cards))}",
            )


def policy_version(guarding: Guarding, project: str, name: str) -> str:
    """`name@version` of a policy that can be used; the version says the same as long as all of its
    rules do, those of what it extends included.

    Raises:
        InvalidRequest: there is no such policy, or it cannot be used.
    """
    try:
        policy = guarding.policies.named(project, name)
        guarding.require_usable(policy)
    except ConfigError as error:
        raise InvalidRequest(error.what, where="guard_policy", fix=error.fix) from None
    except TrimtabError as error:
        raise InvalidRequest(
            f"the policy {name[:100]!r} cannot be used: {error}", where="guard_policy"
        ) from None
    return f"{name}@{policy.version}"


def _refusals(
    snapshot: Snapshot, targets: Iterable[ModelTarget], parameters: Mapping[str, Any]
) -> dict[str, dict[str, str]]:
    """The parameters that models are known not to take: by name, the models and why."""
    found: dict[str, dict[str, str]] = {}
    for one in targets:
        target = snapshot.target(one.model)
        # Not every provider knows what its models do not take.
        refuses = getattr(target.provider, "refuses", None) if target is not None else None
        if target is None or refuses is None:
            continue
        for name, why in refuses(target.model, parameters).items():
            found.setdefault(name, {})[one.model] = why
    return found


def _untaken(
    snapshot: Snapshot, targets: Iterable[ModelTarget], parameters: Mapping[str, Any]
) -> tuple[str, ...]:
    """What to say of parameters that some of the models do not take."""
    return tuple(
        f"{model} does not take {name!r}: it {why}"
        for name, models in _refusals(snapshot, targets, parameters).items()
        for model, why in models.items()
    )
