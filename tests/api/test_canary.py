"""A canary over HTTP: its share, whom it answers, and how it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from scipy.stats import binomtest
from tests.api.conftest import BUNDLE
from tests.api.problems import problem
from tests.serving import Served, configured, served

from trimtab.errors import Conflict
from trimtab.stores.metadata.sql import SQLMetadata

PATH = "/api/v1/releases"
ASK = "Which port does the widget server listen on?"
LIKELY = 1e-6  # a test that fails by chance does so once in a million runs


def create(server: Served, route: str, **parameters: Any) -> dict[str, Any]:
    bundle = BUNDLE | {"route": route, "parameters": parameters}
    created: dict[str, Any] = server.client.post(PATH, bundle)
    return created


def promote(server: Served, ref: str) -> dict[str, Any]:
    body = {"force": True, "reason": "set up by a test"}
    promoted: dict[str, Any] = server.client.post(f"{PATH}/{ref}/promote", body)
    return promoted


def route_with_canary(server: Served, route: str, share: float = 0.25) -> dict[str, Any]:
    """Version 1 is live, version 2 the canary."""
    create(server, route, abstain_below=0.0)
    promote(server, f"{route}@1")
    create(server, route, abstain_below=0.01)
    begun: dict[str, Any] = server.client.post(f"{PATH}/{route}@2/canary", {"share": share})
    return begun


def answered(server: Served, route: str, headers: Sequence[dict[str, str]]) -> list[str]:
    """The release that answered each of these requests."""
    body = json.dumps({"model": route, "messages": [{"role": "user", "content": ASK}]})
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    found = []
    with contextlib.closing(connection):
        for one in headers:
            connection.request("POST", "/v1/chat/completions", body, one)
            response = connection.getresponse()
            text = response.read()
            assert response.status == 200, text
            found.append(response.headers["x-trimtab-release"])
    return found


def users(count: int) -> list[dict[str, str]]:
    return [{"x-trimtab-user": f"user-{number}"} for number in range(count)]


def states(server: Served, route: str) -> dict[int, str]:
    rows = server.client.get(PATH, {"route": route})["data"]
    return {row["version"]: row["state"] for row in rows}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(configured(tmp_path_factory.mktemp("canary") / "data")) as running:
        message = {"role": "system", "content": "Answer from these.\n{{ passages }}"}
        running.client.post("/api/v1/prompts", {"name": "widgets", "messages": [message]})
        yield running


def test_a_canary_answers_its_share_and_the_live_release_the_rest(here: Served) -> None:
    begun = route_with_canary(here, "shares")
    assert (begun["state"], begun["share"]) == ("canary", 0.25)
    for headers in (users(400), [{}] * 400):
        found = Counter(answered(here, "shares", headers))
        assert set(found) == {"shares@1", "shares@2"}
        assert binomtest(found["shares@2"], 400, 0.25).pvalue > LIKELY


def test_the_span_of_a_call_has_the_release_that_answered(here: Served) -> None:
    begun = route_with_canary(here, "recorded", 0.5)
    found = Counter(answered(here, "recorded", users(40)))
    rows = here.client.spans(f"route:recorded release:{begun['release_id']}", limit=500)
    assert len({row["trace_id"] for row in rows}) == found["recorded@2"] > 0


def test_a_user_or_session_stays_also_when_the_share_grows(here: Served) -> None:
    route_with_canary(here, "sticky", 0.1)
    asked = [*users(150), *({"x-trimtab-session": f"s-{n}"} for n in range(150))]
    small = answered(here, "sticky", asked)
    assert answered(here, "sticky", asked) == small
    here.client.post(f"{PATH}/sticky@2/canary", {"share": 0.4})
    large = answered(here, "sticky", asked)
    moved = [(one, other) for one, other in zip(small, large, strict=True) if one != other]
    assert set(moved) == {("sticky@1", "sticky@2")}
    assert binomtest(large.count("sticky@2"), 300, 0.4).pvalue > LIKELY


def test_a_canary_that_is_stopped_is_a_candidate_and_gets_nothing(here: Served) -> None:
    route_with_canary(here, "stopped", 0.5)
    ended = here.client.delete(f"{PATH}/stopped@2/canary", {"reason": "too slow"})
    assert (ended["state"], ended["share"]) == ("candidate", None)
    assert set(answered(here, "stopped", users(30))) == {"stopped@1"}
    moves = [(one["action"], one["share"], one["reason"]) for one in ended["approvals"]]
    assert moves == [("canary", 0.5, None), ("end_canary", None, "too slow")]
    with pytest.raises(Conflict, match="stopped@2 is candidate, not canary"):
        here.client.delete(f"{PATH}/stopped@2/canary")


def test_a_canary_that_is_promoted_answers_everything(here: Served) -> None:
    route_with_canary(here, "promoted", 0.05)
    with pytest.raises(Conflict, match="no evidence"):
        here.client.post(f"{PATH}/promoted@2/promote")
    live = promote(here, "promoted@2")
    assert (live["state"], live["share"]) == ("live", None)
    assert states(here, "promoted") == {1: "retired", 2: "live"}
    assert set(answered(here, "promoted", users(30))) == {"promoted@2"}


def test_a_canary_that_is_rolled_back_ends_and_the_live_release_stays(here: Served) -> None:
    route_with_canary(here, "withdrawn", 0.5)
    problem(here.ask("POST", f"{PATH}/withdrawn@2/rollback", {"reason": " "}), 400, where="reason")
    here.client.post(f"{PATH}/withdrawn@2/rollback", {"reason": "wrong links"})
    assert states(here, "withdrawn") == {1: "live", 2: "candidate"}
    assert set(answered(here, "withdrawn", users(30))) == {"withdrawn@1"}


def test_a_rollback_of_the_live_release_ends_the_canary_beside_it(here: Served) -> None:
    for version in (1, 2, 3):
        create(here, "both", abstain_below=version / 100)
    for version in (1, 2):
        promote(here, f"both@{version}")
    here.client.post(f"{PATH}/both@3/canary", {"share": 0.5})
    here.client.post(f"{PATH}/both@2/rollback", {"reason": "worse"})
    assert states(here, "both") == {1: "live", 2: "retired", 3: "candidate"}
    assert set(answered(here, "both", users(30))) == {"both@1"}
    ended = here.client.get(f"{PATH}/both@3")["approvals"][-1]
    assert (ended["action"], ended["reason"]) == ("end_canary", "the route went to both@1")


def test_another_release_that_goes_live_leaves_the_canary_its_share(here: Served) -> None:
    route_with_canary(here, "beside", 0.5)
    create(here, "beside", abstain_below=0.02)
    promote(here, "beside@3")
    assert set(answered(here, "beside", users(60))) == {"beside@2", "beside@3"}


def test_a_route_has_one_canary(here: Served) -> None:
    route_with_canary(here, "single", 0.5)
    create(here, "single", abstain_below=0.02)
    found = problem(here.ask("POST", f"{PATH}/single@3/canary", {"share": 0.1}), 409)
    assert "single@2 is the canary" in found["detail"]
    assert "trimtab releases canary single@2 --stop" in found["fix"]
    problem(here.ask("POST", f"{PATH}/single@1/canary", {"share": 0.1}), 409)  # it is live
    assert states(here, "single") == {1: "live", 2: "canary", 3: "candidate"}


def test_something_must_answer_the_rest(here: Served) -> None:
    create(here, "alone", abstain_below=0.0)
    path = f"{PATH}/alone@1/canary"
    found = problem(here.ask("POST", path, {"share": 0.1}), 409)
    assert "nothing of 'alone' is live" in found["detail"]
    here.client.put("/api/v1/routes/alone", {"targets": [{"model": "trimtab/extract"}]})
    here.client.post(path, {"share": 0.5})
    state = here.client.get("/api/v1/gateway/routes/alone")
    begun = {"release": "alone@1", "state": "canary", "share": 0.5, "segment": None}
    assert state["canary"] == begun
    assert state["release"] is None
    replies = {here.client.chat("alone", ASK)["release"] for _ in range(60)}
    assert replies == {"alone@1", None}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$"),
        ({"share": 0}, "$.share"),
        ({"share": -0.1}, "$.share"),
        ({"share": 0.51}, "share"),
        ({"share": 0.51, "segment": {"environments": ["eu"]}}, "share"),
        ({"share": 1.01, "segment": {"users": ["ann"]}}, "$.share"),
        ({"share": "5%"}, "$.share"),
        ({"share": 0.1, "segment": "beta"}, "$.segment"),
        ({"share": 0.1, "segment": {"user": "ann"}}, "$.segment"),
        ({"share": 0.1, "watch": {"figures": [{"figure": "slow"}]}}, "watch"),
        ({"share": 0.1, "watch": {"figures": [{"figure": "score"}]}}, "watch"),
        ({"share": 0.1, "watch": {"figures": [{"figure": "error"}] * 2}}, "watch"),
        (
            {"share": 1, "segment": {"users": ["a"]}, "watch": {"figures": [{"figure": "error"}]}},
            "share",
        ),
    ],
)
def test_a_share_that_is_none_is_refused(here: Served, body: dict[str, Any], where: str) -> None:
    if "refused" not in {row["route"] for row in here.client.get(PATH)["data"]}:
        create(here, "refused", abstain_below=0.0)
        promote(here, "refused@1")
        create(here, "refused", abstain_below=0.01)
    problem(here.ask("POST", f"{PATH}/refused@2/canary", body), 400, where=where)
    assert states(here, "refused") == {1: "live", 2: "candidate"}


@pytest.mark.parametrize("ref", ["nobody", "nobody@1"])
def test_an_unknown_release_is_no_canary(here: Served, ref: str) -> None:
    problem(here.ask("POST", f"{PATH}/{ref}/canary", {"share": 0.1}), 404)
    problem(here.ask("DELETE", f"{PATH}/{ref}/canary"), 404)


def test_a_restart_keeps_the_canary_and_its_users_and_every_move_is_audited(
    tmp_path: Path,
) -> None:
    config = configured(tmp_path / "data")
    with served(config) as server:
        message = {"role": "system", "content": "Answer from these.\n{{ passages }}"}
        server.client.post("/api/v1/prompts", {"name": "widgets", "messages": [message]})
        route_with_canary(server, "kept", 0.3)
        before = answered(server, "kept", users(80))
        assert set(before) == {"kept@1", "kept@2"}
    with served(config) as server:
        assert answered(server, "kept", users(80)) == before
        server.client.delete(f"{PATH}/kept@2/canary")
    with contextlib.closing(SQLMetadata.open(f"sqlite:///{tmp_path / 'data'}/metadata.db")) as meta:
        entries = [(one.action, one.object, one.principal) for one in meta.audit("default")]
    assert ("release.canary", "kept@2", "local") in entries
    assert ("release.end_canary", "kept@2", "local") in entries


PROVIDERS = """
providers:
  - name: far
    kind: openai_compatible
    base_url: http://127.0.0.1:9/v1
    models: [{id: one}]
