"""What a declared release says, and what the releases of its route say of its content."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from trimtab.errors import ConfigError
from trimtab.records import Approval, ModelTarget, Release
from trimtab.records.release import Action
from trimtab.shipping.content import taken_back
from trimtab.shipping.declared import CanaryPlan, check_canary, find, seconds_of

Moves = list[tuple[int, Action]]


def release(version: int, moves: Moves) -> Release:
    """A release whose approvals are these times and actions."""
    return Release(
        release_id=f"r{version}",
        route="shop",
        version=version,
        digest=f"d{version}",
        targets=(ModelTarget(model="one"),),
        created_ns=version,
        approvals=tuple(
            Approval(principal="ann", time_ns=time_ns, action=action, reason="why")
            for time_ns, action in moves
        ),
    )


CASES: dict[str, tuple[list[Moves], str | None]] = {
    # What is replaced is retired in the moment in which its successor is promoted.
    "promoted one after the other": (
        [[(1, "promote"), (3, "retire")], [(2, "canary"), (3, "promote")]],
        None,
    ),
    "rolled back": (
        [[(1, "promote"), (3, "retire"), (5, "roll_back")], [(3, "promote"), (5, "retire")]],
        "ann took it back: why",
    ),
    "its canary ended": (
        [[(1, "promote")], [(2, "canary"), (3, "end_canary")]],
        "its canary was ended by ann: why",
    ),
    "tried again": (
        [[(1, "promote")], [(2, "canary"), (3, "end_canary"), (4, "canary")]],
        None,
    ),
    "replaced, and what replaced it rolled back to the first": (
        [
            [(1, "promote"), (3, "retire"), (7, "roll_back")],
            [(3, "promote"), (5, "retire")],
            [(5, "promote"), (7, "retire")],
        ],
        None,
    ),
}


@pytest.mark.parametrize(("moves", "why"), CASES.values(), ids=list(CASES))
def test_a_content_was_taken_back_when_somebody_said_so_last(
    moves: list[Moves], why: str | None
) -> None:
    releases = [release(version, each) for version, each in enumerate(moves, start=1)]
    assert taken_back("d2", releases) == why


@pytest.mark.parametrize("text", ["-5m", "soon", "5", ""])
def test_what_is_no_length_of_time_is_refused_where_it_was_said(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        seconds_of(text, where="--for")
    assert caught.value.where == "--for"


SEGMENT = {"users": ["ann"]}


@pytest.mark.parametrize(("share", "fits"), [("50%", True), ("80%", False), ("100%", False)])
def test_only_who_is_named_may_be_answered_by_a_canary_alone(share: str, fits: bool) -> None:
    check_canary(msgspec.convert({"share": share, "segment": SEGMENT}, CanaryPlan), where="a")
    plan = CanaryPlan(share=share)
    if fits:
        check_canary(plan, where="a")
        return
    with pytest.raises(ConfigError, match=r"at most 0\.5"):
        check_canary(plan, where="a")


def test_a_file_of_another_route_is_not_shipped(tmp_path: Path) -> None:
    path = tmp_path / "shop.release.yaml"
    path.write_text(json.dumps({"route": "shop", "targets": ["far/one"]}))
    assert find(path, "shop", cwd=tmp_path).declaration.route == "shop"
    with pytest.raises(ConfigError, match="a release of shop, not of desk"):
        find(path, "desk", cwd=tmp_path)
