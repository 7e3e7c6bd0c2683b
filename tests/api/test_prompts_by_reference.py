"""A prompt asked for by its name: filled in, put before the request, answered by a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serving import Reply, Served, configured, served
from tests.upstream import Upstream, upstream_in_thread

from trimtab.client import Client
from trimtab.errors import InvalidRequest
from trimtab.kit.clock import SystemClock
from trimtab.prompts.write import Draft, Writer
from trimtab.records import Message
from trimtab.stores.metadata.sql import SQLMetadata

CHAT = "/v1/chat/completions"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
ASK = [{"role": "user", "content": "Hi."}]
GREETING = "Greet {{ name }} in a {{ tone | default('calm') }} tone. {{ question }}"


@pytest.fixture(scope="module")
def far() -> Iterator[Upstream]:
    with upstream_in_thread() as running:
        yield running


@pytest.fixture(scope="module")
def server(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    text = (
        f"providers: [{{name: far, kind: openai_compatible, base_url: '{far.base_url}'}}]\n"
        "gateway: {routes: [{name: via, targets: [{model: far/routed}]}]}\n"
    )
    with served(configured(tmp_path_factory.mktemp("prompts") / "data", text)) as running:
        add(running, "greeting", GREETING, parameters={"temperature": 0.5, "max_tokens": 77})
        add(running, "tools", "Use them.", tools=[TOOL], output_schema=SCHEMA)
        yield running


def add(server: Served, name: str, text: str, **fields: Any) -> None:
    messages = [{"role": "system", "content": text}]
    server.client.post("/api/v1/prompts", {"name": name, "messages": messages, **fields})


def ask(server: Served, model: str = "greeting", headers: Any = None, **fields: Any) -> Reply:
    return server.ask("POST", CHAT, {"model": model, "messages": ASK, **fields}, headers)


def by(model: str | None = "far/m", **variables: Any) -> dict[str, Any]:
    named = {} if model is None else {"model": model}
    return {"trimtab": {**named, "variables": variables}}


def test_its_messages_come_first_and_its_parameters_apply(server: Served, far: Upstream) -> None:
    reply = ask(server, **by(name="Ada"))
    assert reply.status == 200, reply.body
    assert reply.headers["x-trimtab-prompt"] == "greeting@1"
    assert "x-trimtab-release" not in reply.headers
    sent = far.requests[-1].json
    assert sent["messages"] == [
        {"role": "system", "content": "Greet Ada in a calm tone. Hi."},
        *ASK,
    ]
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("m", 0.5, 77)
    assert "trimtab" not in sent


def test_the_record_names_the_prompt_and_shows_what_the_model_was_told(server: Served) -> None:
    reply = ask(server, **by(name="Ada"))
    spans = server.client.trace(reply.headers["x-trimtab-trace-id"])["spans"]
    root, model = sorted(spans, key=lambda span: span["parent_id"] is not None)
    assert {span["prompt"] for span in spans} == {"greeting@1"}
    assert (root["name"], root["kind"], root["input"]) == ("greeting", "chain", ASK)
    assert (model["model"], model["route"]) == ("far/m", None)
    assert model["input"][0]["content"].startswith("Greet Ada")


@pytest.mark.parametrize(
    ("body", "headers", "model"),
    [
        (by("far/body", name="Ada"), {"x-trimtab-model": "far/header"}, "body"),
        (by(None, name="Ada"), {"x-trimtab-model": "far/header"}, "header"),
        (by("via", name="Ada"), {}, "routed"),
        (
            {"trimtab": {"model": "far/m"}},
            {"x-trimtab-variables": '{"name": "Ada"}'},
            "m",
        ),
    ],
    ids=["the body wins", "a header", "a route", "variables in a header"],
)
def test_body_and_headers_name_the_model_and_the_variables(
    server: Served, far: Upstream, body: dict[str, Any], headers: dict[str, str], model: str
) -> None:
    reply = ask(server, headers=headers, **body)
    assert reply.status == 200, reply.body
    sent = far.requests[-1].json
    assert (sent["model"], "Greet Ada" in sent["messages"][0]["content"]) == (model, True)


@pytest.mark.parametrize("said", ["nolabel", "99"])
def test_a_version_that_a_prompt_lacks_is_told_from_a_name_that_nothing_has(
    server: Served, said: str
) -> None:
    add(server, "versioned", "One.", labels=["eu"])
    add(server, "versioned", "Two.")
    message = ask(server, f"versioned@{said}", **by()).json["error"]["message"]
    assert f"the prompt 'versioned' has no version or label '{said}'" in message
    assert "versioned@1 to versioned@" in message
    assert "or versioned@eu" in message
    assert "no route or model" in ask(server, "unversioned@1", **by()).json["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "where", "said"),
    [
        ({}, "trimtab.model", "greeting@1 is a prompt, and no model"),
        (by("far"), "trimtab.model", "no route or model 'far'"),
        (by("greeting"), "trimtab.model", "no route or model 'greeting'"),
        (by(), "prompt greeting@1", "lacks variables: name;"),
        (by("via"), "prompt greeting@1", "lacks variables: name;"),
        ({"trimtab": {"variables": ["Ada"]}}, "trimtab.variables", "expected `object`"),
        ({"trimtab": {"model": 7}}, "trimtab.model", "expected `str"),
    ],
)
def test_what_is_missing_or_wrong_is_a_refusal_that_names_it(
    server: Served, far: Upstream, fields: dict[str, Any], where: str, said: str
) -> None:
    before = len(far.requests)
    reply = ask(server, **fields)
    error = reply.json["error"]
    assert reply.status in (400, 404)
    assert (error["param"], len(far.requests)) == (where, before)
    assert said in error["message"]


def test_all_missing_variables_are_named_at_once(server: Served) -> None:
    add(
        server,
        "many",
        "{{ a }} {{ b.c }} {{ d | default('x') }} {% for e in es %}{{ e }}{% endfor %}",
    )
    reply = ask(server, "many", **by())
    assert "lacks variables: a, b, es;" in reply.json["error"]["message"]


def test_a_version_is_pinned_and_the_bare_name_is_the_newest(server: Served, far: Upstream) -> None:
    for text in ("One.", "Two."):
        add(server, "counted", text)
    for name, text in (("counted", "Two."), ("counted@1", "One."), ("counted@2", "Two.")):
        assert ask(server, name, **by()).status == 200
        assert far.requests[-1].json["messages"][0]["content"] == text
    assert ask(server, "counted@3", **by()).status == 404


def test_a_route_wins_over_a_prompt_of_the_same_name(server: Served, far: Upstream) -> None:
    add(server, "via", "Never.")
    reply = ask(server, "via")
    assert (reply.status, "x-trimtab-prompt" in reply.headers) == (200, False)
    assert far.requests[-1].json["messages"] == ASK


# -- tools and schemas --------------------------------------------------------------------------


def test_tools_and_schema_go_along_unless_the_caller_has_their_own(
    server: Served, far: Upstream
) -> None:
    assert ask(server, "tools", **by()).status == 200
    sent = far.requests[-1].json
    assert sent["tools"] == [TOOL]
    assert sent["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "tools", "schema": SCHEMA},
    }
    own = {"tools": [], "response_format": {"type": "text"}}
    assert ask(server, "tools", **own, **by()).status == 200
    assert {name: far.requests[-1].json[name] for name in own} == own


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"messages": ASK, "max_tokens": 9}),
        ("/v1/responses", {"input": "Hi."}),
    ],
)
def test_in_other_dialects_they_are_said_in_their_words(
    server: Served, far: Upstream, path: str, body: dict[str, Any]
) -> None:
    """The provider speaks chat completions: what went through the other dialect came back."""
    reply = server.ask("POST", path, {"model": "tools", **body, **by()})
    assert reply.status == 200, reply.body
    sent = far.requests[-1].json
    assert sent["tools"][0]["function"]["name"] == "look_up"
    assert sent["tools"][0]["function"]["parameters"] == SCHEMA
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    reply = server.ask("POST", path, {"model": "greeting", **body, **by(name="Ada")})
    assert reply.status == 200, reply.body
    sent = far.requests[-1].json
    limit = sent.get("max_tokens", sent.get("max_completion_tokens"))
    assert (sent["temperature"], limit) == (0.5, 77)


def test_a_release_sends_those_of_its_prompt(server: Served, far: Upstream) -> None:
    bundle = {"route": "bundled", "prompt": "tools", "targets": [{"model": "far/m"}]}
    release = server.client.post("/api/v1/releases", bundle)
    promotion = {"force": True, "reason": "set up by a test"}
    server.client.post(f"/api/v1/releases/{release['release_id']}/promote", promotion)
    reply = ask(server, "bundled")
    assert (reply.status, reply.headers["x-trimtab-release"]) == (200, "bundled@1")
    assert far.requests[-1].json["tools"] == [TOOL]
    spans = server.client.trace(reply.headers["x-trimtab-trace-id"])["spans"]
    assert {span["prompt"] for span in spans} == {"tools@1"}


@pytest.mark.parametrize("tool", [{}, {"type": "function"}, {"type": "web_search"}])
def test_a_tool_that_is_no_function_is_refused(server: Served, tool: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="a function with a name"):
        add(server, "bad", "Hi.", tools=[tool])


# -- who may, and when --------------------------------------------------------------------------


def test_a_key_reaches_no_model_through_a_prompt_that_it_may_not_ask(server: Served) -> None:
    secret = server.client.post("/api/v1/keys", {"name": "only", "models": ["far/m", "greeting"]})
    headers = {"authorization": f"Bearer {secret['secret']}"}
    assert ask(server, headers=headers, **by("far/m", name="Ada")).status == 200
    assert ask(server, headers=headers, **by("far/other", name="Ada")).status == 403
    assert ask(server, headers=headers, **by("via", name="Ada")).status == 403


def test_a_default_model_answers_and_a_new_prompt_of_another_process_is_followed(
    tmp_path: Path,
) -> None:
    text = "gateway: {default_model: trimtab/extract}\n"
    with served(configured(tmp_path / "data", text)) as server:
        other = SQLMetadata.open(f"sqlite:///{tmp_path}/data/metadata.db")
        messages = (Message(role="system", content="Be brief."),)
        writer = Writer(other.prompts, other.datasets, SystemClock())
        writer.write("default", Draft(name="brief", messages=messages))
        other.close()
        with Client(server.url) as client:
            for _ in client.poll("/api/v1/prompts"):
                reply = ask(server, "brief")
                if reply.status == 200:
                    break
        assert reply.headers["x-trimtab-prompt"] == "brief@1"
        assert reply.headers["x-trimtab-model"] == "trimtab/extract"