"""


def test_a_release_answers_without_the_models_that_are_gone_and_says_so(tmp_path: Path) -> None:
    bundle = {
        "route": "short",
        "targets": [{"model": "far/one", "weight": 9}, {"model": "trimtab/extract"}],
    }
    with served(configured(tmp_path / "data", PROVIDERS)) as server:
        server.client.post(PATH, bundle)
        server.client.post(PATH, bundle | {"targets": [{"model": "far/one"}]})
        promote(server, "short@1")
        server.client.post(PATH, bundle | {"parameters": {"seed": 1}})
        server.client.post(f"{PATH}/short@3/canary", {"share": 0.5})
        assert server.client.get(f"{PATH}/short@1")["warnings"] == []
    with served(configured(tmp_path / "data")) as server:
        assert set(answered(server, "short", users(60))) == {"short@1", "short@3"}
        assert server.client.post(f"{PATH}/short@3/canary", {"share": 0.1})["share"] == 0.1
        server.client.delete(f"{PATH}/short@3/canary")
        (warning,) = server.client.get(f"{PATH}/short@1")["warnings"]
        assert warning.startswith("short@1 answers without far/one, which no provider offers")
        assert server.client.get("/api/v1/gateway/routes/short")["warnings"] == [warning]
        (useless,) = server.client.get(f"{PATH}/short@2")["warnings"]
        assert "short@2 cannot answer: no model 'far/one'" in useless
        # What lacks a model still answers, but is not put in charge of more than it has.
        problem(server.ask("POST", f"{PATH}/short@2/canary", {"share": 0.1}), 404)
        problem(server.ask("POST", f"{PATH}/short@2/promote", b""), 404)
