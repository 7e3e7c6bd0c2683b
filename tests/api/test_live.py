"""How the gateway stands at this moment: its targets, and how each route would answer."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.api.problems import problem
from tests.serving import Served, configured, served
from tests.upstream import Upstream, error_json, upstream_in_thread

from trimtab.errors import NotFound

TARGETS, ROUTES = "/api/v1/gateway/targets", "/api/v1/gateway/routes"
TEXT = """
providers: [{name: far, kind: openai_compatible, base_url: '%s'}]
gateway:
  defaults:
    retries: {attempts: 0}
    breaker: {failures: 1, cooldown_s: 600}
  routes:
    - name: chat
      aliases: [talk]
      targets: [{model: far/a, weight: 9}, {model: far/b}]
      fallbacks: [far/forbidden, more]
    - {name: more, targets: [{model: trimtab/extract}], retries: {attempts: 3}}
    - {name: broken, targets: [{model: nobody/x}]}
    - {name: halved, targets: [{model: trimtab/extract}], fallbacks: [gone]}
  approved_models: [{model: far/a}, {model: far/b}, {model: far/down}, {model: trimtab/*}]
"""


@pytest.fixture(scope="module")
def far() -> Iterator[Upstream]:
    with upstream_in_thread() as running:
        yield running


@pytest.fixture(scope="module")
def server(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    text = TEXT % far.base_url
    with served(configured(tmp_path_factory.mktemp("live") / "data", text)) as running:
        yield running


def ask(server: Served, model: str) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi."}]}
    return server.ask("POST", "/v1/chat/completions", body).status


def test_a_route_says_who_would_answer_and_who_may_not(server: Served) -> None:
    chat = server.client.get(f"{ROUTES}/chat")
    assert (chat["problem"], chat["release"]) == (None, None)
    assert [(one["model"], one["weight"]) for one in chat["targets"]] == [
        ("far/a", 9),
        ("far/b", 1),
    ]
    forbidden, more = chat["fallbacks"]
    assert forbidden[0]["refused"] == "it is not an approved model"
    assert (more[0]["model"], more[0]["refused"]) == ("trimtab/extract", None)
    listed = {route["name"]: route for route in server.client.get(ROUTES)["data"]}
    assert listed["chat"] == chat
    assert listed["talk"] == {**chat, "name": "talk"}


def test_a_route_that_cannot_answer_says_why(server: Served) -> None:
    problem_said = server.client.get(f"{ROUTES}/broken")["problem"]
    assert "there is no model or route 'nobody/x' (at targets[0])" in problem_said
    assert ask(server, "broken") == 503
    problem(server.ask("GET", f"{ROUTES}/chatt"), 404)
    with pytest.raises(NotFound, match="did you mean chat"):
        server.client.get(f"{ROUTES}/chatt")


def test_what_a_route_passes_over_is_a_warning_on_it(server: Served) -> None:
    shown = server.client.get(f"{ROUTES}/halved")
    assert [one["model"] for one in shown["targets"]] == ["trimtab/extract"]
    assert shown["fallbacks"] == []
    assert "fallbacks[0] of halved is passed over: there is no model or route 'gone'" in str(shown)
    assert ask(server, "halved") == 200
    (listed,) = (
        one for one in server.client.get("/api/v1/routes")["data"] if one["name"] == "halved"
    )
    assert listed["warnings"] == shown["warnings"]


def test_a_promotion_and_a_rollback_change_who_has_which_share(server: Served) -> None:
    def shares() -> dict[str, tuple[str, float]]:
        found = server.client.get(f"{ROUTES}/split")["split"]
        return {one["release"]: (one["state"], one["share"]) for one in found}

    for model in ("trimtab/extract", "far/a"):
        server.client.post("/api/v1/releases", {"route": "split", "targets": [{"model": model}]})
    promote = {"force": True, "reason": "a test"}
    server.client.post("/api/v1/releases/split@1/promote", promote)
    weights = [{"version": 1, "weight": 3}, {"version": 2}]
    server.client.put("/api/v1/routes/split", {"split": weights})
    assert shares() == {"split@1": ("live", 0.75), "split@2": ("candidate", 0.25)}
    server.client.post("/api/v1/releases/split@2/promote", promote)
    assert shares() == {}, "the live one has everything"
    assert server.client.get(f"{ROUTES}/split")["release"] == "split@2"
    server.client.post("/api/v1/releases/split@2/rollback", {"reason": "a test"})
    assert server.client.get(f"{ROUTES}/split")["release"] == "split@1"
    assert ask(server, "split") == 200, "nobody asks the retired one"


def test_a_target_whose_breaker_opened_is_seen_on_it_and_on_its_routes(
    server: Served, far: Upstream
) -> None:
    server.client.put("/api/v1/routes/down", {"targets": [{"model": "far/down"}]})
    far.play(error_json(500, "broken"))
    assert ask(server, "down") == 500
    state = next(one for one in server.client.get(TARGETS)["data"] if one["target"] == "far/down")
    assert (state["breaker"], state["calls"], state["failed"]) == ("open", 1, 1), "the defaults' 1"
    assert 500 < state["ready_in_s"] <= 600
    (target,) = server.client.get(f"{ROUTES}/down")["targets"]
    assert target["breaker"] == "open"
    assert 500 < target["ready_in_s"] <= 600


@pytest.mark.parametrize(
    ("name", "attempts"), [("chat", 0), ("far/a", 0), ("more", 3), ("talk", 0)]
)
def test_defaults_hold_for_models_and_for_routes_that_do_not_say(
    server: Served, name: str, attempts: int
) -> None:
    compiled = server.app.gateway.snapshot.resolve("default", name).compiled
    assert (compiled.retries.attempts, compiled.breaker.cooldown_s) == (attempts, 600)


def test_a_route_shows_that_it_leaves_calls_to_the_defaults(server: Served) -> None:
    routes: dict[str, Any] = {
        route["name"]: route for route in server.client.get("/api/v1/routes")["data"]
    }
    assert routes["chat"]["retries"] is None
    assert routes["more"]["retries"]["attempts"] == 3


def test_calls_add_up_by_route_and_what_was_tried_again_is_counted(
    server: Served, far: Upstream
) -> None:
    route = {
        "targets": [{"model": "far/b"}],
        "fallbacks": ["trimtab/extract"],
        "retries": {"attempts": 1, "base_s": 0},
        "breaker": {"failures": 100},
        "cache": {"ttl_s": 60},
    }
    server.client.put("/api/v1/routes/spare", route)
    far.play(error_json(500, "broken"))
    assert [ask(server, "spare") for _ in range(2)] == [200, 200]
    assert ask(server, "nowhere") == 404
    rows = server.client.get("/api/v1/gateway/figures")["data"]
    (row,) = (one for one in rows if one["route"] == "spare")
    assert (row["model"], row["status"], row["requests"]) == ("trimtab/extract", "ok", 2)
    assert (row["retried"], row["cache_hits"], row["cache_misses"]) == (1, 1, 1)
    assert (Decimal(row["cost_usd"]), Decimal(row["saved_usd"])) == (0, 0)
    (refused,) = (one for one in rows if one["status"] == "not_found")
    assert (refused["route"], refused["requests"]) == ("", 1)


def test_only_who_may_read_routes_sees_them(server: Served) -> None:
    for permission, status in (("gateway:call", 403), ("routes:read", 200)):
        issued = server.client.post(
            "/api/v1/keys", {"name": permission, "permissions": [permission]}
        )
        for path in (TARGETS, ROUTES, f"{ROUTES}/chat"):
            reply = server.ask("GET", path, headers={"x-api-key": issued["secret"]})
            assert reply.status == status, path
