"""The gateway over real HTTP: with the stock client, with raw bytes, streamed and not."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from tests.serving import Served

from trimtab.errors import InvalidRequest, NotFound

QUESTION = "Which port does the widget server listen on?"


@pytest.fixture
def sdk(widgets: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{widgets.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def ask(sdk: openai.OpenAI, model: str = "widgets", **fields: Any) -> Any:
    messages: Any = [{"role": "user", "content": QUESTION}]
    return sdk.chat.completions.create(model=model, messages=messages, **fields)


def test_the_stock_client_gets_an_answer_quoted_from_the_corpus(sdk: openai.OpenAI) -> None:
    answer = ask(sdk)
    assert "port 7711" in answer.choices[0].message.content
    assert "/ports.md#" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0


def test_a_streamed_answer_is_the_same_text(sdk: openai.OpenAI) -> None:
    whole = ask(sdk).choices[0].message.content
    pieces = [
        choice.delta.content or "" for chunk in ask(sdk, stream=True) for choice in chunk.choices
    ]
    assert len(pieces) > 2
    assert "".join(pieces) == whole


def test_a_stream_carries_usage_only_for_who_asked_for_it(sdk: openai.OpenAI) -> None:
    silent = list(ask(sdk, stream=True))
    asked = list(ask(sdk, stream=True, stream_options={"include_usage": True}))
    assert all(chunk.usage is None for chunk in silent)
    assert all(chunk.choices for chunk in silent)
    assert asked[-1].usage is not None
    assert asked[-1].usage == ask(sdk).usage


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_is_recorded_as_a_trace_with_retrieval_and_model(
    widgets: Served, sdk: openai.OpenAI, stream: bool
) -> None:
    raw = sdk.chat.completions.with_raw_response.create(
        model="widgets",
        messages=[{"role": "user", "content": QUESTION}],
        stream=stream,
        extra_headers={"x-trimtab-user": "u7", "x-trimtab-session": "s1"},
    )
    raw.http_response.read()
    trace = widgets.client.trace(raw.headers["x-trimtab-trace-id"])
    root, retriever, model = sorted(
        trace["spans"], key=lambda span: ["chain", "retriever", "llm"].index(span["kind"])
    )
    assert root["parent_id"] is None
    assert root["input"] == [{"role": "user", "content": QUESTION}]
    assert "7711" in root["output"][0]["content"]
    assert (root["user"], root["session"], root["route"]) == ("u7", "s1", "widgets")
    assert retriever["output"][0]["source"].endswith("/ports.md")
    assert model["parent_id"] == root["span_id"]
    assert model["model"] == "trimtab/extract"
    assert model["usage"]["output"] > 0
    assert model["usage"]["estimated"] is False
    assert Decimal(model["cost_usd"]) == 0, "priced at zero, not unpriced"
    assert (model["first_token_ns"] is not None) is stream
    assert raw.headers["x-trimtab-release"] == "widgets@1"


def test_a_model_can_be_asked_without_a_route(sdk: openai.OpenAI) -> None:
    assert ask(sdk, model="trimtab/extract").choices[0].message.content


def test_models_lists_routes_and_models(sdk: openai.OpenAI) -> None:
    assert {model.id for model in sdk.models.list()} >= {"widgets", "trimtab/extract"}


def test_the_stock_client_raises_its_own_errors(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="did you mean widgets"):
        ask(sdk, model="widgetz")
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(model="widgets", messages=[])
    assert caught.value.param == "messages"


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "no body": (b"", "not valid JSON"),
    "cut JSON": (b'{"model": "widgets", "messa', "not valid JSON"),
    "two values": (b"{} {}", "not valid JSON"),
    "an array": (b"[]", "wrong value"),
    "broken UTF-8": (b'{"model": "\xff"}', "not valid UTF-8"),
    "a lone surrogate": (
        b'{"model": "widgets", "messages": [{"role": "user", "content": "\\ud83d"}]}',
        "surrogate",
    ),
    "no model": (b'{"messages": [{"role": "user", "content": "x"}]}', "'model' is missing"),
    "a number for a model": (
        b'{"model": 7, "messages": [{"role": "user", "content": "x"}]}',
        "'model' is wrong",
    ),
    "text for messages": (b'{"model": "widgets", "messages": "hello"}', "'messages' is wrong"),
    "an unknown role": (
        b'{"model": "widgets", "messages": [{"role": "boss", "content": "x"}]}',
        "unknown role",
    ),
    "a stream of seven": (
        b'{"model": "widgets", "stream": 7, "messages": [{"role": "user", "content": "x"}]}',
        "'stream' is wrong",
    ),
    "deep nesting": (
        b'{"model": "widgets", "messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        "nested deeper",
    ),
    "nesting in an unknown field": (
        b'{"model": "widgets", "messages": [{"role": "user", "content": "x"}], "x": '
        + b'{"a":' * 5000
        + b"1"
        + b"}" * 5000
        + b"}",
        "nested deeper",
    ),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body_is_a_400_that_says_what_where_and_what_to_do(
    widgets: Served, case: str
) -> None:
    body, said = BAD_BODIES[case]
    status, headers, answer = post(widgets, body)
    assert status == 400
    assert headers["content-type"] == "application/json"
    error = json.loads(answer)["error"]
    assert said in error["message"]
    assert ";" in error["message"], "it says what to do"
    assert error["type"] == "invalid_request_error"


def test_an_oversize_body_is_refused_by_its_declared_length_and_by_its_real_one(
    widgets: Served,
) -> None:
    limit = widgets.app.config.limits.body_bytes
    status, _, answer = post(widgets, b"", {"content-length": str(limit + 1)})
    assert (status, json.loads(answer)["error"]["code"]) == (413, "too_large")
    status, _, answer = post(widgets, iter([b"x" * 65536] * (limit // 65536 + 2)))
    assert (status, json.loads(answer)["error"]["code"]) == (413, "too_large")


def test_a_wrong_method_and_an_unknown_path_are_answered_in_the_dialect(widgets: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(widgets.url).netloc, timeout=10)
    connection.request("GET", "/v1/chat/completions")
    response = connection.getresponse()
    assert response.status == 405
    assert "use POST" in json.loads(response.read())["error"]["message"]
    connection.request("POST", "/v1/nothing", b"{}")
    response = connection.getresponse()
    assert response.status == 404
    assert json.loads(response.read())["error"]["code"] == "not_found"
    connection.close()


def test_the_client_raises_the_errors_of_the_server(widgets: Served) -> None:
    with pytest.raises(NotFound, match="no route or model"):
        widgets.client.chat("nobody", "hello")
    with pytest.raises(InvalidRequest, match="32 hexadecimal"):
        widgets.client.trace("zzz")


def post(
    server: Served, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """POST raw bytes, or an iterator of them, to the chat endpoint."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    given = {"content-type": "application/json", **(headers or {})}
    # The server may answer before it has read everything, as it should.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request("POST", "/v1/chat/completions", body, given)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, answer


def test_one_model_is_found_by_its_name(sdk: openai.OpenAI) -> None:
    assert sdk.models.retrieve("trimtab/extract").owned_by == "trimtab"
    assert sdk.models.retrieve("widgets").id == "widgets"
    with pytest.raises(openai.NotFoundError, match="no route or model 'nowhere/at-all'"):
        sdk.models.retrieve("nowhere/at-all")


def test_only_what_a_key_may_ask_for_is_listed(widgets: Served) -> None:
    issued = widgets.client.post("/api/v1/keys", {"name": "narrow", "models": ["widgets"]})
    with openai.OpenAI(base_url=f"{widgets.url}/v1", api_key=issued["secret"]) as narrow:
        assert [model.id for model in narrow.models.list()] == ["widgets"]
