"""What real SDKs sent about one and the same story, read: they all come out the same.

The recordings and the story are those of `tests/compat`.
"""

from __future__ import annotations

import gzip

import pytest
from tests.compat.emitters import story
from tests.compat.recording import recorded
from tests.conventions.reading import buckets

from trimtab.conventions import normalise
from trimtab.dialects.otlp import decode_traces
from trimtab.records import Span, text_of

OTEL = ("otel-indexed", "otel-events", "otel-messages", "otel-official")
SDKS = (*OTEL, "phoenix", "traceloop", "langfuse", "mlflow", "logfire", "laminar", "vercel-ai")
# Who tells that a step retrieves, and who the tools from other steps.
RETRIEVERS = ("otel-events", "otel-messages", "otel-official", "phoenix", "langfuse", "mlflow")
TOOLS = tuple(sdk for sdk in SDKS if sdk != "logfire")
# MLflow sends user and session with the trace, not with its spans.
NAMED = tuple(sdk for sdk in SDKS if sdk != "mlflow")


def spans(sdk: str) -> list[Span]:
    found = []
    for sent in recorded(sdk):
        if sent.path.endswith("v1/traces"):
            packed = sent.headers.get("content-encoding") == "gzip"
            body = gzip.decompress(sent.body) if packed else sent.body
            encoding = "json" if "json" in sent.headers["content-type"] else "protobuf"
            decoded = decode_traces(body, encoding)  # type: ignore[arg-type]  # one of the two
            assert not decoded.rejected
            found += [normalise(raw, project="p") for raw in decoded.spans]
    return [span for span in found if not span.open]


@pytest.mark.parametrize("sdk", SDKS)
def test_the_call_of_the_model_is_told_with_all_it_used(sdk: str) -> None:
    calls = [span for span in spans(sdk) if span.kind == "llm"]
    assert calls
    told_reasoning = {} if sdk == "mlflow" else {"reasoning": story.REASONING_TOKENS}
    for call in calls:
        assert call.model == story.MODEL
        assert buckets(call) == {
            "input": story.INPUT_TOKENS - story.CACHED_TOKENS,
            "cache_read": story.CACHED_TOKENS,
            "output": story.OUTPUT_TOKENS - told_reasoning.get("reasoning", 0),
            **told_reasoning,
        }


@pytest.mark.parametrize("sdk", SDKS)
def test_no_other_span_counts_the_call_again(sdk: str) -> None:
    counted = {span.kind for span in spans(sdk) if span.usage}
    assert counted <= {"llm", "embedding"}


@pytest.mark.parametrize("sdk", SDKS)
def test_the_question_and_the_answer_are_messages(sdk: str) -> None:
    call = [span for span in spans(sdk) if span.kind == "llm"][-1]
    if sdk == "vercel-ai":
        call = max((s for s in spans(sdk) if s.kind == "llm"), key=lambda span: span.start_ns)
    assert isinstance(call.input, list)
    assert isinstance(call.output, list)
    assert [turn["role"] for turn in call.input[:2]] == ["system", "user"]
    assert [text_of(turn) for turn in call.input[:2]] == [story.SYSTEM, story.QUESTION]
    assert [(turn["role"], turn["content"]) for turn in call.output] == [
        ("assistant", story.ANSWER)
    ]


@pytest.mark.parametrize("sdk", SDKS)
def test_what_failed_says_why(sdk: str) -> None:
    failed = [span for span in spans(sdk) if span.status == "error"]
    assert len(failed) == 1
    assert failed[0].error is not None
    assert story.REFUSAL in failed[0].error


@pytest.mark.parametrize("sdk", TOOLS)
def test_a_tools_arguments_and_result_are_values(sdk: str) -> None:
    tools = {span.name: span for span in spans(sdk) if span.kind == "tool"}
    found = next(span for name, span in tools.items() if story.TOOL in name)
    wrapped = {"args": [], "kwargs": story.ARGUMENTS}  # as OpenLLMetry's decorators record them
    assert found.input in (story.ARGUMENTS, wrapped)
    assert found.output == story.FOUND


@pytest.mark.parametrize("sdk", RETRIEVERS)
def test_a_retrievers_documents_are_passages(sdk: str) -> None:
    retrievers = [span for span in spans(sdk) if span.kind == "retriever"]
    assert [span.output for span in retrievers] == [
        [{**document, "source": None} for document in story.DOCUMENTS]
    ]


@pytest.mark.parametrize("sdk", NAMED)
def test_user_and_session_are_known(sdk: str) -> None:
    found = spans(sdk)
    assert {span.user for span in found} - {None} == {story.USER}
    assert {span.session for span in found} - {None} == {story.SESSION}


@pytest.mark.parametrize("sdk", ["phoenix", "traceloop", "langfuse", "laminar", "vercel-ai"])
def test_what_the_application_said_is_metadata(sdk: str) -> None:
    assert any(span.metadata == story.METADATA for span in spans(sdk))


def test_logfire_announces_each_span_before_it_ends() -> None:
    found = [
        normalise(raw, project="p")
        for sent in recorded("logfire")
        if sent.path.endswith("v1/traces")
        for raw in decode_traces(gzip.decompress(sent.body), "protobuf").spans
    ]
    announced = {span.span_id for span in found if span.open}
    assert announced
    assert announced <= {span.span_id for span in found if not span.open}
