"""OpenInference; examples follow the specification's pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.conventions.reading import buckets, read

LLM = {"openinference.span.kind": "LLM"}


@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("LLM", "llm"),
        ("EMBEDDING", "embedding"),
        ("CHAIN", "chain"),
        ("RETRIEVER", "retriever"),
        ("RERANKER", "reranker"),
        ("TOOL", "tool"),
        ("AGENT", "agent"),
        ("GUARDRAIL", "guard"),
        ("EVALUATOR", "scorer"),
        ("PROMPT", "other"),
        ("llm", "llm"),
        ("UNKNOWN", "other"),
    ],
)
def test_the_span_kind_tells_the_kind(named: str, kind: str) -> None:
    assert read({"openinference.span.kind": named}).kind == kind


def test_flattened_messages_become_chat_messages() -> None:
    asked, said = "llm.input_messages", "llm.output_messages"
    span = read(
        {
            **LLM,
            f"{asked}.1.message.role": "user",
            f"{asked}.1.message.content": "what is 23 times 87",
            f"{asked}.0.message.role": "system",
            f"{asked}.0.message.content": "Speak as Shakespeare would.",
            f"{said}.0.message.role": "assistant",
            f"{said}.0.message.tool_calls.0.tool_call.id": "call_1",
            f"{said}.0.message.tool_calls.0.tool_call.function.name": "multiply",
            f"{said}.0.message.tool_calls.0.tool_call.function.arguments": '{"a": 23, "b": 87}',
            "input.value": '{"messages": []}',
            "output.value": "{}",
        }
    )
    assert span.input == [
        {"role": "system", "content": "Speak as Shakespeare would."},
        {"role": "user", "content": "what is 23 times 87"},
    ]
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "multiply", "arguments": '{"a": 23, "b": 87}'},
    }
    assert span.output == [{"role": "assistant", "content": None, "tool_calls": [call]}]


def test_a_tools_answer_keeps_whose_call_it_answers() -> None:
    prefix = "llm.input_messages.0.message"
    answer = {f"{prefix}.role": "tool", f"{prefix}.content": "2001", f"{prefix}.tool_call_id": "c"}
    assert read({**LLM, **answer}).input == [
        {"role": "tool", "content": "2001", "tool_call_id": "c"}
    ]


def test_contents_of_several_kinds_become_content_parts() -> None:
    prefix = "llm.input_messages.0.message"
    span = read(
        {
            **LLM,
            f"{prefix}.role": "user",
            f"{prefix}.contents.0.message_content.type": "text",
            f"{prefix}.contents.0.message_content.text": "What is this?",
            f"{prefix}.contents.1.message_content.type": "image",
            f"{prefix}.contents.1.message_content.image.image.url": "https://x.test/a.png",
        }
    )
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
    ]
    assert span.input == [{"role": "user", "content": content}]


def test_messages_that_came_as_one_list_read_the_same() -> None:
    whole = [
        {"message.role": "user", "message.content": "what is 23 times 87"},
        {
            "message.role": "assistant",
            "message.tool_calls": [
                {"tool_call.function.name": "multiply", "tool_call.function.arguments": "{}"}
            ],
        },
    ]
    call = {"id": None, "type": "function", "function": {"name": "multiply", "arguments": "{}"}}
    assert read({**LLM, "llm.input_messages": whole}).input == [
        {"role": "user", "content": "what is 23 times 87"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]


def test_prompts_and_choices_of_completions_become_messages() -> None:
    span = read(
        {**LLM, "llm.prompts.0.prompt.text": "Once", "llm.choices.0.completion.text": " upon"}
    )
    assert span.input == [{"role": "user", "content": "Once"}]
    assert span.output == [{"role": "assistant", "content": " upon"}]


def test_without_messages_a_recorded_body_is_read_for_them() -> None:
    body = '{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'
    answer = '{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}}]}'
    span = read({**LLM, "input.value": body, "output.value": answer})
    assert span.input == [{"role": "user", "content": "Hi"}]
    assert span.output == [{"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    ("value", "read_as"),
    [('{"a": [1]}', {"a": [1]}), ("plain", "plain"), ("{not json", "{not json"), ("", None)],
)
def test_values_are_json_or_text(value: str, read_as: Any) -> None:
    span = read({"openinference.span.kind": "CHAIN", "input.value": value, "output.value": value})
    assert (span.input, span.output) == (read_as, read_as)


def test_retrieved_documents_are_passages() -> None:
    prefix = "retrieval.documents.0.document"
    span = read(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "What is it?",
            f"{prefix}.id": 1234,
            f"{prefix}.content": "A sample.",
            f"{prefix}.score": 0.98,
            f"{prefix}.metadata": '{"source": "a.md"}',
        }
    )
    assert span.input == "What is it?"
    assert span.output == [{"id": "1234", "text": "A sample.", "source": "a.md", "score": 0.98}]


def test_a_reranker_has_a_query_and_passages() -> None:
    span = read(
        {
            "openinference.span.kind": "RERANKER",
            "reranker.model_name": "rerank-v3",
            "reranker.query": "q",
            "reranker.output_documents.0.document.id": "d1",
            "reranker.output_documents.0.document.score": 1,
        }
    )
    assert (span.model, span.input) == ("rerank-v3", "q")
    assert span.output == [{"id": "d1", "text": None, "source": None, "score": 1}]


def test_embedded_texts_are_the_input_and_vectors_stay_behind() -> None:
    span = read(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "ada",
            "embedding.embeddings.0.embedding.text": "hello",
            "embedding.embeddings.0.embedding.vector": [0.1, 0.2],
            "llm.token_count.prompt": 3,
        }
    )
    assert (span.model, span.input, span.output) == ("ada", ["hello"], None)
    assert buckets(span) == {"input": 3}


def test_counts_are_inside_their_sums_for_anthropic_too() -> None:
    """Its instrumentation reports 2 + 47105 + 1076 tokens as the prompt."""
    span = read(
        {
            **LLM,
            "llm.provider": "anthropic",
            "llm.token_count.prompt": 48183,
            "llm.token_count.prompt_details.cache_read": 47105,
            "llm.token_count.prompt_details.cache_write": 1076,
            "llm.token_count.completion": 714,
            "llm.token_count.completion_details.reasoning": 14,
        }
    )
    assert buckets(span) == {
        "input": 2,
        "cache_read": 47105,
        "cache_write_5m": 1076,
        "output": 700,
        "reasoning": 14,
    }


def test_names_tags_metadata_and_cost() -> None:
    span = read(
        {
            **LLM,
            "session.id": "s42",
            "user.id": "u7",
            "tag.tags": ["demo"],
            "metadata": '{"tenant": "acme"}',
            "llm.system": "openai",
            "llm.provider": "azure",
            "llm.request.model_name": "auto",
            "llm.model_name": "gpt-4o",
            "llm.cost.total": 0.00125,
        }
    )
    assert (span.session, span.user, span.tags) == ("s42", "u7", ("demo",))
    assert (span.metadata, span.provider, span.model) == ({"tenant": "acme"}, "azure", "gpt-4o")
    assert span.cost_usd == Decimal("0.00125")
