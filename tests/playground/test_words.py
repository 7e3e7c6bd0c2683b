"""Words of columns: prompts and drafts rendered, previewed, saved, run over rows, replayed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.playground.far import column
from tests.playground.test_streams import names, told
from tests.processes import ServeProcess
from tests.upstream import Upstream
from tests.waiting import until

from trimtab.client import Client
from trimtab.errors import Conflict, InvalidRequest, NotFound
from trimtab.playground.recorded import recorded
from trimtab.records import Span
from trimtab.scoring.online import is_live_call

GREET = "Greet {{ name }} in {{ language }}."
DRAFT = {"messages": [{"role": "system", "content": GREET}, {"role": "user", "content": "Go."}]}
VALUES = {"name": "Ada", "language": "French"}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def client(served: ServeProcess) -> Client:
    client = served.client
    body = {"name": "greet", **DRAFT, "parameters": {"temperature": 0.5, "max_tokens": 50}}
    client.post("/api/v1/prompts", body)
    rows = [
        {"example_id": "a", "input": {"name": "Ada", "language": "French"}, "expected": "x"},
        {"example_id": "b", "input": {"name": "Bob", "language": "Greek"}, "expected": "x"},
    ]
    client.post("/api/v1/datasets", {"name": "people", "examples": rows})
    return client


def asked(far: Upstream, mark: str) -> Any:
    """The last request that reached the provider with this text in it."""
    return next(one.json for one in reversed(far.requests) if mark.encode() in one.body)


def play(client: Client, one: dict[str, Any]) -> dict[str, Any]:
    """How a column on its own ended."""
    name, said = told(client.play([one]))["1"][-1]
    return {"end": name, **said}


@pytest.mark.parametrize("words", [{"prompt": "greet"}, {"draft": DRAFT}])
def test_words_are_filled_with_the_values_of_the_column(
    client: Client, far: Upstream, words: dict[str, Any]
) -> None:
    values = {"name": f"Zoë{len(words)}{next(iter(words))}", "language": "Dutch"}
    ended = play(client, column("plain", variables=values, **words))
    assert ended["end"] == "finished"
    sent = asked(far, "Dutch")
    assert [turn["content"] for turn in sent["messages"]] == [
        f"Greet {values['name']} in Dutch.",
        "Go.",
    ]
    spans = client.trace(ended["figures"]["trace_id"])["spans"]
    stored = "greet@1" if "prompt" in words else None
    assert {span["prompt"] for span in spans} == {stored}


def test_the_settings_of_a_column_win_over_those_of_its_prompt(
    client: Client, far: Upstream
) -> None:
    one = column("plain", prompt="greet@1", variables={"name": "Cy", "language": "Welsh"})
    one |= {"parameters": {"temperature": 0.9}, "tools": [TOOL]}
    one["messages"] = [{"role": "user", "content": "Again."}]
    assert play(client, one)["end"] == "finished"
    sent = asked(far, "Welsh")
    assert (sent["temperature"], sent["max_tokens"]) == (0.9, 50)
    assert sent["tools"] == [TOOL]
    assert sent["messages"][-1] == {"role": "user", "content": "Again."}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variables": {"name": "Ada"}}, "lacks variables: language"),
        ({"draft": {"messages": [{"role": "user", "content": "{{ x"}]}}, "message 0"),
        ({"parameters": {"model": "other"}}, "cannot be set as a parameter"),
        ({"variables": {"name": "Ada", "language": "x"}, "model": "far/nobody"}, "no route"),
    ],
)
def test_words_that_cannot_be_sent_say_why(
    client: Client, changes: dict[str, Any], said: str
) -> None:
    ended = play(client, {**column("plain", draft=DRAFT), **changes})
    assert ended["end"] == "failed"
    assert said in json.dumps(ended["problem"])
    assert Decimal(ended["figures"]["cost_usd"]) == 0


def test_a_preview_has_the_messages_the_tokens_and_the_price_of_each_model(client: Client) -> None:
    turns = [{"role": "user", "content": "What is {{ this }}?"}]
    columns = [
        column("plain", prompt="greet", variables=VALUES, messages=turns),
        column("plain", prompt="greet"),
    ]
    body = {"columns": columns, "models": ["far/plain", "far/unpriced"]}
    good, bad = client.post("/api/v1/playground/render", body)["data"]
    said = [turn["content"] for turn in good["preview"]["messages"]]
    assert said == ["Greet Ada in French.", "Go.", "What is {{ this }}?"]
    assert good["preview"]["tokens"] > 0
    prices = {one["model"]: one["cost_usd"] for one in good["preview"]["models"]}
    tokens = good["preview"]["tokens"]
    assert Decimal(prices["far/plain"]) == Decimal(tokens) / 10**6
    assert prices["far/unpriced"] is None
    assert bad["problem"]["missing"] == ["language", "name"]


def test_a_column_is_saved_as_a_version_that_says_where_it_is_from(client: Client) -> None:
    path = "/api/v1/playground/save"
    one = column("plain", draft=DRAFT, parameters={"temperature": 0.1}, tools=[TOOL])
    saved = client.post(path, {"column": one, "name": "kept"})
    assert (saved["name"], saved["version"], saved["author"]) == ("kept", 1, "local")
    assert "playground" in saved["note"]
    assert saved["variables"] == ["language", "name"]
    assert (saved["parameters"], saved["tools"]) == ({"temperature": 0.1}, [TOOL])
    again = {**one, "draft": None, "prompt": "kept", "parameters": {"temperature": 0.2}}
    assert client.post(path, {"column": again, "name": "kept"})["version"] == 2
    other = {**again, "parameters": {"temperature": 0.3}}
    with pytest.raises(Conflict):
        client.post(path, {"column": other, "name": "kept", "over": 1})


def test_what_looks_like_a_credential_is_saved_only_when_that_is_said(client: Client) -> None:
    body: dict[str, Any] = {"column": column("plain", "Use gsk_" + "x7Yw2mQ9" * 6), "name": "leaky"}
    with pytest.raises(InvalidRequest, match="looks like a credential") as caught:
        client.post("/api/v1/playground/save", body)
    assert "x7Yw2mQ9" not in str(caught.value)
    body["allow_secrets"] = True
    assert client.post("/api/v1/playground/save", body)["version"] == 1


def test_a_conversation_is_saved_as_it_stands(client: Client, far: Upstream) -> None:
    said = "Explain {{ braces }} and {% tags %}."
    saved = client.post("/api/v1/playground/save", {"column": column("plain", said), "name": "raw"})
    assert saved["variables"] == []
    assert play(client, column("plain", prompt="raw"))["end"] == "finished"
    assert asked(far, "braces")["messages"][0]["content"] == said


def test_columns_over_a_dataset_are_runs_that_can_be_compared(
    client: Client, far: Upstream
) -> None:
    columns = [
        column("plain", prompt="greet"),
        column("thinker", draft={"messages": [{"role": "user", "content": "Hi {{ name }}"}]}),
    ]
    body = {"columns": columns, "dataset": "people", "scorers": ["length"]}
    begun = client.post("/api/v1/playground/runs", body)["data"]
    runs = [list(client.watch(one["run_id"]))[-1] for one in begun]
    assert [run["status"] for run in runs] == ["done", "done"]
    assert [run["done"] for run in runs] == [2, 2]
    assert runs[0]["task"] == "prompt greet@1 with far/plain"
    assert runs[0]["task_digest"] != runs[1]["task_digest"]
    answers = {row["example_id"]: row["output"] for row in client.results(runs[1]["run_id"])}
    assert answers == {"a": "You said: Hi Ada", "b": "You said: Hi Bob"}
    assert runs[1]["cost_usd"] is not None
    judged = client.post(
        f"/api/v1/runs/{runs[1]['run_id']}/comparison", {"baseline": runs[0]["run_id"]}
    )
    assert judged["verdict"]["comparisons"]
    assert asked(far, "Greet Bob in Greek.")["temperature"] == 0.5


def test_nothing_is_run_where_one_column_cannot_be(client: Client) -> None:
    before = len(client.get("/api/v1/runs", {"limit": 1000})["data"])
    columns = [column("plain", prompt="greet"), column("plain", prompt="nobody")]
    with pytest.raises(NotFound, match="nobody"):
        client.post("/api/v1/playground/runs", {"columns": columns, "dataset": "people"})
    assert len(client.get("/api/v1/runs", {"limit": 1000})["data"]) == before


# -- recorded calls --------------------------------------------------------------------------------


def replay(client: Client, trace_id: str, place: int = 0) -> dict[str, Any]:
    span = client.trace(trace_id)["spans"][place]
    found: dict[str, Any] = client.get(f"/api/v1/playground/from-span/{trace_id}/{span['span_id']}")
    return found


def test_a_call_of_a_prompt_comes_back_as_a_column_and_can_be_sent_again(
    client: Client, far: Upstream
) -> None:
    values = {"name": "Eve", "language": "Maltese"}
    ended = play(client, column("plain", prompt="greet@1", variables=values))
    found = replay(client, ended["figures"]["trace_id"])
    again = found["column"]
    assert (again["prompt"], again["variables"]) == ("greet@1", values)
    assert (again["model"], found["answered_by"]) == ("far/plain", "far/plain")
    again["variables"]["language"] = "Basque"
    assert play(client, {**again, "id": "1"})["end"] == "finished"
    assert asked(far, "Basque")["messages"][0]["content"] == "Greet Eve in Basque."


def test_a_call_of_a_release_brings_its_prompt_and_parameters_to_another_model(
    client: Client, far: Upstream
) -> None:
    words = {"role": "system", "content": "Answer in {{ language }} and verse."}
    client.post("/api/v1/prompts", {"name": "verse", "messages": [words]})
    body = {
        "route": "poet",
        "prompt": "verse",
        "targets": [{"model": "far/plain"}],
        "parameters": {"temperature": 0.25},
    }
    client.post("/api/v1/releases", body)
    question = {
        "model": "poet@1",
        "messages": [{"role": "user", "content": "Of the sea."}],
        "temperature": 1,
        "trimtab": {"variables": {"language": "Faroese"}},
    }
    client.post("/v1/chat/completions", question)
    spans = client.get("/api/v1/spans", {"route": "poet", "limit": 10})["data"]
    found = replay(client, spans[0]["trace_id"])
    again = found["column"]
    assert (again["model"], again["prompt"], found["lost"]) == ("poet@1", "verse@1", [])
    assert play(client, {**again, "model": "far/slow", "id": "1"})["end"] == "finished"
    sent = [one.json for one in far.requests if one.json["model"] == "slow"][-1]
    assert [turn["content"] for turn in sent["messages"]] == [
        "Answer in Faroese and verse.",
        "Of the sea.",
    ]
    assert sent["temperature"] == 0.25


def test_what_stays_behind_with_a_release_is_said_to_be_lost(client: Client) -> None:
    body = {
        "route": "guarded",
        "prompt": "verse",
        "targets": [{"model": "far/plain"}],
        "guard_policy": "enforced",
    }
    client.put("/api/v1/guards/policies/enforced", {"extends": "internal"})
    client.post("/api/v1/releases", body)
    question = {
        "model": "guarded@1",
        "messages": [{"role": "user", "content": "Of the sea."}],
        "trimtab": {"variables": {"language": "Faroese"}},
    }
    client.post("/v1/chat/completions", question)
    spans = client.get("/api/v1/spans", {"route": "guarded", "limit": 10})["data"]
    found = replay(client, spans[0]["trace_id"])
    assert found["column"]["prompt"] is None
    assert found["lost"] == ["prompt and guard policy of guarded@1, when another model is asked"]


@pytest.mark.parametrize("dialect", ["chat", "anthropic", "responses"])
def test_a_call_in_any_dialect_comes_back_as_chat_messages(client: Client, dialect: str) -> None:
    key = "gsk_" + "x7Yw2mQ9" * 6
    system, asked_for = "Be brief.", f"In {dialect}, is {key} mine, [EMAIL_ADDRESS]?"
    on_record = asked_for.replace(key, "[GROQ_API_KEY]")
    turn = {"role": "user", "content": asked_for}
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    requests: dict[str, tuple[str, dict[str, Any]]] = {
        "chat": (
            "/v1/chat/completions",
            {
                "messages": [{"role": "system", "content": system}, turn],
                "tools": [TOOL],
                "temperature": 0.25,
            },
        ),
        "anthropic": (
            "/v1/messages",
            {
                "system": system,
                "messages": [turn],
                "max_tokens": 77,
                "temperature": 0.25,
                "tools": [{"name": "add", "input_schema": schema}],
            },
        ),
        "responses": (
            "/v1/responses",
            {
                "instructions": system,
                "input": asked_for,
                "temperature": 0.25,
                "tools": [{"type": "function", "name": "add", "parameters": schema}],
            },
        ),
    }
    path, body = requests[dialect]
    client.post(path, {"model": "far/plain", **body})
    trace_id = newest(client, on_record)
    found = replay(client, trace_id)
    column_ = found["column"]
    assert [(one["role"], one["content"]) for one in column_["messages"]] == [
        ("system", system),
        ("user", on_record),
    ]
    assert column_["tools"][0]["function"]["name"] == "add"
    assert column_["parameters"]["temperature"] == 0.25
    assert ("max_completion_tokens" in column_["parameters"]) == (dialect == "anthropic")
    assert [(mark["what"], mark["kind"], mark["where"]) for mark in found["marks"]] == [
        ("redacted", "groq_api_key", "messages[1].content"),
        ("redacted", "email_address", "messages[1].content"),
    ]
    assert found["unknown"] == []
    assert names(told(client.play([{**column_, "id": "1"}]))["1"])[-1] == "finished"


def newest(client: Client, mark: str) -> str:
    found: list[str] = []

    def there() -> bool:
        found[:] = [
            span["trace_id"] for span in client.spans(limit=20) if mark in json.dumps(span["input"])
        ]
        return bool(found)

    until(there)
    return found[0]


def test_a_span_from_elsewhere_says_what_is_not_on_record(client: Client) -> None:
    trace_id, span_id = "ab" * 16, "cd" * 8
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "far/plain",
        "gen_ai.request.temperature": 0.7,
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": "Hi there"}]}]
        ),
    }
    wire = [
        {"key": key, "value": {"doubleValue" if isinstance(one, float) else "stringValue": one}}
        for key, one in attributes.items()
    ]
    span = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": "chat",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000001000000000",
        "attributes": wire,
    }
    client.post("/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    found = client.get(f"/api/v1/playground/from-span/{trace_id}/{span_id}")
    assert found["column"]["messages"][0]["content"] == "Hi there"
    assert found["column"]["parameters"] == {"temperature": 0.7}
    assert found["unknown"] == ["tools"]


def test_a_span_that_is_no_call_cannot_be_asked_again(client: Client) -> None:
    with pytest.raises(NotFound, match="no span"):
        client.get(f"/api/v1/playground/from-span/{'a' * 32}/{'b' * 16}")
    with pytest.raises(InvalidRequest, match="trace id"):
        client.get("/api/v1/playground/from-span/x/y")


def test_what_looks_like_a_secret_is_marked() -> None:
    key = "gsk_" + "x7Yw2mQ9" * 6
    turn = {"role": "user", "content": f"use {key}"}
    span = Span(
        trace_id="1" * 32,
        span_id="2" * 16,
        name="call",
        kind="llm",
        model="far/plain",
        start_ns=1,
        end_ns=2,
        input=[turn],
    )
    (mark,) = recorded(span, [span]).marks
    assert (mark.what, mark.where) == ("secret", "messages[0].content")
    assert turn["content"][mark.start : mark.end] == key


def test_nothing_of_a_column_that_is_tried_out_is_live_traffic(client: Client) -> None:
    ended = play(client, column("plain", "Score me not."))
    (span,) = client.trace(ended["figures"]["trace_id"])["spans"]
    assert not is_live_call(msgspec.convert(span, Span))
