"""Opik's protocol: traces and spans, created, replaced and changed, and feedback scores.

A trace of Opik is the root span of ours, and its spans hang below. Original ids stay in the
attributes. JSON in, patches and judgements out; pure.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from trimtab.dialects import conversation
from trimtab.dialects.sdk import (
    Feedback,
    fields_of,
    finite,
    id_of,
    known,
    mapping,
    money,
    prefixed,
    read_json,
    score_name,
    span_id_of,
    texts,
    time_ns,
    trace_id_of,
    unwrapped,
    word,
)
from trimtab.dialects.tokens import usage_of
from trimtab.errors import InvalidRequest
from trimtab.records import SpanPatch
from trimtab.records.score import ScoreSource
from trimtab.records.span import SpanKind

Noun = Literal["traces", "spans"]
_KINDS: dict[str, SpanKind] = {
    "general": "chain",
    "llm": "llm",
    "tool": "tool",
    "guardrail": "guard",
}
_SOURCES: dict[str, ScoreSource] = {"online_scoring": "judge", "ui": "human", "sdk": "user"}
_IDS = ("id", "trace_id", "parent_span_id", "thread_id", "name", "type", "tags", "tags_to_add")
_CONTENTS = ("input", "output", "metadata", "error_info", "usage", "model", "provider")
_TIMES = ("start_time", "end_time", "last_updated_at", "ttft")
_COSTS = ("total_estimated_cost", "environment")
_MAPPED = frozenset((*_IDS, *_CONTENTS, *_TIMES, *_COSTS))
_NAME = re.compile(r"[a-z][a-z0-9_-]*")  # Of a provider; for some the SDK gives the host it called.
_ORIGINAL = "original_usage."


def items(body: bytes, name: str) -> list[Any]:
    """The unread items of a batch. Raises InvalidRequest when there is no batch."""
    batch = fields_of(read_json(body), what="$").get(name)
    if not isinstance(batch, list):
        raise InvalidRequest(f"{name} is not a list", where=name, fix=f'send {{"{name}": [...]}}')
    return batch


def changes(body: bytes, noun: Noun) -> list[dict[str, Any]]:
    """A batch of changes, which gives ids and one update, as a change for each id.

    Raises:
        InvalidRequest: there is no such batch.
    """
    batch = fields_of(read_json(body), what="$")
    ids, update = batch.get("ids"), mapping(batch.get("update"))
    if not isinstance(ids, list):
        raise InvalidRequest("ids is not a list", where="ids", fix=f"send the ids of the {noun}")
    return [{**update, "id": item} for item in ids]


def root_id(trace: str) -> str:
    """The id of the span that stands for a trace of Opik."""
    return span_id_of(f"opik-trace:{trace_id_of(trace)}")


def read(noun: Noun, item: Any) -> SpanPatch:
    """What a trace or a span, whole or changed, says. Raises InvalidRequest."""
    body = fields_of(item, what=noun)
    return _trace(body) if noun == "traces" else _span(body)


def _trace(body: dict[str, Any]) -> SpanPatch:
    trace = id_of(body, "id")
    fields = _common(body, {"opik.trace_id": trace})
    fields |= {
        "session": word(body, "thread_id"),
        "user": word(mapping(body.get("metadata")), "user_id"),
    }
    if "start_ns" in fields:
        fields["kind"] = "chain"
    return SpanPatch(
        trace_id=trace_id_of(trace),
        span_id=root_id(trace),
        fields=known(fields),
        finished="end_ns" in fields,
    )


def _span(body: dict[str, Any]) -> SpanPatch:
    name = id_of(body, "id")
    trace, parent = word(body, "trace_id"), word(body, "parent_span_id")
    attributes = {"opik.span_id": name}
    fields = _common(body, attributes)
    kind = _KINDS.get(word(body, "type") or "", "other") if body.get("type") else None
    provider = word(body, "provider")
    if provider is not None and not _NAME.fullmatch(provider):
        attributes["opik.provider"], provider = provider, None
    fields |= {"kind": kind, "model": word(body, "model"), "provider": provider}
    if kind == "llm" or body.get("usage"):
        fields |= _call(body, attributes)
    if parent is not None:
        fields["parent_id"] = span_id_of(parent)
    elif trace is not None:
        fields["parent_id"] = root_id(trace)
    return SpanPatch(
        trace_id=trace_id_of(trace) if trace else None,
        span_id=span_id_of(name),
        fields=known(fields),
        finished="end_ns" in fields,
    )


def _common(body: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """What traces and spans have in common; the rest of the body goes to `attributes`."""
    attributes |= prefixed("opik", {k: v for k, v in body.items() if k not in _MAPPED})
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        metadata = {"metadata": metadata}
    error = mapping(body.get("error_info"))
    end_ns = time_ns(body.get("end_time"))
    start_ns = time_ns(body.get("start_time"))
    ttft_ms = finite(body.get("ttft"))
    said = word(error, "message") or word(error, "exception_type")
    if error:
        attributes["opik.error_info"] = error
    return known(
        {
            "name": word(body, "name"),
            "start_ns": start_ns,
            "end_ns": end_ns,
            "first_token_ns": start_ns + int(ttft_ms * 1e6)
            if start_ns is not None and ttft_ms is not None and 0 <= ttft_ms < 1e9
            else None,
            "status": "error" if error else "ok" if end_ns is not None else None,
            "error": (said or "error") if error else None,
            "environment": word(body, "environment"),
            "tags": texts(body.get("tags")) + texts(body.get("tags_to_add")) or None,
            "metadata": metadata or None,
            "input": body.get("input"),
            "output": unwrapped(body.get("output")),
            "attributes": attributes,
        }
    )


def _call(body: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """What only calls of models say; what is left of input and output goes to the attributes."""
    asked, more_asked = conversation.asked(body.get("input"))
    answered, more_answered = conversation.answered(body.get("output"))
    attributes |= {
        f"opik.{place}": rest
        for place, rest in (("input", more_asked), ("output", more_answered))
        if rest
    }
    cost_usd = money(body.get("total_estimated_cost"))
    return {
        "input": asked,
        "output": answered,
        "usage": usage_of(_counts(mapping(body.get("usage"))), inclusive=True),
        "cost_usd": cost_usd,
        "cost_source": "given" if cost_usd is not None else None,
    }


def _counts(usage: dict[str, Any]) -> dict[str, Any]:
    """The counts by their own names. Opik's totals include what a provider's own may not."""
    totals = {"input_tokens", "output_tokens"} if "prompt_tokens" in usage else set()
    own = {key.removeprefix(_ORIGINAL): value for key, value in usage.items()}
    return {key: value for key, value in own.items() if key not in totals}


# -- feedback ----------------------------------------------------------------------------------


def read_score(target: Noun | Literal["threads"], item: Any) -> Feedback:
    """A feedback score of a trace, a span or a thread. Raises InvalidRequest.

    A span is named without its trace.
    """
    body = fields_of(item, what="score")
    name = id_of(body, "name")
    value = finite(body.get("value"))
    if value is None:
        raise InvalidRequest("value is not a number", where="value", fix="send a finite number")
    judged = id_of(body, "thread_id" if target == "threads" else "id")
    rest = {"category_name": body.get("category_name"), "source": body.get("source")}
    if score_name(name) != name:
        rest["name"] = name
    return Feedback(
        # Opik keeps one score of a name for each target and author.
        id=f"opik:{target}:{judged}:{name}:{word(body, 'author') or ''}"[:200],
        name=score_name(name),
        trace_id=trace_id_of(judged) if target == "traces" else None,
        span_id=span_id_of(judged) if target == "spans" else None,
        session=judged if target == "threads" else None,
        value=value,
        reason=word(body, "reason"),
        author=word(body, "author"),
        source=_SOURCES.get(str(body.get("source")), "user"),
        metadata=prefixed("opik", rest),
    )
