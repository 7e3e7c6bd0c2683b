"""Releasing: what the lifecycle of releases has to know of the rest of the application."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from trimtab.app.answerable import policy_version
from trimtab.app.front import Front
from trimtab.config import Config
from trimtab.ports import TelemetryStore
from trimtab.records import Route, Run, Verdict, VirtualKey
from trimtab.releases.following import Following, Sources
from trimtab.releases.learning import Learning, Shelves
from trimtab.releases.lifecycle import Lifecycle
from trimtab.releases.rules import Rule, Rules


def rules_of(config: Config) -> Rules:
    """What the configuration asks of a release before it answers."""
    said = config.releases
    return Rules(
        live=Rule(approvals=said.approvals),
        environments={
            one.name: Rule(approvals=one.approvals, gate=one.gate) for one in said.environments
        },
    )


def person_of(keys: Iterable[VirtualKey], project: str, principal: str) -> str:
    """Who is behind a principal: the user of a virtual key, or else the principal itself."""
    for key in keys:
        if key.project == project and key.name == principal:
            return key.user or principal
    return principal


def own_lifecycle(front: Front, confirmed: Callable[[Run], Verdict]) -> Lifecycle:
    """The moves of the releases of one server."""
    metadata = front.metadata
    return Lifecycle(
        releases=metadata.releases,
        prompts=metadata.prompts,
        runs=metadata.runs,
        confirmed=confirmed,
        clock=front.clock,
        rules=lambda: rules_of(front.config),
        person=lambda project, who: person_of(front.settings.keys, project, who),
        policy=lambda project, name: policy_version(front.guarding, project, name),
    )


def own_following(front: Front, telemetry: TelemetryStore, lifecycle: Lifecycle) -> Following:
    """What watches the canaries of one server."""
    sources = Sources(
        telemetry=telemetry,
        releases=front.metadata.releases,
        lifecycle=lifecycle,
        routes=lambda project, name: front.settings.routes.get((project, name)),
        arrived=front.tracing.flush,
        moved=front.refresh,
    )
    return Following(sources, front.clock, blind_s=lambda: front.config.releases.watch.blind_s)


def own_learning(front: Front, telemetry: TelemetryStore) -> Learning:
    """What moves the shares of the splits of one server."""

    def routes() -> Collection[Route]:
        """Those in use at this moment."""
        return front.settings.routes.values()

    shelves = Shelves(
        telemetry=telemetry,
        metadata=front.metadata,
        routes=routes,
        arrived=front.tracing.flush,
        changed=front.refresh,
    )
    return Learning(shelves, front.clock)
