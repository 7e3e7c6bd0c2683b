"""What the demo leaves to look at: something on every page, marked as the demo's, and priced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.waiting import until

from trimtab.client import Client, api_path
from trimtab.demo import assistant, life, questions, rental, users
from trimtab.demo.process import ServerProcess
from trimtab.dialects.passages import read_passages
from trimtab.records import text_of

pytestmark = pytest.mark.slow

ASKED = 9


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with the docs assistant, a few users' questions, and the demo's life."""
    with ServerProcess(tmp_path_factory.mktemp("demo") / "data", 0) as client:
        client.post("/api/v1/prompts", assistant.PROMPT)
        first = client.post("/api/v1/releases", assistant.FIRST)
        client.post(api_path("releases", first["release_id"], "promote"), {})
        users.visits(client, questions.traffic()[:ASKED], "first", lambda: None)
        life.fill(client)
        yield client


def turns(client: Client) -> list[dict[str, Any]]:
    """The traces of the made-up conversation, the newest first."""
    asked = {"filter": f'session = "{rental.SESSION}"'}
    found: list[dict[str, Any]] = client.get("/api/v1/traces", asked)["data"]
    return found


def data(client: Client, *parts: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(api_path(*parts))["data"]
    return found


def test_users_ask_several_questions_in_a_session(filled: Client) -> None:
    until(lambda: len(data(filled, "sessions")) >= 5)
    found = {row["key"]: row["traces"] for row in data(filled, "sessions")}
    assert [found[f"first-user-0{n}"] for n in (1, 2, 3)] == [4, 4, 1]


def test_questions_of_a_user_come_in_their_order_and_none_is_left_out(filled: Client) -> None:
    rows = filled.get("/api/v1/traces", {"filter": 'session = "first-user-01"'})["data"]
    asked = [row["input_preview"] for row in reversed(rows)]
    assert asked == [str(example.input) for example in questions.traffic()[:4]]
    assert {row["user"] for row in rows} == {"user-01"}


def test_the_agent_has_tools_a_failure_with_a_retry_and_prices(filled: Client) -> None:
    _, refund, _ = turns(filled)
    spans = filled.trace(refund["trace_id"])["spans"]
    assert len(spans) == 14
    assert {span["kind"] for span in spans} >= {"agent", "llm", "tool", "retriever", "embedding"}
    tried = [span["status"] for span in spans if span["name"] == "refund_day"]
    assert tried == ["error", "ok"]
    assert refund["unpriced"] == 0, "the shipped table has a price for each model"
    priced = [Decimal(span["cost_usd"]) for span in spans if span["cost_usd"] is not None]
    assert len(priced) == 5
    assert Decimal(refund["cost_usd"]) == sum(priced) > Decimal("0.001")


def test_spans_lie_within_those_they_belong_to(filled: Client) -> None:
    for turn in turns(filled):
        spans = {span["span_id"]: span for span in filled.trace(turn["trace_id"])["spans"]}
        below = [span for span in spans.values() if span["parent_id"]]
        assert len(below) == len(spans) - 1
        for span in below:
            around = spans[span["parent_id"]]
            assert around["start_ns"] <= span["start_ns"] < span["end_ns"] <= around["end_ns"]


def test_a_turn_that_failed_is_there_and_the_conversation_has_its_three(filled: Client) -> None:
    assert [turn["status"] for turn in turns(filled)] == ["error", "ok", "ok"]
    assert {turn["user"] for turn in turns(filled)} == {rental.USER}


def test_whatever_is_made_up_is_marked(filled: Client) -> None:
    for turn in turns(filled):
        for span in filled.trace(turn["trace_id"])["spans"]:
            assert span["environment"] == rental.MARK
            assert span["tags"] == [rental.MARK]


def test_no_page_of_the_gateway_is_empty(filled: Client) -> None:
    (key,) = data(filled, "keys")
    (allowance,) = data(filled, "allowances")
    assert (key["name"], allowance["name"]) == (life.KEY, key["key_id"])
    assert [one["model"] for one in data(filled, "approved-models")] == ["trimtab/*"]
    refused = filled.get("/api/v1/traces", {"filter": f'session = "{life.ATTEMPTS}"'})["data"]
    assert Counter(one["status"] for one in refused) == {"ok": 4, "error": 1}


def test_a_plan_has_run_and_a_probe_has_looked_twice(filled: Client) -> None:
    assert [plan["name"] for plan in data(filled, "plans")] == [life.PLAN]
    (run,) = data(filled, "plan-runs")
    assert run["status"] == "done"
    looks = data(filled, "probes", life.PROBE, "looks")
    assert [look["status"] for look in looks] == ["same", "reference"]


def test_attempts_wait_for_a_person_and_a_harmless_question_does_not(filled: Client) -> None:
    until(lambda: len(data(filled, "guards", "reviews")) == 2)
    assert {one["rule"] for one in data(filled, "guards", "reviews")} == {"injection"}


def test_passages_in_a_prompt_are_read_as_they_were_written(filled: Client) -> None:
    asked = {"filter": f'session = "{life.ATTEMPTS}" status = ok'}
    for row in filled.get("/api/v1/traces", asked)["data"]:
        for span in filled.trace(row["trace_id"])["spans"]:
            if span["kind"] == "llm":
                prompt = text_of(span["input"][0])
                assert read_passages(prompt)
                assert "&#x27;" not in prompt
                assert "&quot;" not in prompt
