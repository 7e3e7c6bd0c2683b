"""Subjects: what scorers look at, built from records. Pure.

The spans of a trace, or an example with the response to it, go in; a subject comes out, the same
kind for live traffic and for experiments.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.ports import Response, Subject
from trimtab.records import Example, Message, Passage, Span, Target, ToolCall, Usage, text_of


def of_span(root: Span, spans: Sequence[Span]) -> Subject:
    """The subject of a recorded call.

    `context` is what the trace's retrievers found: None where there is no retriever, empty where
    it found nothing. `tool_calls` are its tool spans, in the order they began. `cost_usd` and
    `usage` are sums over the model calls; the cost is None when one is unpriced.

    Args:
        root: the call's root span, which is judged.
        spans: all spans of its trace, in any order.
    """
    found = _found(spans)
    return Subject(
        target=Target(kind="span", id=root.span_id, trace_id=root.trace_id),
        project=root.project,
        input=root.input,
        output=root.output,
        context=None if found is None else tuple(text_of(item) for item in found),
        passages=_passages(found),
        messages=_messages(root.input, root.output),
        tool_calls=_tools(spans),
        metadata=root.attributes,
        latency_ms=root.duration_ms,
        cost_usd=trace_cost(spans),
        usage=_usage(spans),
        model=root.model,
        spans=tuple(spans),
        span=root,
        run=root.run,
    )


def of_example(
    example: Example,
    response: Response,
    *,
    project: str = "default",
    run: str | None = None,
    samples: tuple[Any, ...] | None = None,
    baseline: Any = None,
) -> Subject:
    """The subject of an experiment: one example and what was answered to it.

    Context comes with the response, else with the example; None where neither has any. `messages`
    is the conversation up to and with the answer, where the input is one.

    Args:
        samples: other answers to the same example.
        baseline: the answer that this one is compared with.
    """
    texts = response.context
    if response.passages and not texts:
        texts = tuple(passage.text for passage in response.passages)
    return Subject(
        target=Target(kind="example", id=example.example_id, trace_id=response.trace_id),
        project=project,
        input=example.input,
        output=response.output,
        expected=example.expected,
        context=texts or example.context or None,
        passages=response.passages or None,
        messages=None if type(example.input) is str else _messages(example.input, response.output),
        tool_calls=response.tool_calls,
        samples=samples,
        baseline=baseline,
        metadata=example.metadata,
        latency_ms=response.latency_ms,
        cost_usd=response.cost_usd,
        usage=response.usage,
        logprobs=response.logprobs,
        model=response.model,
        spans=response.spans or None,
        example=example,
        run=run,
    )


def retrieved(spans: Sequence[Span]) -> tuple[Passage, ...] | None:
    """The passages the retrievers of a trace found, in order.

    None where there is no retriever, or where what it found is not passages.
    """
    return _passages(_found(spans))


def trace_cost(spans: Sequence[Span]) -> Decimal | None:
    """US dollars of the model calls of a trace; None without one, or when one is unpriced."""
    costs = [span.cost_usd for span in spans if span.kind == "llm"]
    priced = [cost for cost in costs if cost is not None]
    return sum(priced, Decimal(0)) if costs and len(priced) == len(costs) else None


def _found(spans: Sequence[Span]) -> list[Any] | None:
    outputs = [span.output for span in spans if span.kind == "retriever"]
    if not outputs:
        return None
    return [item for output in outputs for item in (output if isinstance(output, list) else [])]


def _passages(found: list[Any] | None) -> tuple[Passage, ...] | None:
    if found is None:
        return None
    try:
        return msgspec.convert(found, tuple[Passage, ...])
    except msgspec.ValidationError:
        return None  # another retriever's shape


def _tools(spans: Sequence[Span]) -> tuple[ToolCall, ...]:
    called = sorted((span for span in spans if span.kind == "tool"), key=lambda span: span.start_ns)
    return tuple(
        ToolCall(name=span.name, arguments=span.input, result=span.output, error=span.error)
        for span in called
    )


def _usage(spans: Sequence[Span]) -> Usage | None:
    """Tokens of all model calls; None where none is known."""
    known = [span.usage for span in spans if span.kind == "llm" and span.usage is not None]
    if len(known) < 2:
        return known[0] if known else None
    sums = {name: sum(getattr(usage, name) for usage in known) for name in _BUCKETS}
    return Usage(**sums, estimated=any(usage.estimated for usage in known))


_BUCKETS = tuple(name for name in Usage.__struct_fields__ if name != "estimated")


def _messages(asked: Any, answered: Any) -> tuple[Message, ...] | None:
    """The conversation of an example, with the answer as its last turn; None where it is none."""
    if not isinstance(asked, list):
        return None
    try:
        turns = msgspec.convert(asked, tuple[Message, ...])
    except msgspec.ValidationError:
        return None
    if answered is None:
        return turns
    return (*turns, Message(role="assistant", content=text_of(answered)))
