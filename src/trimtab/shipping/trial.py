"""The canary of a shipment: begun, waited for, and how it went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from trimtab.client import Client, api_path
from trimtab.kit.clock import NS_PER_S, iso
from trimtab.ports import Clock
from trimtab.records import Approval, Release
from trimtab.records.release import Segment, Watch
from trimtab.shipping.content import read
from trimtab.shipping.declared import CanaryPlan

_LEAST_S = 0.5
_MOST_S = 15.0
_LOOKS = 40  # of a trial, while it goes on

Ending = Literal["well", "taken back", "promoted", "too few calls", "worse", "unseen"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a canary has answered since it began."""

    calls: int = 0
    failed: int = 0

    @property
    def text(self) -> str:
        calls = "1 call" if self.calls == 1 else f"{self.calls} calls"
        return f"{calls}, {self.failed} of them failed" if self.failed else calls


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How a canary went: how it ended, why, and what it had answered.

    `standings` says of each figure of its watch whether it is `worse`, `within` or `unknown`.
    """

    ending: Ending
    release: Release
    figures: Figures
    why: str = ""
    standings: Mapping[str, str] = {}


class _Figure(msgspec.Struct):
    figure: str
    standing: str
    sentence: str = ""


class _Sight(msgspec.Struct):
    """What the server says of a canary that it has looked at now."""

    sighting: str
    figures: list[_Figure] = []


def begin(release: Release, plan: CanaryPlan, client: Client, *, environment: str | None) -> bool:
    """Give a release its share; False where it has it already.

    Raises:
        Conflict: it cannot be a canary now.
    """
    wanted = plan.part
    segment = _segment(plan, environment)
    watch = None if plan.watch is None else _plain(plan.watch, Watch)
    if release.state == "canary" and release.share == wanted:
        same = msgspec.to_builtins(release.segment) == msgspec.to_builtins(segment)
        if same and msgspec.to_builtins(release.watch) == msgspec.to_builtins(watch):
            return False
    body: dict[str, Any] = {
        "share": wanted,
        "segment": msgspec.to_builtins(segment),
        "watch": msgspec.to_builtins(watch),
        "reason": "trimtab ship",
    }
    client.post(api_path("releases", release.release_id, "canary"), body)
    return True


def began(release: Release) -> Approval | None:
    """The move that gave a canary what it has now: its trial lasts from then on."""
    found = None
    for approval in release.approvals:
        if approval.action == "canary":
            found = approval
        elif approval.action != "approve":
            found = None
    return found


async def watched(
    release_id: str,
    plan: CanaryPlan,
    client: Client,
    clock: Clock,
    *,
    show: Callable[[Release, Figures, float], None],
) -> Trial:
    """Wait until a canary's time is over, or until somebody ends it.

    One that is watched is looked at once more when its time is over: between two looks of the
    server it may have become clear that it is worse.

    Args:
        show: gets the release, what it answered and the seconds left, now and then.
    """
    pause_s = min(max(plan.seconds / _LOOKS, _LEAST_S), _MOST_S)
    asked = asyncio.to_thread
    while True:
        release = await asked(read, release_id, client)
        figures = await asked(figures_of, release, client)
        begun = began(release)
        if release.state != "canary" or begun is None:
            return _ended(release, figures)
        left_s = plan.seconds - (clock.now_ns() - begun.time_ns) / NS_PER_S
        show(release, figures, left_s)
        if left_s <= 0:
            sight = await asked(_look, release, client) if release.watch is not None else None
            release = await asked(read, release_id, client)
            return _came_through(release, figures, plan, sight)
        await asyncio.sleep(min(pause_s, left_s + 0.01))


def _look(release: Release, client: Client) -> _Sight:
    """Have the server look at a canary now, which takes it back if that proves it worse."""
    found = client.get(api_path("releases", release.release_id, "watch"))
    return msgspec.convert(found, _Sight)


def _ended(release: Release, figures: Figures) -> Trial:
    """Of one that is no canary any more."""
    if release.state == "live":
        return Trial(ending="promoted", release=release, figures=figures)
    return Trial(ending="taken back", release=release, figures=figures, why=_end(release))


def _came_through(
    release: Release, figures: Figures, plan: CanaryPlan, sight: _Sight | None
) -> Trial:
    """Of one whose time is over."""
    if release.state != "canary":
        return _ended(release, figures)
    seen = sight.figures if sight is not None else []
    worse = [one.sentence for one in seen if one.standing == "worse"]
    ending: Ending = "well"
    if sight is not None and sight.sighting == "blind":
        ending = "unseen"
    elif worse:
        ending = "worse"
    elif figures.calls < plan.calls:
        ending = "too few calls"
    return Trial(
        ending=ending,
        release=release,
        figures=figures,
        why="; ".join(worse),
        standings={one.figure: one.standing for one in seen},
    )


def figures_of(release: Release, client: Client) -> Figures:
    """The calls of models that a canary was answered with since it began."""
    begun = began(release)
    if begun is None:
        return Figures()
    wanted = f"release:{release.release_id} since:{iso(begun.time_ns)} kind:llm,embedding -run:*"
    found = client.groups("release", wanted)
    mine = next((one for one in found if one["key"] == release.release_id), None)
    if mine is None:
        return Figures()
    return Figures(calls=mine["spans"], failed=mine["errors"])


def _end(release: Release) -> str:
    """Who ended a canary, and why."""
    for approval in reversed(release.approvals):
        if approval.action == "end_canary":
            why = f": {approval.reason}" if approval.reason else ""
            return f"{approval.principal} ended it{why}"
    return f"it is {release.state} now"


def _segment(plan: CanaryPlan, environment: str | None) -> Segment | None:
    """Whose calls a canary may answer; of an environment it is shipped to, no others."""
    said = None if plan.segment is None else _plain(plan.segment, Segment)
    if environment is None:
        return said
    found = said or Segment()
    if found.environments:
        return found
    return msgspec.structs.replace(found, environments=(environment,))


def _plain(said: Any, kind: Any) -> Any:
    return msgspec.convert(msgspec.to_builtins(said), kind)
