"""Langfuse's ingestion protocol (SDKs of version 2, and LiteLLM's callback), and its replies.

A batch of events comes in; each becomes patches of spans or a judgement. A trace of Langfuse is the
root span of ours, and its observations hang below. Original ids stay in the attributes. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

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
    word,
)
from trimtab.dialects.tokens import usage_of
from trimtab.errors import InvalidRequest, RequestError
from trimtab.kit.clock import iso
from trimtab.records import Prompt, SpanPatch
from trimtab.records.span import SpanKind

MAX_EVENTS = 10_000
_KINDS: dict[str, SpanKind] = {
    "generation": "llm",
    "agent": "agent",
    "tool": "tool",
    "chain": "chain",
    "retriever": "retriever",
    "evaluator": "scorer",
    "embedding": "embedding",
    "guardrail": "guard",
    "span": "chain",
    "event": "other",
}
_COMMON_FIELDS = ("id", "name", "input", "output", "metadata", "environment")
_TRACE_FIELDS = frozenset((*_COMMON_FIELDS, "timestamp", "userId", "sessionId", "tags"))
_TIMES = ("startTime", "endTime", "completionStartTime")
_CALL_FIELDS = ("model", "usage", "usageDetails", "costDetails", "parentObservationId", "traceId")
_OBSERVATION_FIELDS = frozenset((*_COMMON_FIELDS, *_TIMES, *_CALL_FIELDS))


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What one event says: patches, a judgement, or nothing that is kept."""

    patches: tuple[SpanPatch, ...] = ()
    feedback: Feedback | None = None


def events(body: bytes) -> list[Any]:
    """The events of a batch, unread. Raises InvalidRequest when there is no batch."""
    batch = fields_of(read_json(body), what="$").get("batch")
    if not isinstance(batch, list):
        raise InvalidRequest("batch is not a list", where="batch", fix="send a list of events")
    if len(batch) > MAX_EVENTS:
        raise InvalidRequest(f"a batch has at most {MAX_EVENTS} events", where="batch")
    return batch


def event_id(event: Any) -> str:
    """The id that the reply names an event by; empty where it has none."""
    return str(mapping(event).get("id") or "")[:200]


def read_event(event: Any) -> Event:
    """What an event says.

    Raises:
        InvalidRequest: it cannot be understood; `where` names the field.
    """
    envelope = fields_of(event, what="event")
    kind = word(envelope, "type") or ""
    if kind == "sdk-log":
        return Event()
    body = fields_of(envelope.get("body"), what="body")
    sent_ns = time_ns(envelope.get("timestamp"))
    if kind == "trace-create":
        return Event(patches=(_trace(body, sent_ns),))
    if kind == "score-create":
        return Event(feedback=read_score(body))
    noun, _, verb = kind.partition("-")
    if verb not in ("create", "update") or noun not in (*_KINDS, "observation"):
        raise InvalidRequest(
            f"{kind[:50]!r} is not a type of event",
            where="type",
            fix="send trace-create, span-create, generation-create, event-create or score-create",
        )
    return Event(patches=_observation(noun, body, sent_ns, update=verb == "update"))


# -- traces and observations -------------------------------------------------------------------


def root_id(trace: str) -> str:
    """The id of the span that stands for a trace of Langfuse."""
    return span_id_of(f"langfuse-trace:{trace_id_of(trace)}")


def _trace(body: dict[str, Any], sent_ns: int | None) -> SpanPatch:
    trace = id_of(body, "id")
    attributes = {"langfuse.trace_id": trace}
    attributes |= prefixed("langfuse", _others(body, _TRACE_FIELDS))
    fields = _common(body) | {
        "attributes": attributes,
        "start_ns": time_ns(body.get("timestamp")) or sent_ns,
        "session": word(body, "sessionId"),
        "user": word(body, "userId"),
        "tags": texts(body.get("tags")) or None,
        "kind": "chain",
        "input": body.get("input"),
        "output": body.get("output"),
    }
    return SpanPatch(
        trace_id=trace_id_of(trace), span_id=root_id(trace), fields=known(fields), finished=True
    )


