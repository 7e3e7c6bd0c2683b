"""A split over HTTP whose shares follow what users say of the answers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.api.conftest import BUNDLE
from tests.api.problems import problem
from tests.api.splits import BANDIT, ROUTES, SPLIT, answered, learnt, said, split
from tests.serving import Served, configured, served
from tests.waiting import until

from trimtab.errors import NotFound
from trimtab.releases.learning import LEARNER
from trimtab.stores.metadata.sql import SQLMetadata


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("bandit") / "data")) as running:
        message = {"role": "system", "content": "Answer from these.\n{{ passages }}"}
        running.client.post("/api/v1/prompts", {"name": "widgets", "messages": [message]})
        yield running


def test_the_better_release_gets_the_larger_share_of_what_comes(here: Served) -> None:
    split(here, "better")
    before = said(here, "better", 80)
    here.client.put(f"{ROUTES}/better", {"split": SPLIT, "bandit": BANDIT})
    until(lambda: learnt(here, "better")["shares"]["2"] > 0.6)
    found = learnt(here, "better")
    arms = {one["version"]: one for one in found["arms"]}
    assert {version: one["sessions"] for version, one in arms.items()} == {
        1: before["better@1"],
        2: before["better@2"],
    }
    assert arms[1]["mean"] < 0.1
    assert arms[2]["mean"] > 0.9
    assert arms[2]["best"] > 0.99
    assert found["learnt_ns"] > found["since_ns"]
    state = here.client.get("/api/v1/gateway/routes/better")
    in_force = {one["release"]: one["share"] for one in state["split"]}
    assert in_force["better@2"] == pytest.approx(found["shares"]["2"])
    after = Counter(
        answered(here, "better", [{"x-trimtab-session": f"new-{n}"} for n in range(200)])
    )
    assert after["better@2"] > 105


def test_sessions_move_to_the_release_that_gains_and_no_other(here: Served) -> None:
    split(here, "moving")
    here.client.put(f"{ROUTES}/moving", {"split": SPLIT, "bandit": BANDIT})
    headers = [{"x-trimtab-session": f"m-{n}"} for n in range(150)]
    before = answered(here, "moving", headers)
    here.client.put(f"{ROUTES}/moving", {"split": SPLIT})
    said(here, "moving", 60)
    here.client.put(f"{ROUTES}/moving", {"split": SPLIT, "bandit": BANDIT})
    until(lambda: learnt(here, "moving")["shares"]["2"] > 0.6)
    after = answered(here, "moving", headers)
    moves = {(one, other) for one, other in zip(before, after, strict=True) if one != other}
    assert moves == {("moving@1", "moving@2")}


def test_what_was_learnt_can_be_forgotten(here: Served) -> None:
    split(here, "again")
    said(here, "again", 60)
    here.client.put(f"{ROUTES}/again", {"split": SPLIT, "bandit": BANDIT})
    until(lambda: learnt(here, "again")["learnt_ns"] is not None)
    found = here.client.delete(f"{ROUTES}/again/shares")
    assert (found["shares"], found["learnt_ns"]) == ({"1": 0.5, "2": 0.5}, None)
    assert [one["sessions"] for one in found["arms"]] == [0, 0]
    time.sleep(1.5)
    assert learnt(here, "again")["learnt_ns"] is None


def test_a_route_that_is_deleted_leaves_no_shares(here: Served) -> None:
    split(here, "gone")
    said(here, "gone", 60)
    here.client.put(f"{ROUTES}/gone", {"split": SPLIT, "bandit": BANDIT})
    until(lambda: learnt(here, "gone")["learnt_ns"] is not None)
    here.client.delete(f"{ROUTES}/gone")
    assert "gone" not in {one.route for one in here.app.metadata.shares.all()}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"bandit": BANDIT}, "a `split` of two releases or more"),
        ({"split": SPLIT[:1], "bandit": BANDIT}, "a `split` of two releases or more"),
        ({"split": SPLIT, "bandit": {"score": "s", "low": 2}}, "`low` below its `high`"),
        ({"split": SPLIT, "bandit": {"score": "s", "every_s": 1}}, "every_s"),
        ({"split": SPLIT, "bandit": {}}, "score"),
    ],
    ids=str,
)
def test_a_bandit_that_cannot_be_is_refused(here: Served, body: dict[str, Any], text: str) -> None:
    found = problem(here.ask("PUT", f"{ROUTES}/refused", body), 400)
    assert text in found["detail"] + found["where"]


def test_a_route_without_a_bandit_has_learnt_nothing(here: Served) -> None:
    here.client.put(f"{ROUTES}/plain", {"targets": [{"model": BUNDLE["targets"][0]["model"]}]})
    with pytest.raises(NotFound, match="no bandit"):
        learnt(here, "plain")
    problem(here.ask("DELETE", f"{ROUTES}/nobody/shares"), 404)


def test_shares_are_kept_over_a_restart_and_every_change_is_audited(tmp_path: Path) -> None:
    config = configured(tmp_path / "data")
    with served(config) as server:
        message = {"role": "system", "content": "Answer from these.\n{{ passages }}"}
        server.client.post("/api/v1/prompts", {"name": "widgets", "messages": [message]})
        split(server, "kept")
        said(server, "kept", 60)
        server.client.put(f"{ROUTES}/kept", {"split": SPLIT, "bandit": BANDIT})
        until(lambda: learnt(server, "kept")["learnt_ns"] is not None)
        shares = learnt(server, "kept")["shares"]
    with served(config) as server:
        state = server.client.get("/api/v1/gateway/routes/kept")
        in_force = {one["release"]: one["share"] for one in state["split"]}
        assert in_force == pytest.approx({f"kept@{v}": share for v, share in shares.items()})
        assert learnt(server, "kept")["arms"][1]["sessions"] > 0
    with closing(SQLMetadata.open(f"sqlite:///{tmp_path / 'data'}/metadata.db")) as metadata:
        entries = list(metadata.audit("default", action="shares"))
    assert [(one.action, one.object, one.principal) for one in entries] == [
        ("shares.put", "kept", LEARNER)
    ]
