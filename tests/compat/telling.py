"""What Trimtab must make of the story, whichever SDK told it; and what an SDK cannot say.

`Telling` holds the tests. Its subclasses say how the story reaches a server: recorded requests sent
again, or the SDK itself at work.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.compat.emitters import story

KINDS = {
    story.AGENT: "agent",
    story.RETRIEVER: "retriever",
    story.TOOL: "tool",
    story.FAILING: "tool",
}
EVERYTHING = {"input": 100, "cache_read": 20, "output": 20, "reasoning": 10}
# OpenAI's list price of the model, in US dollars per million tokens.
PRICES = {
    "input": Decimal("0.15"),
    "cache_read": Decimal("0.075"),
    "output": Decimal("0.60"),
    "reasoning": Decimal("0.60"),
}


@dataclass(frozen=True)
class Expected:
    """How an SDK tells the story.

    `call` is the name of the model call. `names` and `kinds` are what is not as the story says;
    `usage` what is not dropped by the SDK itself. The rest is False where an SDK has no way, or the
    convention no word, to say so. `also` are the spans that the SDK adds, with their parents;
    `sometimes` those that depend on the order in which its requests come.
    """

    call: str
    names: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=lambda: EVERYTHING)
    tags: bool = True
    metadata: bool = True
    payloads: bool = True
    user_everywhere: bool = True
    score: bool = False
    also: tuple[tuple[str, str | None], ...] = ()
    sometimes: tuple[tuple[str, str | None], ...] = ()

    def name(self, part: str) -> str:
        return self.names.get(part, part)

    def kind(self, part: str) -> str:
        return self.kinds.get(part, KINDS[part])


@dataclass(frozen=True)
class Told:
    """One trace as the API gives it, of the SDK of this name."""

    sdk: str
    trace: dict[str, Any]

    @property
    def expected(self) -> Expected:
        return EXPECTED[self.sdk]

    def span(self, part: str) -> dict[str, Any]:
        """The span of a part of the story; where there are two, the outer one."""
        name = self.expected.name(part)
        found = [span for span in self.trace["spans"] if span["name"] == name]
        assert found, f"no span is named {name!r}: {[s['name'] for s in self.trace['spans']]}"
        ids = {span["span_id"] for span in found}
        return next((span for span in found if span["parent_id"] not in ids), found[0])

    @property
    def root(self) -> dict[str, Any]:
        return self.span(story.AGENT)

    @property
    def call(self) -> dict[str, Any]:
        return self.span(self.expected.call)


PREFIXED = {
    story.AGENT: f"invoke_agent {story.AGENT}",
    story.RETRIEVER: f"retrieval {story.RETRIEVER}",
    story.TOOL: f"execute_tool {story.TOOL}",
    story.FAILING: f"execute_tool {story.FAILING}",
}
SUFFIXED = {
    story.AGENT: f"{story.AGENT}.agent",
    story.RETRIEVER: f"{story.RETRIEVER}.task",
    story.TOOL: f"{story.TOOL}.tool",
    story.FAILING: f"{story.FAILING}.tool",
}
TASK = {story.RETRIEVER: "chain"}
# Attributes by hand: who it was is said of the root alone, and there is no word for metadata.
BY_HAND = Expected("chat gpt-4o-mini", PREFIXED, metadata=False, user_everywhere=False)
PHOENIX = Expected("ChatCompletion")
LANGSMITH = Expected("ChatOpenAI", kinds={story.AGENT: "chain"}, score=True)

EXPECTED = {
    "otel-indexed": Expected("chat gpt-4o-mini", SUFFIXED, TASK, tags=False, user_everywhere=False),
    "otel-events": BY_HAND,
    "otel-messages": BY_HAND,
    "otel-grpc": BY_HAND,
    "otel-official": BY_HAND,
    "otel-logs": Expected(
        "chat gpt-4o-mini",
        PREFIXED,
        usage={"input": 120, "output": 30},
        metadata=False,
        user_everywhere=False,
    ),
    "phoenix": PHOENIX,
    "phoenix-grpc": PHOENIX,
    "traceloop": Expected("openai.chat", SUFFIXED, TASK, tags=False),
    "langfuse": Expected("OpenAI-generation", score=True),
    "langfuse2": Expected(
        "answer",
        # Version 2 knows a trace, spans and generations.
        kinds=dict.fromkeys(KINDS, "chain"),
        score=True,
        also=(("answered", story.AGENT),),
    ),
    "langsmith": LANGSMITH,
    "langsmith-plain": LANGSMITH,
    "langsmith-batch": LANGSMITH,
    "opik": Expected(
        "chat_completion_create",
        kinds={story.AGENT: "chain", story.RETRIEVER: "chain"},
        score=True,
        # A trace and its first span, which share their name.
        also=((story.AGENT, story.AGENT),),
    ),
    # Its usage has no reasoning; its tags have values, so they are metadata.
    "mlflow": Expected(
        "Completions",
        usage={"input": 100, "cache_read": 20, "output": 30},
        tags=False,
        score=True,
        # What it says of the trace before the root comes stands in for the root, then lies below.
        sometimes=((f"{story.AGENT} as reported", story.AGENT),),
    ),
    # Plain spans with attributes of the application's own.
    "logfire": Expected(
        "Chat Completion with 'gpt-4o-mini'",
        kinds=dict.fromkeys(KINDS, "other"),
        metadata=False,
        payloads=False,
    ),
    "laminar": Expected("openai.chat", kinds={story.AGENT: "other", story.RETRIEVER: "other"}),
}


class Telling:
    """The tests; a subclass's module provides the fixture `told`."""

    def test_the_tree_is_the_storys(self, told: Told) -> None:
        names = {span["span_id"]: span["name"] for span in told.trace["spans"]}
        found = Counter((s["name"], names.get(s["parent_id"])) for s in told.trace["spans"])
        root = told.expected.name(story.AGENT)
        parts = [story.RETRIEVER, story.TOOL, told.expected.call, story.FAILING]
        wanted = Counter([(root, None), *told.expected.also])
        wanted.update((told.expected.name(part), root) for part in parts)
        assert found in (wanted, wanted + Counter(told.expected.sometimes))

    def test_every_span_is_finished(self, told: Told) -> None:
        assert [span["name"] for span in told.trace["spans"] if span.get("open")] == []
        for span in told.trace["spans"]:
            assert told.root["start_ns"] <= span["start_ns"] <= span["end_ns"]

    def test_kinds(self, told: Told) -> None:
        found = {part: told.span(part)["kind"] for part in KINDS}
        assert found == {part: told.expected.kind(part) for part in KINDS}
        assert told.call["kind"] == "llm"

    def test_the_model_and_disjoint_tokens(self, told: Told) -> None:
        assert told.call["model"] == story.MODEL
        usage = told.call["usage"]
        assert usage.pop("estimated") is False
        assert {bucket: tokens for bucket, tokens in usage.items() if tokens} == told.expected.usage

    def test_only_the_call_has_a_cost(self, told: Told) -> None:
        costs = {s["name"]: Decimal(s["cost_usd"]) for s in told.trace["spans"] if s["cost_usd"]}
        usage = told.expected.usage
        cost_usd = sum(PRICES[bucket] * tokens for bucket, tokens in usage.items()) / 1_000_000
        assert costs == {told.expected.call: cost_usd}

    def test_the_call_as_messages(self, told: Told) -> None:
        asked = [(message["role"], message["content"]) for message in told.call["input"]]
        assert asked == [(message["role"], message["content"]) for message in story.MESSAGES]
        answered = [(message["role"], message["content"]) for message in told.call["output"]]
        assert answered == [("assistant", story.ANSWER)]

    def test_what_went_in_and_came_out(self, told: Told) -> None:
        if not told.expected.payloads:
            return
        assert story.QUESTION in json.dumps(told.root["input"])
        assert told.root["output"] == story.ANSWER
        assert story.QUERY in json.dumps(told.span(story.RETRIEVER)["input"])
        assert story.ARGUMENTS["order"] in json.dumps(told.span(story.TOOL)["input"])
        assert told.span(story.TOOL)["output"] == story.FOUND
        assert told.span(story.FAILING)["output"] is None

    def test_what_was_retrieved(self, told: Told) -> None:
        if not told.expected.payloads:
            return
        found = told.span(story.RETRIEVER)["output"]
        assert len(found) == len(story.DOCUMENTS)
        for passage, document in zip(found, story.DOCUMENTS, strict=True):
            assert document["text"] in json.dumps(passage)
            if told.expected.kind(story.RETRIEVER) == "retriever":
                assert (passage["id"], passage["text"]) == (document["id"], document["text"])
                assert passage["score"] == document["score"]

    def test_who_it_was(self, told: Told) -> None:
        spans = told.trace["spans"] if told.expected.user_everywhere else [told.root]
        assert {(span["user"], span["session"]) for span in spans} == {(story.USER, story.SESSION)}

    def test_tags_and_metadata(self, told: Told) -> None:
        if told.expected.tags:
            assert told.root["tags"] == [story.TAG]
        if told.expected.metadata:
            assert told.root["metadata"].items() >= story.METADATA.items()

    def test_what_failed(self, told: Told) -> None:
        failed = [span["name"] for span in told.trace["spans"] if span["status"] == "error"]
        assert failed == [told.expected.name(story.FAILING)]
        assert story.REFUSAL in told.span(story.FAILING)["error"]

    def test_feedback(self, told: Told) -> None:
        if not told.expected.score:
            return
        [score] = told.trace["scores"]
        assert (score["name"], score["value"]) == ("helpful", 1.0)
        assert score["reason"] == "short and right"
        assert score["target"]["id"] == told.trace["trace_id"]
