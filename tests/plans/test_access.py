"""Who may run plans, and on whose behalf models are asked."""

from __future__ import annotations

import pytest
from tests.plans.conftest import Bench, ask

from trimtab.client import Client
from trimtab.errors import Forbidden


def key(bench: Bench, *permissions: str, **fields: object) -> tuple[str, Client]:
    body = {"name": "ci", "permissions": list(permissions), **fields}
    issued = bench.server.client.post("/api/v1/keys", body)
    return issued["key"]["key_id"], Client(bench.server.url, key=issued["secret"])


def test_each_thing_needs_its_permission(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"))
    _, reader = key(bench, "plans:read")
    assert reader.get("/api/v1/plans/p")["version"] == 1
    for path in ("/api/v1/plans", "/api/v1/plans/p/runs", "/api/v1/plan-runs/x/cancel"):
        with pytest.raises(Forbidden):
            reader.post(path, {})


def test_what_asks_models_needs_the_permission_to_call_them(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"))
    done = bench.server.client.run_plan("p", {"text": ""})
    bench.model.asked.clear()
    _, planner = key(bench, "plans:*")
    again = f"/api/v1/plan-runs/{done['plan_run_id']}"
    for path, body in (
        ("/api/v1/plans/p/runs", {"inputs": {"text": ""}}),
        (f"{again}/resume", None),
        (f"{again}/replay", {"from": "a"}),
    ):
        with pytest.raises(Forbidden, match="may not gateway:call"):
            planner.post(path, body)
    assert bench.model.asked == []
    assert planner.post(f"{again}/replay", {})["replay_of"] == done["plan_run_id"]


def test_calls_are_the_keys_that_started_the_run(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"))
    key_id, runner = key(bench, "plans:run", "gateway:call", "plans:read")
    run = runner.run_plan("p", {"text": ""})
    assert (run["status"], run["key"], run["author"]) == ("done", key_id, "ci")
    spans = bench.server.client.trace(run["trace_id"])["spans"]
    (call,) = [span for span in spans if span["kind"] == "llm"]
    assert call["attributes"]["trimtab.key"] == key_id


def test_a_plan_brings_no_model_into_reach(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"))
    _, narrow = key(bench, "plans:run", "gateway:call", "plans:read", models=["other/*"])
    run = narrow.run_plan("p", {"text": ""})
    assert run["status"] == "failed"
    assert bench.model.asked == []


def test_a_key_that_is_disabled_meanwhile_asks_nothing_more(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"), ask("b", "ECHO {{ steps.a.output }}"))
    key_id, runner = key(bench, "plans:run", "gateway:call", "plans:read")

    def disable(_: str) -> None:
        bench.server.client.patch(f"/api/v1/keys/{key_id}", {"disabled": True})

    bench.model.on_ask = disable
    begun = runner.post("/api/v1/plans/p/runs", {"inputs": {"text": ""}})
    over = bench.over(begun["plan_run_id"])
    assert (over["status"], bench.model.asked) == ("failed", ["ECHO a"])
    assert "may not run plans any more" in over["error"]
    again = bench.server.client.post(f"/api/v1/plan-runs/{begun['plan_run_id']}/resume")
    assert bench.over(again["plan_run_id"])["output"] == "A"


def test_another_project_sees_nothing_of_it(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"))
    run = bench.run({"text": ""})
    headers = {"x-trimtab-project": "other"}
    for path in ("/api/v1/plans/p", f"/api/v1/plan-runs/{run['plan_run_id']}"):
        assert bench.server.ask("GET", path, headers=headers).status == 404
    assert bench.server.ask("GET", "/api/v1/plan-runs", headers=headers).json == {"data": []}
