"""Plans run through the API of a real server, which asks a model over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.plans.conftest import Bench, ask

from trimtab.errors import Conflict, NotFound

LIST = {"type": "array", "items": {"type": "string"}}
LABEL = {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}}}


def by_step(run: dict[str, Any]) -> dict[str, Any]:
    return {
        step["step"] if step["item"] is None else f"{step['step']}[{step['item']}]": step
        for step in run["steps"]
    }


def test_a_plan_goes_through_its_steps_and_fans_out(bench: Bench) -> None:
    bench.put(
        ask("split", "SPLIT {{ inputs.text }}", output_schema=LIST),
        ask("each", "ECHO {{ item }}{{ index }}", each="{{ steps.split.output }}"),
        {"name": "joined", "inputs": {"all": "{{ steps.each.output | join('+') }}"}},
        output="{{ steps.joined.output.all }}!",
    )
    run = bench.run()
    assert (run["status"], run["output"], run["error"]) == ("done", "A0+B1+C2!", None)
    steps = by_step(run)
    assert steps["split"]["output"] == ["a", "b", "c"]
    assert [steps[f"each[{n}]"]["output"] for n in range(3)] == ["A0", "B1", "C2"]
    assert steps["joined"]["output"] == {"all": "A0+B1+C2"}
    assert (run["calls"], float(run["cost_usd"])) == (4, pytest.approx(4 * 0.01001))
    assert bench.model.asked[0] == "SPLIT a,b,c"
    assert sorted(bench.model.asked[1:]) == ["ECHO a0", "ECHO b1", "ECHO c2"]


def test_a_run_is_one_trace_with_its_calls_below_its_steps(bench: Bench) -> None:
    bench.put(ask("one", "ECHO {{ inputs.text }}"))
    run = bench.run()
    spans = bench.server.client.trace(run["trace_id"])["spans"]
    root = next(span for span in spans if span["parent_id"] is None)
    step = next(span for span in spans if span["parent_id"] == root["span_id"])
    call = next(span for span in spans if span["parent_id"] == step["span_id"])
    assert (root["name"], root["kind"], root["status"]) == ("p@1", "chain", "ok")
    assert (step["name"], step["kind"]) == ("one", "chain")
    assert (call["kind"], call["model"]) == ("llm", "far/m")
    assert call["attributes"]["trimtab.plan_run"] == run["plan_run_id"]
    assert {span["trace_id"] for span in spans} == {run["trace_id"]}


def test_steps_that_need_each_other_not_are_asked_at_once(bench: Bench) -> None:
    bench.put(
        ask("a", "ECHO a"), ask("b", "ECHO b"), ask("c", "ECHO {{ steps.a.output }}", after=["b"])
    )
    run = bench.run({"text": ""})
    assert run["output"] == "A"
    assert sorted(bench.model.asked[:2]) == ["ECHO a", "ECHO b"]
    assert bench.model.asked[2] == "ECHO A"


@pytest.mark.parametrize(
    ("condition", "status", "output"),
    [("{{ inputs.text }}", "done", "YES"), ("no", "skipped", None), ("{{ 0 }}", "skipped", None)],
)
def test_a_step_is_skipped_where_its_condition_does_not_hold(
    bench: Bench, condition: str, status: str, output: str | None
) -> None:
    bench.put(
        ask("maybe", "ECHO yes", when=condition),
        {"name": "last", "inputs": {"was": "{{ steps.maybe.output }}"}},
    )
    steps = by_step(bench.run())
    assert (steps["maybe"]["status"], steps["maybe"]["output"]) == (status, output)
    assert steps["last"]["output"] == {"was": output}


def test_an_answer_that_its_schema_refuses_is_asked_for_again_with_what_is_wrong(
    bench: Bench,
) -> None:
    bench.put(ask("mend", "MEND x", output_schema=LABEL))
    run = bench.run({"text": ""})
    step = by_step(run)["mend"]
    assert (step["output"], step["attempts"], step["calls"]) == ({"label": "x"}, 2, 2)
    assert "does not match the JSON schema" in bench.model.asked[1]


def test_a_step_fails_when_its_answers_never_match(bench: Bench) -> None:
    bench.put(
        ask("bad", "BAD x", output_schema=LABEL, retries=2),
        ask("after", "ECHO {{ steps.bad.output }}"),
    )
    run = bench.run({"text": ""})
    assert run["status"] == "failed"
    assert "step bad: the answer is not what output_schema asks for" in run["error"]
    assert (len(bench.model.asked), run["calls"]) == (3, 3)
    assert [step["step"] for step in run["steps"]] == ["bad"]


def test_the_answer_that_most_votes_say_is_taken(bench: Bench) -> None:
    bench.put(ask("vote", "VOTE a b b", votes=3, parameters={"seed": 7}))
    step = by_step(bench.run({"text": ""}))["vote"]
    assert (step["output"], step["agreed"], step["calls"]) == ("b", 2, 3)
    assert {json.loads(body)["seed"] for body in bench.model.bodies} == {7, 8, 9}


def test_votes_that_say_the_same_in_another_way_are_one(bench: Bench) -> None:
    bench.put(ask("vote", "VOTE 7 Yes. yes", votes=3))
    step = by_step(bench.run({"text": ""}))["vote"]
    assert (step["output"].strip(".").lower(), step["agreed"]) == ("yes", 2)


def test_a_step_that_takes_too_long_fails_and_says_so(bench: Bench) -> None:
    bench.put(ask("slow", "HANG x", timeout_s=0.3, retries=0))
    run = bench.run({"text": ""})
    assert (run["status"], "had no answer in 0.3 s" in run["error"]) == ("failed", True)


def test_a_failing_provider_is_tried_again_and_then_said(bench: Bench) -> None:
    bench.put(ask("broken", "FAIL x", retries=0))
    run = bench.run({"text": ""})
    assert (run["status"], run["steps"][0]["status"]) == ("failed", "failed")
    assert "step broken: " in run["error"]


def test_a_prompt_is_asked_with_the_inputs_of_the_step(bench: Bench) -> None:
    message = {"role": "user", "content": "ECHO hello {{ name }}."}
    bench.server.client.post("/api/v1/prompts", {"name": "greet", "messages": [message]})
    step = ask("greet", "Go.", model="far/m", inputs={"name": "{{ inputs.text }}"})
    bench.put({**step, "ask": "prompt/greet"})
    record = by_step(bench.run({"text": "ada"}))["greet"]
    assert (record["output"], record["pinned"]) == ("HELLO ADA.", "greet@1")


def test_versions_are_kept_and_a_run_is_of_one(bench: Bench) -> None:
    bench.put(ask("a", "ECHO one"))
    assert bench.put(ask("a", "ECHO two"))["version"] == 2
    assert bench.put(ask("a", "ECHO two"))["version"] == 2
    assert bench.run({"text": ""}, "p@1")["output"] == "ONE"
    client = bench.server.client
    versions = client.get("/api/v1/plans/p/versions")["data"]
    assert [plan["version"] for plan in versions] == [2, 1]
    assert [plan["name"] for plan in client.get("/api/v1/plans")["data"]] == ["p"]
    with pytest.raises(NotFound):
        bench.run({"text": ""}, "nothing")


def test_a_run_is_followed_as_events(bench: Bench) -> None:
    bench.put(ask("a", "ECHO {{ inputs.text }}"), ask("b", "ECHO {{ steps.a.output }}b"))
    body = {"inputs": {"text": "x"}}
    reply = bench.server.ask("POST", "/api/v1/plans/p/runs?stream=true", body)
    names = [line for line in reply.body.decode().splitlines() if line.startswith("event")]
    assert names == ["event: step", "event: step", "event: run"]
    last = json.loads(reply.body.decode().strip().splitlines()[-1].removeprefix("data: "))
    assert (last["status"], last["output"]) == ("done", "XB")


def test_a_run_is_replayed_exactly_and_asks_nobody(bench: Bench) -> None:
    bench.put(
        ask("split", "SPLIT {{ inputs.text }}", output_schema=LIST),
        ask("each", "ECHO {{ item }}", each="{{ steps.split.output }}"),
        ask("never", "ECHO x", when="no", after=["each"]),
        output="{{ steps.each.output }}{{ steps.never.output }}",
    )
    run = bench.run()
    asked = len(bench.model.asked)
    client = bench.server.client
    replayed = client.post(f"/api/v1/plan-runs/{run['plan_run_id']}/replay")
    again = bench.over(replayed["plan_run_id"])
    assert (again["status"], again["output"], again["calls"]) == ("done", run["output"], 0)
    assert len(bench.model.asked) == asked
    free = {"calls": 0, "cost_usd": "0"}
    wanted = {(s["step"], s["item"]): {**s, **free} for s in run["steps"]}
    assert {(s["step"], s["item"]): s for s in again["steps"]} == wanted


def test_a_failed_run_is_replayed_with_its_failure(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"), ask("bad", "BAD {{ steps.a.output }}", output_schema=LABEL))
    run = bench.run({"text": ""})
    asked = len(bench.model.asked)
    replayed = bench.server.client.post(f"/api/v1/plan-runs/{run['plan_run_id']}/replay")
    again = bench.over(replayed["plan_run_id"])
    assert (again["status"], again["error"]) == ("failed", run["error"])
    assert len(bench.model.asked) == asked


def test_a_replay_from_a_step_asks_it_and_what_needs_it(bench: Bench) -> None:
    bench.put(
        ask("a", "ECHO a"),
        ask("b", "ECHO b{{ steps.a.output }}"),
        ask("c", "ECHO c{{ steps.b.output }}"),
        ask("d", "ECHO d{{ steps.a.output }}"),
        output="{{ steps.c.output }}{{ steps.d.output }}",
    )
    run = bench.run({"text": ""})
    del bench.model.asked[:]
    path = f"/api/v1/plan-runs/{run['plan_run_id']}/replay"
    again = bench.over(bench.server.client.post(path, {"from": "b"})["plan_run_id"])
    assert (again["output"], again["calls"]) == (run["output"], 2)
    assert bench.model.asked == ["ECHO bA", "ECHO cBA"]
    assert (again["replay_of"], again["replay_from"]) == (run["plan_run_id"], "b")


def test_a_failed_run_is_resumed_and_asks_only_what_is_missing(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"), ask("f", "FAIL {{ steps.a.output }}", retries=0))
    run = bench.run({"text": ""})
    assert run["status"] == "failed"
    del bench.model.asked[:]
    client = bench.server.client
    client.post(f"/api/v1/plan-runs/{run['plan_run_id']}/resume")
    again = bench.over(run["plan_run_id"])
    assert (again["status"], set(bench.model.asked)) == ("failed", {"FAIL A"})
    done = bench.put(ask("a", "ECHO a"))
    finished = bench.run({"text": ""}, f"p@{done['version']}")
    with pytest.raises(Conflict, match="is done"):
        client.post(f"/api/v1/plan-runs/{finished['plan_run_id']}/resume")


def test_a_run_is_cancelled_in_the_middle_of_a_call_and_resumed(bench: Bench) -> None:
    bench.put(ask("a", "ECHO a"), ask("h", "HANG {{ steps.a.output }}"))
    client = bench.server.client
    run = client.post("/api/v1/plans/p/runs", {"inputs": {"text": ""}})
    for _ in client.poll("/api/v1/plans"):
        if "HANG A" in bench.model.asked:
            break
    ended = client.post(f"/api/v1/plan-runs/{run['plan_run_id']}/cancel")
    assert (ended["status"], ended["error"]) == ("interrupted", "cancelled by local")
    spans = client.trace(ended["trace_id"])["spans"]
    root = next(span for span in spans if span["parent_id"] is None)
    assert (root["open"], root["status"], root["error"]) == (False, "error", ended["error"])
    with pytest.raises(Conflict, match="interrupted already"):
        client.post(f"/api/v1/plan-runs/{run['plan_run_id']}/cancel")
    client.post(f"/api/v1/plan-runs/{run['plan_run_id']}/resume")
    for _ in client.poll("/api/v1/plans"):
        if bench.model.asked.count("HANG A") == 2:
            break
    assert bench.model.asked.count("ECHO a") == 1
    assert bench.shown(run["plan_run_id"])["status"] == "running"
    client.post(f"/api/v1/plan-runs/{run['plan_run_id']}/cancel")