def _observation(
    noun: str, body: dict[str, Any], sent_ns: int | None, *, update: bool
) -> tuple[SpanPatch, ...]:
    """The observation's patch, and one that lets its trace last as long as it did."""
    name = id_of(body, "id")
    trace = body.get("traceId")
    if trace is None and not update:
        trace = name  # An observation without a trace is a trace of its own.
    fields = _told(noun, body, sent_ns, update=update)
    if not isinstance(trace, str) or not trace:
        return (SpanPatch(trace_id=None, span_id=span_id_of(name), fields=fields),)
    over = "end_ns" in fields or noun == "event"
    parent = word(body, "parentObservationId")
    if parent is not None:
        fields["parent_id"] = span_id_of(parent)
    elif not update:
        fields["parent_id"] = root_id(trace)
    own = SpanPatch(
        trace_id=trace_id_of(trace), span_id=span_id_of(name), fields=fields, finished=over
    )
    times: dict[str, Any] = {key: fields[key] for key in ("start_ns", "end_ns") if key in fields}
    if not times:
        return (own,)
    whole = SpanPatch(trace_id=own.trace_id, span_id=root_id(trace), fields=times, finished=True)
    return own, whole


def _told(noun: str, body: dict[str, Any], sent_ns: int | None, *, update: bool) -> dict[str, Any]:
    kind = _KINDS.get((word(body, "type") or noun).lower(), "chain" if not update else None)
    attributes = {"langfuse.observation_id": body["id"]}
    attributes |= prefixed("langfuse", _others(body, _OBSERVATION_FIELDS))
    started_ns = time_ns(body.get("startTime"))
    fields = _common(body) | {
        "kind": kind,
        "start_ns": started_ns if update else started_ns or sent_ns,
        "end_ns": time_ns(body.get("endTime")),
        "first_token_ns": time_ns(body.get("completionStartTime")),
        "model": word(body, "model"),
        "input": body.get("input"),
        "output": body.get("output"),
    }
    if kind in ("llm", "embedding"):
        fields |= _call(body, attributes)
    fields |= _level(body)
    return known(fields | {"attributes": attributes})


def _call(body: dict[str, Any], attributes: dict[str, Any]) -> dict[str, Any]:
    """What only calls of models say; what is left of input and output goes to the attributes."""
    asked, more_asked = conversation.asked(body.get("input"))
    answered, more_answered = conversation.answered(body.get("output"))
    attributes |= {
        f"langfuse.{name}": rest
        for name, rest in (("input", more_asked), ("output", more_answered))
        if rest
    }
    usage = mapping(body.get("usageDetails")) or mapping(body.get("usage"))
    cost_usd = _cost(body)
    return {
        "input": asked,
        "output": answered,
        "usage": usage_of(usage, inclusive=False) if _in_tokens(usage) else None,
        "cost_usd": cost_usd,
        "cost_source": "given" if cost_usd is not None else None,
    }


def _cost(body: dict[str, Any]) -> Decimal | None:
    """What the call cost as far as it was said: a total, or the sum of its parts."""
    given = mapping(body.get("costDetails"))
    for total in (given.get("total"), mapping(body.get("usage")).get("totalCost")):
        if (amount := money(total)) is not None:
            return amount
    parts = [amount for value in given.values() if (amount := money(value)) is not None]
    return sum(parts, Decimal(0)) if parts else None


def _in_tokens(usage: dict[str, Any]) -> bool:
    unit = usage.get("unit")
    return unit is None or unit == "TOKENS"


