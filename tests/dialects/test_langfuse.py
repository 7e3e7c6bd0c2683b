"""Langfuse's ingestion protocol: events of the real SDK and others, read into patches."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from tests.compat.emitters import story
from tests.compat.recording import recorded
from tests.dialects.foreign import ANY_JSON, check, objects

from trimtab.dialects import langfuse
from trimtab.errors import InvalidRequest
from trimtab.records import Message, Prompt, Span, SpanPatch, Usage
from trimtab.tracing.patching import Key, begun, patched

TRACE = "0193de5b-98a0-4d4c-8f1e-0123456789ab"


def event(kind: str, /, **body: Any) -> dict[str, Any]:
    return {"id": "e1", "type": kind, "timestamp": "2026-01-01T00:00:00Z", "body": body}


def told(*events: Any) -> dict[str, Span]:
    """The spans that events make, by name."""
    spans: dict[Key, Span] = {}
    for raw in events:
        for patch in langfuse.read_event(raw).patches:
            key = Key("p", str(patch.trace_id), patch.span_id)
            known = spans.get(key) or begun(key, patch, 0)
            spans[key] = patched(known, patch)
    return {span.name: span for span in spans.values()}


def test_what_the_real_sdk_sends_is_the_story_it_was_told() -> None:
    batches = [langfuse.events(sent.body) for sent in recorded("langfuse2")]
    spans = told(*(raw for batch in batches for raw in batch))
    root, call, failing = spans[story.AGENT], spans["answer"], spans[story.FAILING]
    assert (root.user, root.session, root.tags) == (story.USER, story.SESSION, (story.TAG,))
    assert root.metadata == story.METADATA
    assert (root.input, root.output) == ({"question": story.QUESTION}, story.ANSWER)
    assert {span.parent_id for span in spans.values()} == {None, root.span_id}
    assert root.start_ns <= call.start_ns < call.end_ns <= root.end_ns
    assert (call.kind, call.model, call.input) == ("llm", story.MODEL, story.MESSAGES)
    assert call.output == [{"role": "assistant", "content": story.ANSWER}]
    assert call.usage == Usage(input=100, cache_read=20, output=20, reasoning=10)
    assert (failing.status, failing.error) == ("error", story.REFUSAL)
    assert spans[story.RETRIEVER].output == story.DOCUMENTS


def test_the_real_sdks_score_is_read() -> None:
    given = [
        said.feedback
        for sent in recorded("langfuse2")
        for raw in langfuse.events(sent.body)
        if (said := langfuse.read_event(raw)).feedback
    ]
    assert [(s.name, s.value, s.reason) for s in given] == [("helpful", 1.0, "short and right")]
    (later,) = (sent for sent in recorded("langfuse") if sent.path == "/api/public/scores")
    items, many = langfuse.scores(later.body)
    assert many
    assert langfuse.read_score(items[0]).value == 1.0


def test_an_observation_is_open_until_it_ends() -> None:
    (created, _) = langfuse.read_event(
        event("span-create", id="a", traceId=TRACE, startTime="2026-01-01T00:00:00Z")
    ).patches
    (ended, whole) = langfuse.read_event(
        event("span-update", id="a", traceId=TRACE, endTime="2026-01-01T00:00:01Z")
    ).patches
    assert (created.finished, ended.finished) == (False, True)
    assert created.span_id == ended.span_id
    assert whole.span_id == created.fields["parent_id"] == langfuse.root_id(TRACE)


def test_given_costs_are_kept_as_given() -> None:
    body = {"id": "a", "traceId": TRACE, "name": "g", "model": "m"}
    spans = told(event("generation-create", **body, costDetails={"input": 0.1, "output": 0.2}))
    assert (spans["g"].cost_usd, spans["g"].cost_source) == (Decimal("0.3"), "given")
    spans = told(event("generation-create", **body, usage={"totalCost": 0.5, "input": 3}))
    assert spans["g"].cost_usd == Decimal("0.5")
    spans = told(event("generation-create", **body, usage={"input": 3, "unit": "CHARACTERS"}))
    assert (spans["g"].usage, spans["g"].cost_usd) == (None, None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"value": 0.5}, {"value": 0.5}),
        ({"value": 1, "dataType": "BOOLEAN"}, {"passed": True}),
        ({"value": "good", "dataType": "CATEGORICAL"}, {"label": "good"}),
    ],
)
def test_a_score_is_a_number_a_label_or_an_assertion(
    body: dict[str, Any], expected: dict[str, Any]
) -> None:
    score = langfuse.read_score({"name": "n (1)", "traceId": TRACE, **body})
    given = {"value": score.value, "label": score.label, "passed": score.passed}
    assert {name: value for name, value in given.items() if value is not None} == expected
    assert (score.name, score.metadata) == ("n _1_", {"langfuse.name": "n (1)"})


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        event("unknown-create", id="a"),
        event("trace-create"),
        event("span-create", traceId=TRACE),
        event("score-create", name="n", value=1),
        event("score-create", name="n", traceId=TRACE, value=None),
    ],
)
def test_what_cannot_be_understood_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidRequest):
        langfuse.read_event(raw)


def test_an_update_without_its_trace_names_the_span_alone() -> None:
    (patch,) = langfuse.read_event(event("span-update", id="a", output=1)).patches
    assert patch.trace_id is None


NAMES = ("id", "name", "traceId", "parentObservationId", "startTime", "endTime", "level", "type")
MORE = ("input", "output", "usage", "usageDetails", "costDetails", "metadata", "tags", "userId")


@given(objects(*NAMES, *MORE, "value", "timestamp", "model"))
def test_any_body_makes_storable_spans_or_is_refused(body: dict[str, Any]) -> None:
    for kind in ("trace-create", "generation-create", "generation-update", "score-create"):
        try:
            said = langfuse.read_event(event(kind, **{"id": "x", **body}))
        except InvalidRequest:
            continue
        for patch in said.patches:
            check(patch)


@given(ANY_JSON)
def test_any_body_is_a_batch_or_refused(value: Any) -> None:
    body = json.dumps(value).encode()
    try:
        events = langfuse.events(body)
    except InvalidRequest:
        return
    assert isinstance(events, list)


def test_a_prompt_of_one_user_message_is_a_text() -> None:
    def shown(*messages: Message) -> dict[str, Any]:
        prompt = Prompt(name="p", version=2, messages=messages, digest="d" * 64, created_ns=0)
        return langfuse.prompt(prompt, ["latest"])

    text = shown(Message(role="user", content="Hi {{ name }}"))
    assert (text["type"], text["prompt"], text["labels"]) == ("text", "Hi {{ name }}", ["latest"])
    chat = shown(Message(role="system", content="Be brief"))
    assert (chat["type"], chat["prompt"][0]["content"]) == ("chat", "Be brief")


def test_patches_name_no_field_that_a_span_does_not_have() -> None:
    for sent in recorded("langfuse2"):
        for raw in langfuse.events(sent.body):
            for patch in langfuse.read_event(raw).patches:
                assert isinstance(patch, SpanPatch)
                assert patch.fields.keys() <= set(Span.__struct_fields__)
