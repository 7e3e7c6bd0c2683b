"""Opik's protocol: traces, spans and scores of the real SDK and others, read into patches."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from tests.compat.emitters import story
from tests.compat.recording import recorded
from tests.dialects.foreign import check, objects

from trimtab.dialects import opik
from trimtab.errors import InvalidRequest
from trimtab.records import Span, Usage
from trimtab.tracing.patching import Key, begun, patched

TRACE = "01a1fe9d-2291-7cc3-9232-5a0094bdfb37"
START, END = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


def told() -> dict[tuple[str, str], Span]:
    """The spans the real SDK made, by kind and name."""
    spans: dict[Key, Span] = {}
    for sent in recorded("opik"):
        for noun in ("traces", "spans"):
            if sent.path.endswith(f"{noun}/batch"):
                for item in opik.items(gzip.decompress(sent.body), noun):
                    patch = opik.read(noun, item)
                    key = Key("p", str(patch.trace_id), patch.span_id)
                    spans[key] = patched(spans.get(key) or begun(key, patch, 0), patch)
    return {("root" if s.parent_id is None else s.kind, s.name): s for s in spans.values()}


def test_what_the_real_sdk_sends_is_the_story_it_was_told() -> None:
    spans = told()
    root, agent = spans["root", story.AGENT], spans["chain", story.AGENT]
    call, failing = spans["llm", "chat_completion_create"], spans["tool", story.FAILING]
    assert (root.user, root.session, root.tags) == (story.USER, story.SESSION, (story.TAG,))
    assert root.metadata["tenant"] == "acme"
    assert (root.input, root.output) == ({"question": story.QUESTION}, story.ANSWER)
    assert (agent.parent_id, call.parent_id) == (root.span_id, agent.span_id)
    assert (call.model, call.input) == (story.MODEL, story.MESSAGES)
    assert call.output[0]["content"] == story.ANSWER
    assert call.usage == Usage(input=100, cache_read=20, output=20, reasoning=10)
    assert (failing.status, failing.error) == ("error", story.REFUSAL)
    assert spans["chain", story.RETRIEVER].output == story.DOCUMENTS


def test_the_real_sdks_score_is_read() -> None:
    (sent,) = (sent for sent in recorded("opik") if sent.path.endswith("feedback-scores"))
    (item,) = opik.items(sent.body, "scores")
    score = opik.read_score("traces", item)
    assert (score.name, score.value, score.reason) == ("helpful", 1.0, "short and right")
    assert score.trace_id is not None


def test_a_trace_or_span_is_open_until_it_has_an_end() -> None:
    for noun in ("traces", "spans"):
        begun = opik.read(noun, {"id": "a", "trace_id": TRACE, "start_time": START})
        ended = opik.read(noun, {"id": "a", "trace_id": TRACE, "end_time": END})
        assert (begun.finished, ended.finished) == (False, True)
        assert begun.span_id == ended.span_id


def test_anthropics_counts_are_not_counted_twice() -> None:
    usage = {
        "prompt_tokens": 129,
        "completion_tokens": 30,
        "original_usage.input_tokens": 100,
        "original_usage.output_tokens": 30,
        "original_usage.cache_read_input_tokens": 20,
        "original_usage.cache_creation_input_tokens": 9,
    }
    fields = opik.read("spans", {"id": "a", "type": "llm", "usage": usage}).fields
    assert fields["usage"] == Usage(input=100, cache_read=20, cache_write_5m=9, output=30)


def test_a_host_is_no_provider() -> None:
    for host, expected in (("openai", "openai"), ("127.0.0.1", None), ("llm.example", None)):
        patch = opik.read("spans", {"id": "a", "provider": host})
        assert patch.fields.get("provider") == expected
        assert expected or patch.fields["attributes"]["opik.provider"] == host


def test_a_given_cost_is_kept_as_given() -> None:
    span = {"id": "a", "type": "llm", "total_estimated_cost": 0.25, "ttft": 3.5}
    fields = opik.read("spans", {**span, "start_time": START}).fields
    assert (fields["cost_usd"], fields["cost_source"]) == (Decimal("0.25"), "given")
    assert fields["first_token_ns"] - fields["start_ns"] == 3_500_000


def test_a_batch_of_changes_is_a_change_of_each() -> None:
    body = json.dumps({"ids": ["a", "b"], "update": {"tags": ["t"], "trace_id": TRACE}}).encode()
    changes = [opik.read("spans", item) for item in opik.changes(body, "spans")]
    assert len({change.span_id for change in changes}) == 2
    assert {change.fields["tags"] for change in changes} == {("t",)}


def test_a_score_names_a_trace_a_span_or_a_session() -> None:
    item = {"id": TRACE, "thread_id": "s", "name": "n", "value": 0, "source": "online_scoring"}
    assert opik.read_score("traces", item).trace_id == TRACE.replace("-", "")
    assert opik.read_score("spans", item).span_id is not None
    assert opik.read_score("threads", item).session == "s"
    assert opik.read_score("spans", item).source == "judge"
    with pytest.raises(InvalidRequest, match="not a number"):
        opik.read_score("spans", {**item, "value": "high"})


NAMES = ("name", "trace_id", "parent_span_id", "type", "start_time", "end_time", "thread_id")
MORE = ("input", "output", "usage", "metadata", "tags", "error_info", "ttft", "model", "provider")


@given(objects(*NAMES, *MORE, "total_estimated_cost", "environment"))
def test_any_body_makes_a_storable_span(body: dict[str, Any]) -> None:
    check(opik.read("traces", {"id": "x", **body}))
    check(opik.read("spans", {"id": "x", **body}))
