"""The snapshot: what answers to a name, and what the gateway says when nothing does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stations.wiring import Script, deployment, embedded

from trimtab.errors import NotFound
from trimtab.gateway.resolution import Resolution
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.target import Target
from trimtab.records import ModelCard

CARD = ModelCard(id="far/big", provider="far")
FAR, OPEN = Script("far", cards=[CARD]), Script("open")
PROVIDERS = {"trimtab": embedded(), "far": FAR, "open": OPEN}


def live(route: str = "docs", **changes: Any) -> Any:
    return deployment(FAR, "big", route=route, **changes)


def target_of(resolution: Resolution) -> Target:
    (target,) = resolution.arm.pool.targets
    return target


class TestRoutes:
    def test_a_route_is_answered_by_its_live_release(self) -> None:
        one = live(version=1, state="retired", release_id="r1")
        two = live(version=2, release_id="r2")
        three = live(version=3, state="candidate", release_id="r3")
        for order in ([one, two, three], [three, two, one]):
            assert Snapshot(PROVIDERS, order).resolve("default", "docs").deployment is two

    @pytest.mark.parametrize("state", ["draft", "candidate", "canary", "live"])
    def test_every_release_answers_to_its_own_reference(self, state: str) -> None:
        release = live(version=4, state=state)
        resolution = Snapshot(PROVIDERS, [release]).resolve("default", "docs@4")
        assert resolution.deployment is release
        assert target_of(resolution).card == CARD

    def test_a_route_without_a_live_release_answers_to_nothing(self) -> None:
        snapshot = Snapshot(PROVIDERS, [live(state="candidate")])
        with pytest.raises(NotFound):
            snapshot.resolve("default", "docs")
        assert "docs" not in snapshot.names("default")

    def test_projects_do_not_see_each_others_routes(self) -> None:
        mine, theirs = live(project="mine"), live(project="theirs")
        snapshot = Snapshot(PROVIDERS, [mine, theirs])
        assert snapshot.resolve("mine", "docs").deployment is mine
        assert snapshot.resolve("theirs", "docs").deployment is theirs
        with pytest.raises(NotFound) as caught:
            snapshot.resolve("default", "docs")
        assert "did you mean" not in str(caught.value)

    def test_names_are_the_live_routes_and_then_the_models(self) -> None:
        deployments = [live("b"), live("a"), live("c", state="candidate"), live("d", project="x")]
        assert Snapshot(PROVIDERS, deployments).names("default") == [
            "a",
            "b",
            "far/big",
            "trimtab/extract",
        ]


class TestModels:
    def test_a_model_is_reached_by_provider_and_name(self) -> None:
        resolution = Snapshot(PROVIDERS).resolve("default", "far/big")
        assert resolution.deployment is None
        assert target_of(resolution) == Target(provider=FAR, model="big", card=CARD)

    def test_a_provider_that_lists_nothing_is_asked_for_anything(self) -> None:
        resolution = Snapshot(PROVIDERS).resolve("default", "open/org/some-model:7b")
        assert target_of(resolution).model == "org/some-model:7b"
        assert target_of(resolution).card == ModelCard(id="open/org/some-model:7b", provider="open")

    @pytest.mark.parametrize(
        "name", ["far/unlisted", "far/", "far", "/big", "nobody/big", "", "@1"]
    )
    def test_what_no_provider_offers_is_not_found(self, name: str) -> None:
        with pytest.raises(NotFound, match="GET /v1/models lists them"):
            Snapshot(PROVIDERS).resolve("default", name)

    @pytest.mark.parametrize(
        ("name", "meant"),
        [("dosc", "docs"), ("far/bgi", "far/big"), ("trimtab/extrakt", "trimtab/")],
    )
    def test_a_misspelt_name_is_answered_with_what_was_meant(self, name: str, meant: str) -> None:
        with pytest.raises(NotFound, match=f"did you mean .*{meant}"):
            Snapshot(PROVIDERS, [live()]).resolve("default", name)

    @given(st.text(max_size=30) | st.just("x" * 1_000_000))
    def test_any_name_is_resolved_or_refused_in_few_words(self, name: str) -> None:
        try:
            Snapshot(PROVIDERS, [live()]).resolve("default", name)
        except NotFound as error:
            said = str(error)
        else:
            assert name in ("docs", "docs@1") or name.partition("/")[0] in PROVIDERS
            return
        assert len(said) < 2_500
