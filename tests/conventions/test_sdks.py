"""Langfuse, MLflow, Vercel AI, LangSmith, Logfire and pydantic-ai, OpenLLMetry, Laminar."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.conventions.reading import START_NS, buckets, event, read

# -- Langfuse ----------------------------------------------------------------------------------


def langfuse(**parts: Any) -> dict[str, Any]:
    return {f"langfuse.observation.{key}": value for key, value in parts.items()}


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("generation", "llm"),
        ("embedding", "embedding"),
        ("agent", "agent"),
        ("tool", "tool"),
        ("chain", "chain"),
        ("retriever", "retriever"),
        ("guardrail", "guard"),
        ("evaluator", "scorer"),
        ("span", "other"),
        ("event", "other"),
    ],
)
def test_langfuse_types(named: str, kind: str) -> None:
    assert read(langfuse(type=named)).kind == kind


def test_langfuse_span_with_a_model_is_a_call_as_of_old_sdks() -> None:
    assert read({**langfuse(type="span"), "langfuse.observation.model.name": "m"}).kind == "llm"


def test_langfuse_keys_count_disjoint_buckets() -> None:
    details = {
        "input": 10,
        "input_cached_tokens": 5,
        "input_cache_creation": 1,
        "input_cache_creation_5m": 2,
        "input_cache_creation_1h": 4,
        "output": 20,
        "output_reasoning_tokens": 7,
        "total": 49,
    }
    span = read(langfuse(type="generation", usage_details=json.dumps(details)))
    assert buckets(span) == {
        "input": 10,
        "cache_read": 5,
        "cache_write_5m": 3,
        "cache_write_1h": 4,
        "output": 20,
        "reasoning": 7,
    }


def test_langfuse_passes_openais_usage_through() -> None:
    usage = {
        "prompt_tokens": 120,
        "completion_tokens": 30,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 20, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 10},
    }
    span = read(langfuse(type="generation", usage_details=json.dumps(usage)))
    assert buckets(span) == {"input": 100, "cache_read": 20, "output": 20, "reasoning": 10}


def test_langfuse_passes_anthropics_usage_through() -> None:
    usage = {"input_tokens": 7, "cache_read_input_tokens": 100, "output_tokens": 5}
    span = read(langfuse(type="generation", usage_details=json.dumps(usage)))
    assert buckets(span) == {"input": 7, "cache_read": 100, "output": 5}


def test_langfuse_usage_of_an_agent_is_its_own() -> None:
    told = langfuse(type="agent", usage_details='{"input": 1}', cost_details='{"total": 0.5}')
    span = read(told, kind=1)
    assert (buckets(span), span.cost_usd) == ({"input": 1}, Decimal("0.5"))


def test_langfuse_cost_is_the_total_or_the_sum() -> None:
    assert read(langfuse(cost_details='{"input": 0.1, "output": 0.2}')).cost_usd == Decimal("0.3")
    total = '{"input": 0.1, "total": 0.35}'
    assert read(langfuse(cost_details=total)).cost_usd == Decimal("0.35")
    assert read(langfuse(cost_details="{}")).cost_usd is None


@pytest.mark.parametrize("quote", ["{}", '"{}"'])
def test_langfuse_completion_start_is_the_first_token(quote: str) -> None:
    moment = quote.format("2023-11-14T22:13:20.250000Z")  # START_NS and a quarter of a second
    span = read(langfuse(completion_start_time=moment))
    assert span.first_token_ns == START_NS + 250_000_000


def test_langfuse_level_makes_an_error() -> None:
    span = read(langfuse(level="ERROR", status_message="refused"))
    assert (span.status, span.error) == ("error", "refused")
    assert read(langfuse(level="WARNING", status_message="slow")).status == "unset"


def test_langfuse_names_of_all_sorts() -> None:
    span = read(
        {
            **langfuse(input='{"q": 1}', output="plain"),
            "langfuse.observation.prompt.name": "support",
            "langfuse.observation.prompt.version": 3,
            "langfuse.session.id": "s42",
            "langfuse.user.id": "u7",
            "langfuse.environment": "prod",
            "langfuse.release": "v1.2",
            "langfuse.trace.tags": '["a", "b"]',
            "langfuse.trace.metadata": '{"deep": {"er": true}}',
            "langfuse.trace.metadata.tenant": '"acme"',
            "langfuse.observation.metadata.step": "first",
        }
    )
    assert (span.input, span.output, span.prompt) == ({"q": 1}, "plain", "support@3")
    assert (span.session, span.user, span.environment) == ("s42", "u7", "prod")
    assert span.tags == ("a", "b")
    assert span.metadata == {"deep.er": True, "tenant": "acme", "step": "first", "release": "v1.2"}
    assert span.release is None


# -- MLflow ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encode", [json.dumps, lambda value: value], ids=["json", "kvlist"])
def test_mlflow_values_are_json_texts_or_the_values_themselves(encode: Any) -> None:
    span = read(
        {
            "mlflow.spanType": encode("CHAT_MODEL"),
            "mlflow.llm.model": encode("claude"),
            "mlflow.llm.provider": encode("anthropic"),
            "mlflow.spanInputs": encode({"messages": [{"role": "user", "content": "Hi"}]}),
            "mlflow.spanOutputs": encode("Hello"),
            "mlflow.trace.session": encode("s42"),
            "mlflow.linkedPrompts": encode([{"name": "support", "version": "3"}]),
            "mlflow.llm.cost": encode({"input_cost": 1, "output_cost": 2, "total_cost": 3}),
            "mlflow.chat.tokenUsage": encode(
                {
                    "input_tokens": 110,
                    "output_tokens": 5,
                    "total_tokens": 115,
                    "cache_read_input_tokens": 90,
                    "cache_creation_input_tokens": 10,
                    "cache_creation_input_tokens_above_1hr": 4,
                }
            ),
        }
    )
    assert (span.kind, span.model, span.provider) == ("llm", "claude", "anthropic")
    assert span.input == [{"role": "user", "content": "Hi"}]
    assert (span.output, span.session, span.prompt) == ("Hello", "s42", "support@3")
    assert (span.cost_usd, span.cost_source) == (Decimal(3), "given")
    assert buckets(span) == {
        "input": 10,
        "cache_read": 90,
        "cache_write_5m": 6,
        "cache_write_1h": 4,
        "output": 5,
    }


def test_mlflow_retrievers_documents_are_passages() -> None:
    found = [{"page_content": "Hi", "metadata": {"doc_uri": "a.md", "score": 0.9}, "id": "d1"}]
    span = read({"mlflow.spanType": "RETRIEVER", "mlflow.spanOutputs": found})
    assert span.output == [{"id": "d1", "text": "Hi", "source": "a.md", "score": 0.9}]


# -- Vercel AI ---------------------------------------------------------------------------------


def test_vercel_outer_span_is_a_chain_without_usage() -> None:
    span = read(
        {
            "ai.operationId": "ai.generateText",
            "ai.prompt": '{"system": "Be brief.", "prompt": "Hi"}',
            "ai.response.text": "Hello",
            "ai.usage.promptTokens": 3,
            "ai.usage.completionTokens": 1,
        },
        kind=1,
    )
    assert (span.kind, span.usage, span.output) == ("chain", None, "Hello")
    assert span.input == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


def test_vercel_call_has_messages_of_its_parts() -> None:
    call = {"type": "tool-call", "toolCallId": "c1", "toolName": "w", "input": {"city": "Paris"}}
    result = {
        "type": "tool-result",
        "toolCallId": "c1",
        "toolName": "w",
        "output": {"type": "json", "value": {"sky": "grey"}},
    }
    asked = [
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "content": [call]},
        {"role": "tool", "content": [result]},
    ]
    span = read(
        {
            "ai.operationId": "ai.streamText.doStream",
            "ai.prompt.messages": json.dumps(asked),
            "ai.response.text": "Let me see.",
            "ai.response.toolCalls": json.dumps(
                [{"toolCallId": "c2", "toolName": "w", "input": '{"city":"Rome"}'}]
            ),
            "ai.response.msToFirstChunk": 12.5,
        }
    )
    wire = {"id": "c1", "type": "function"}
    made = {**wire, "function": {"name": "w", "arguments": '{"city":"Paris"}'}}
    more = {**wire, "id": "c2", "function": {"name": "w", "arguments": '{"city":"Rome"}'}}
    assert span.kind == "llm"
    assert span.input == [
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"sky":"grey"}'},
    ]
    assert span.output == [{"role": "assistant", "content": "Let me see.", "tool_calls": [more]}]
    assert span.first_token_ns == START_NS + 12_500_000


def vercel(provider: str, **counts: int) -> dict[str, Any]:
    call = {"ai.operationId": "ai.generateText.doGenerate", "ai.model.provider": provider}
    return {**call, **{f"ai.usage.{name}": tokens for name, tokens in counts.items()}}


def test_vercel_counts_openais_cache_inside_the_input() -> None:
    span = read(vercel("openai.chat", inputTokens=100, cachedInputTokens=60, outputTokens=5))
    assert buckets(span) == {"input": 40, "cache_read": 60, "output": 5}


@pytest.mark.parametrize("provider", ["anthropic.messages", "amazon-bedrock"])
def test_vercel_5_counts_anthropics_cache_beside_the_input(provider: str) -> None:
    """Its total is input and output alone, which does not put the cache inside."""
    counts = vercel(provider, inputTokens=100, cachedInputTokens=60, outputTokens=5)
    for told in (counts, counts | {"ai.usage.totalTokens": 105}):
        assert buckets(read(told)) == {"input": 100, "cache_read": 60, "output": 5}


def test_vercel_6_says_what_was_not_cached() -> None:
    counts = {
        "inputTokens": 100,
        "inputTokenDetails.noCacheTokens": 30,
        "inputTokenDetails.cacheReadTokens": 60,
        "inputTokenDetails.cacheWriteTokens": 10,
        "outputTokens": 5,
    }
    span = read(vercel("anthropic.messages", **counts))
    assert buckets(span) == {"input": 30, "cache_read": 60, "cache_write_5m": 10, "output": 5}


def test_vercel_provider_metadata_splits_cache_writes_by_lifetime() -> None:
    usage = {
        "input_tokens": 2,
        "cache_read_input_tokens": 47105,
        "cache_creation_input_tokens": 1076,
        "cache_creation": {"ephemeral_5m_input_tokens": 76, "ephemeral_1h_input_tokens": 1000},
        "output_tokens": 714,
    }
    told = {"ai.response.providerMetadata": json.dumps({"anthropic": {"usage": usage}})}
    total = {"gen_ai.usage.input_tokens": 48183, "gen_ai.usage.output_tokens": 714}
    span = read({**vercel("anthropic"), **told, **total})
    assert buckets(span) == {
        "input": 2,
        "cache_read": 47105,
        "cache_write_5m": 76,
        "cache_write_1h": 1000,
        "output": 714,
    }


def test_vercel_tool_and_embedding_and_metadata() -> None:
    tool = read(
        {
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": "weather",
            "ai.toolCall.args": '{"a": 1}',
            "ai.toolCall.result": '"done"',
            "ai.telemetry.metadata.sessionId": "s42",
            "ai.telemetry.metadata.userId": "u7",
            "ai.telemetry.metadata.tags": ["demo"],
            "ai.telemetry.metadata.tenant": "acme",
            "ai.telemetry.metadata.langfusePrompt": '{"name": "support", "version": 3}',
        }
    )
    assert (tool.kind, tool.name, tool.input, tool.output) == ("tool", "weather", {"a": 1}, "done")
    assert (tool.session, tool.user, tool.tags) == ("s42", "u7", ("demo",))
    assert (tool.metadata, tool.prompt) == ({"tenant": "acme"}, "support@3")
    embedding = {"ai.operationId": "ai.embed.doEmbed", "ai.values": ['"a"'], "ai.usage.tokens": 4}
    assert (read(embedding).kind, read(embedding).input) == ("embedding", ["a"])
    assert buckets(read(embedding)) == {"input": 4}


# -- LangSmith ---------------------------------------------------------------------------------


def test_langsmith_run_is_read_from_its_bodies() -> None:
    human = {"lc": 1, "type": "constructor", "id": ["langchain", "HumanMessage"]}
    asked = {"messages": [[{**human, "kwargs": {"content": "Hi", "type": "human"}}]]}
    reply = {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"]}
    call = {"name": "w", "args": {"city": "Paris"}, "id": "c1", "type": "tool_call"}
    said = {
        "generations": [
            [{"text": "", "message": {**reply, "kwargs": {"content": "", "tool_calls": [call]}}}]
        ]
    }
    span = read(
        {
            "langsmith.span.kind": "llm",
            "gen_ai.operation.name": "chat",
            "gen_ai.prompt": json.dumps(asked),
            "gen_ai.completion": json.dumps(said),
            "gen_ai.system": "anthropic",
            "gen_ai.usage.input_tokens": 110,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.input_token_details": "{'cache_read': 90, 'cache_creation': 10}",
            "langsmith.trace.session_id": "a-project's-id",
            "langsmith.trace.session_name": "my-project",
            "langsmith.metadata.thread_id": "s42",
            "langsmith.metadata.tenant": "acme",
            "langsmith.span.tags": "a, b",
        }
    )
    made = {
        "id": "c1",
        "type": "function",
        "function": {"name": "w", "arguments": '{"city":"Paris"}'},
    }
    assert span.input == [{"role": "user", "content": "Hi"}]
    assert span.output == [{"role": "assistant", "content": "", "tool_calls": [made]}]
    assert (span.session, span.service, span.tags) == ("s42", "my-project", ("a", "b"))
    assert span.metadata == {"tenant": "acme"}
    assert buckets(span) == {"input": 10, "cache_read": 90, "cache_write_5m": 10, "output": 5}


def test_langsmith_kind_goes_before_the_operation_it_invented() -> None:
    """Its exporter calls retrievers `embeddings`."""
    span = read({"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings"})
    assert span.kind == "retriever"


# -- Logfire and pydantic-ai -------------------------------------------------------------------


def test_pydantic_ai_run_of_an_agent_does_not_count_its_calls_again() -> None:
    parts = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    span = read(
        {
            "agent_name": "support",
            "model_name": "gpt-4o",
            "pydantic_ai.all_messages": json.dumps(parts),
            "final_result": "Hello",
            "gen_ai.usage.input_tokens": 10,
        },
        kind=1,
    )
    assert (span.kind, span.model, span.usage) == ("agent", "gpt-4o", None)
    assert (span.input, span.output) == ([{"role": "user", "content": "Hi"}], "Hello")


def test_pydantic_ai_events_in_one_attribute_are_both_sides() -> None:
    told = [
        {"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system"},
        {"event.name": "gen_ai.user.message", "content": "Hi", "role": "user"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"content": "Hello"}},
    ]
    span = read({"gen_ai.request.model": "m", "events": json.dumps(told)})
    assert span.input == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    assert span.output == [{"role": "assistant", "content": "Hello"}]


def test_pydantic_ai_old_history_ends_with_the_answer() -> None:
    told = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    span = read({"agent_name": "a", "all_messages_events": json.dumps(told)})
    assert (span.input, span.output) == (told[:1], told[1:])


def test_pydantic_ai_tool_and_cost() -> None:
    span = read(
        {
            "gen_ai.tool.name": "w",
            "tool_arguments": '{"city": "Paris"}',
            "tool_response": "rainy",
            "operation.cost": 0.000125,
        }
    )
    assert (span.kind, span.input, span.output) == ("tool", {"city": "Paris"}, "rainy")
    assert span.cost_usd == Decimal("0.000125")


def test_logfire_raw_usage_fills_in_what_was_not_told_apart() -> None:
    raw = {"prompt_tokens": 120, "prompt_tokens_details": {"cached_tokens": 20}}
    counts = {"gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30}
    span = read({**counts, "gen_ai.usage.raw": json.dumps(raw)})
    assert buckets(span) == {"input": 100, "cache_read": 20, "output": 30}


def test_logfire_exchange_is_read_from_its_bodies() -> None:
    usage = {"prompt_tokens_details": {"cached_tokens": 20}}
    answer = {"message": {"role": "assistant", "content": "Hello"}, "usage": usage}
    span = read(
        {
            "gen_ai.request.model": "m",
            "request_data": '{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}',
            "response_data": json.dumps(answer),
            "gen_ai.usage.input_tokens": 120,
            "gen_ai.usage.output_tokens": 30,
        }
    )
    assert span.input == [{"role": "user", "content": "Hi"}]
    assert span.output == [{"role": "assistant", "content": "Hello"}]
    assert buckets(span) == {"input": 100, "cache_read": 20, "output": 30}


def test_logfire_name_that_is_a_template_is_filled_in() -> None:
    told = {"logfire.msg": "Chat with 'm'"}
    assert read(told, name="Chat with {model!r}").name == "Chat with 'm'"
    assert read(told, name="chat").name == "chat"


def test_logfire_scrubbed_session_is_no_session() -> None:
    span = read({"session_id": "[Scrubbed due to 'session']", "user_id": "u7"})
    assert (span.session, span.user) == (None, "u7")


def test_logfire_pending_span_announces_the_one_that_will_replace_it() -> None:
    announced = {
        "logfire.span_type": "pending_span",
        "logfire.pending_parent_id": "0000000000000000",
    }
    span = read(announced, span_id="c" * 16, parent_id="b" * 16)
    assert (span.span_id, span.parent_id) == ("b" * 16, None)
    assert span.open
    assert span.revision < 0
    below = read({**announced, "logfire.pending_parent_id": "d" * 16}, parent_id="b" * 16)
    assert below.parent_id == "d" * 16


# -- OpenLLMetry -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("carried", "kind"),
    [
        ({"traceloop.span.kind": "workflow"}, "chain"),
        ({"traceloop.span.kind": "task"}, "chain"),
        ({"traceloop.span.kind": "agent"}, "agent"),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"llm.request.type": "chat"}, "llm"),
        ({"llm.request.type": "embedding"}, "embedding"),
        ({"llm.request.type": "rerank"}, "reranker"),
        ({"traceloop.span.kind": "unknown"}, "other"),
    ],
)
def test_openllmetry_kinds(carried: dict[str, str], kind: str) -> None:
    assert read(carried).kind == kind


def test_openllmetry_entities_and_properties() -> None:
    properties = "traceloop.association.properties"
    span = read(
        {
            "traceloop.span.kind": "workflow",
            "traceloop.entity.input": '{"args": [], "kwargs": {"q": 1}}',
            "traceloop.entity.output": '"done"',
            f"{properties}.session_id": "s42",
            f"{properties}.user_id": "u7",
            f"{properties}.tenant": "acme",
            "traceloop.prompt.key": "support",
            "traceloop.prompt.version": 3,
        }
    )
    assert (span.input, span.output) == ({"args": [], "kwargs": {"q": 1}}, "done")
    assert (span.session, span.user, span.metadata) == ("s42", "u7", {"tenant": "acme"})
    assert span.prompt == "support@3"


def test_openllmetry_anthropic_counts_the_cache_inside_the_input() -> None:
    """Its instrumentation adds 2 + 90 + 8 tokens up to the input."""
    span = read(
        {
            "gen_ai.system": "anthropic",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.cache_read_input_tokens": 90,
            "gen_ai.usage.cache_creation_input_tokens": 8,
            "gen_ai.usage.output_tokens": 5,
            "llm.usage.total_tokens": 105,
        }
    )
    assert buckets(span) == {"input": 2, "cache_read": 90, "cache_write_5m": 8, "output": 5}


def test_openllmetry_vector_search_found_passages() -> None:
    found = event(
        "db.query.result",
        **{
            "db.query.result.id": "d1",
            "db.query.result.document": "Hi",
            "db.query.result.score": 1,
        },
    )
    span = read({"db.system": "chroma"}, events=(found,))
    assert span.kind == "retriever"
    assert span.output == [{"id": "d1", "text": "Hi", "source": None, "score": 1}]


# -- Laminar -----------------------------------------------------------------------------------


def test_laminar_inputs_outputs_and_properties() -> None:
    properties = "lmnr.association.properties"
    span = read(
        {
            "lmnr.span.type": "TOOL",
            "lmnr.span.input": '{"card":"1881"}',
            "lmnr.span.output": '"declined"',
            f"{properties}.session_id": "s42",
            f"{properties}.user_id": "u7",
            f"{properties}.tags": ["demo"],
            f"{properties}.metadata.tenant": "acme",
        }
    )
    assert (span.kind, span.input, span.output) == ("tool", {"card": "1881"}, "declined")
    assert (span.session, span.user, span.tags) == ("s42", "u7", ("demo",))
    assert span.metadata == {"tenant": "acme"}


def test_laminar_records_choices_as_messages() -> None:
    choices = [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}]
    span = read({"lmnr.span.type": "LLM", "gen_ai.output.messages": json.dumps(choices)})
    assert span.output == [{"role": "assistant", "content": "Hello"}]
