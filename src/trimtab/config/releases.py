"""What the file says of releases: who must have approved them before they answer, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

_MOST_APPROVALS = 10


def _named(environment: ReleaseEnvironment) -> str | None:
    name = environment.name
    if not name.strip() or not name.isprintable() or "@" in name:
        return "must have a `name` that can be shown, without @"
    return None


def _separate_environments(entries: Sequence[ReleaseEnvironment | None]) -> str | None:
    named = [one.name for one in entries if one is not None]
    twice = next((name for name in named if named.count(name) > 1), None)
    return None if twice is None else f"must not have two environments with the name {twice!r}"


class ReleaseEnvironment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a release needs before it answers the calls of one environment."""

    name: Annotated[
        str, Meta(min_length=1, max_length=100, description="As calls name it: staging.")
    ]
    approvals: Annotated[
        int, Meta(ge=0, le=_MOST_APPROVALS, description="How many other people must approve.")
    ] = 0
    gate: Annotated[
        bool, Meta(description="Whether a run with a passing verdict is needed, or a force.")
    ] = True


class WatchSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for every canary that is watched."""

    blind_s: Annotated[
        Annotated[float, Meta(ge=1, le=604_800)] | None,
        Meta(
            description="Seconds after which a canary whose calls cannot be read is taken back;"
            " null leaves it.",
        ),
    ] = 600.0


class ReleasesSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a release needs before it answers. Without it one person may promote what passed."""

    approvals: Annotated[
        int,
        Meta(
            ge=0,
            le=_MOST_APPROVALS,
            description="How many people, other than its author and whoever promotes it, must have"
            " approved a release before it goes live.",
        ),
    ] = 0
    environments: Annotated[
        tuple[Annotated[ReleaseEnvironment, Meta(extra={"check": _named})], ...],
        Meta(
            description="Environments with rules of their own; any other has those of what is"
            " live, and must have been answered in before.",
            extra={"check": _separate_environments},
        ),
    ] = ()
    watch: Annotated[
        WatchSection, Meta(description="What holds for every canary that is watched.")
    ] = WatchSection()