def _level(body: dict[str, Any]) -> dict[str, Any]:
    """Langfuse says how an observation went by its level and a message."""
    if body.get("level") == "ERROR":
        return {"status": "error", "error": word(body, "statusMessage") or "error"}
    return {"status": "ok"} if body.get("endTime") else {}


def _common(body: dict[str, Any]) -> dict[str, Any]:
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        metadata = {"metadata": metadata}
    return {
        "name": word(body, "name"),
        "environment": word(body, "environment"),
        "metadata": metadata or None,
    }


def _others(body: dict[str, Any], mapped: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in mapped}


# -- scores ------------------------------------------------------------------------------------


def scores(body: bytes) -> tuple[list[Any], bool]:
    """The scores of a request, unread, and whether they came as a list."""
    value = read_json(body)
    return (value, True) if isinstance(value, list) else ([value], False)


def read_score(value: Any) -> Feedback:
    """A score. Raises InvalidRequest."""
    body = fields_of(value, what="score")
    name = id_of(body, "name")
    trace, observation = word(body, "traceId"), word(body, "observationId")
    session = word(body, "sessionId")
    if not (trace or observation or session):
        raise InvalidRequest("the score has no target", where="traceId", fix="send a traceId")
    metadata = {"langfuse.name": name} if score_name(name) != name else {}
    return Feedback(
        id=word(body, "id"),
        name=score_name(name),
        trace_id=trace_id_of(trace) if trace else None,
        span_id=span_id_of(observation) if observation else None,
        session=None if trace or observation else session,
        reason=word(body, "comment"),
        metadata=mapping(body.get("metadata")) | metadata,
        **_judged(body),
    )


def _judged(body: dict[str, Any]) -> dict[str, Any]:
    value, kind = body.get("value"), body.get("dataType")
    if kind == "BOOLEAN" and value in (0, 1):
        return {"passed": bool(value)}
    if isinstance(value, str) and value:
        return {"label": value[:1_000]}
    number = finite(value)
    if number is None:
        raise InvalidRequest("value is neither a number nor a text", where="value")
    return {"value": number}


# -- replies -----------------------------------------------------------------------------------


def ingested(results: list[tuple[str, RequestError | None]]) -> dict[str, Any]:
    """The body of the reply to a batch, which is answered with the status 207."""
    return {
        "successes": [{"id": name, "status": 201} for name, error in results if error is None],
        "errors": [
            {"id": name, "status": error.status, "message": error.what, "error": str(error)}
            for name, error in results
            if error is not None
        ],
    }


def scored(*, accepted: int, errors: list[RequestError]) -> dict[str, Any]:
    """The body of the reply to a list of scores."""
    counts = {"accepted": accepted, "rejected": len(errors)}
    return {**counts, "errors": [{"message": str(error)} for error in errors]}


def projects(name: str) -> dict[str, Any]:
    """The project of a key, as `auth_check` reads it."""
    organisation = {"id": "trimtab", "name": "Trimtab"}
    return {"data": [{"id": name, "name": name, "organization": organisation, "metadata": {}}]}


def prompt(found: Prompt, more_labels: Sequence[str]) -> dict[str, Any]:
    """A prompt as Langfuse's SDKs read it; its variables are in double braces in both."""
    text = found.messages[0].content if len(found.messages) == 1 else None
    is_text = isinstance(text, str) and found.messages[0].role == "user"
    turns = [{"type": "chatmessage", "role": m.role, "content": m.text} for m in found.messages]
    return {
        "id": found.digest[:32],
        "name": found.name,
        "version": found.version,
        "type": "text" if is_text else "chat",
        "prompt": text if is_text else turns,
        "config": found.parameters,
        "labels": list(dict.fromkeys([*found.labels, *more_labels])),
        "tags": [],
        "commitMessage": None,
        "createdAt": iso(found.created_ns),
        "updatedAt": iso(found.created_ns),
        "createdBy": "trimtab",
        "projectId": found.project,
        "isActive": None,
        "resolutionGraph": None,
    }
