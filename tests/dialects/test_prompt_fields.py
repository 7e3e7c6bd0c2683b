"""What a prompt brings is said in the dialect of the request, or named as lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.prompt_fields import brought, spoken
from trimtab.records import Prompt

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}}
USER = [{"role": "user", "content": "Hi."}]
BODIES: dict[str, dict[str, Any]] = {
    "openai.chat": {"messages": USER},
    "openai.responses": {"input": "Hi."},
    "anthropic.messages": {"messages": USER, "max_tokens": 9},
    "anthropic.count_tokens": {"messages": USER},
    "openai.completions": {"prompt": "Hi."},
}


def prompt(**fields: Any) -> Prompt:
    return Prompt(name="my prompt", version=1, messages=(), digest="", created_ns=1, **fields)


def said(name: str, given: Prompt, **own: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields that a request in this dialect gets, and what is lost."""
    dialect = DIALECTS[name]
    envelope = dialect.envelope(json.dumps({"model": "m", **BODIES[name], **own}).encode())
    found = brought(dialect, envelope, given)
    return json.loads(envelope.body(**found.changes)), found.lost


@pytest.mark.parametrize("name", ["openai.chat", "openai.responses", "anthropic.messages"])
def test_what_a_prompt_brings_means_the_same_in_every_dialect(name: str) -> None:
    body, lost = said(name, prompt(tools=(TOOL,), output_schema=SCHEMA))
    question = DIALECTS[name].question(DIALECTS[name].envelope(json.dumps(body).encode()))
    assert lost == ()
    ((tool,), output) = question.tools, question.output
    assert (tool.name, tool.schema) == ("look_up", SCHEMA)
    assert output is not None
    assert (output.kind, output.schema) == ("schema", SCHEMA)


def test_a_schema_is_named_after_the_prompt_or_sent_as_it_is() -> None:
    body, _ = said("openai.chat", prompt(output_schema=SCHEMA))
    assert body["response_format"]["json_schema"]["name"] == "my_prompt"
    whole = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}
    body, _ = said("openai.chat", prompt(output_schema=whole))
    assert body["response_format"] == whole


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("openai.chat", {"tools": []}),
        ("openai.chat", {"functions": []}),
        ("openai.responses", {"tools": []}),
        ("anthropic.messages", {"tools": []}),
    ],
)
def test_tools_of_the_caller_win(name: str, own: dict[str, Any]) -> None:
    body, _ = said(name, prompt(tools=(TOOL,)), **own)
    assert body == {"model": "m", **BODIES[name], **own}


@pytest.mark.parametrize(
    ("name", "field", "own"),
    [
        ("openai.responses", "text", {"verbosity": "low"}),
        ("anthropic.messages", "output_config", {"effort": "low"}),
    ],
)
def test_a_field_that_both_fill_has_what_both_say(name: str, field: str, own: Any) -> None:
    body, _ = said(name, prompt(output_schema=SCHEMA), **{field: own})
    assert body[field]["format"]["schema"] == SCHEMA
    assert body[field].items() >= own.items()
    mine = {**own, "format": {"type": "text"}}
    body, _ = said(name, prompt(output_schema=SCHEMA), **{field: mine})
    assert body[field] == mine


def test_a_dialect_without_tools_says_that_they_are_lost() -> None:
    body, lost = said("openai.completions", prompt(tools=(TOOL,), output_schema=SCHEMA))
    assert (body, lost) == ({"model": "m", "prompt": "Hi."}, ("tools", "response_format"))


def test_a_count_of_tokens_has_what_is_counted_and_nothing_else() -> None:
    dialect = DIALECTS["anthropic.count_tokens"]
    body, _ = said(dialect.name, prompt(tools=(TOOL,)))
    assert body["tools"][0]["name"] == "look_up"
    assert not spoken(dialect, {"temperature": 0.5, "max_tokens": 5}).changes


@pytest.mark.parametrize("limit", [1, 2, 4096, 8192])
def test_a_limit_is_said_whatever_a_dialect_has_without_one(limit: int) -> None:
    found = spoken(DIALECTS["anthropic.messages"], {"max_tokens": limit, "stop": "x", "own": [1]})
    assert found.changes == {"max_tokens": limit, "stop_sequences": ["x"], "own": [1]}
    found = spoken(DIALECTS["openai.responses"], {"max_completion_tokens": limit})
    assert found.changes == {"max_output_tokens": limit}


def test_what_a_dialect_cannot_say_is_lost() -> None:
    found = spoken(DIALECTS["anthropic.messages"], {"temperature": 0.5, "presence_penalty": 1.0})
    assert found.changes == {"temperature": 0.5}
    assert found.lost == ("presence_penalty",)
