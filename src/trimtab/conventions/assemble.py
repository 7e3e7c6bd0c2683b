"""A span put together from what its attributes, events and resource say.

The keys of the attributes tell who speaks of each field; the field takes the first usable value in
order of precedence, and only that value is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from trimtab.conventions import events
from trimtab.conventions.messages import messages
from trimtab.conventions.passages import passages
from trimtab.conventions.routes import ATTRIBUTED, MERGED, SUPERSEDED, Place, readings
from trimtab.conventions.usage import Counts, to_usage
from trimtab.records.model import Usage
from trimtab.records.otel import RawSpan
from trimtab.records.record import Json
from trimtab.records.span import Span, SpanKind, SpanStatus

Values = dict[str, Any]
"""What was found, by field; under `by.<field>` the name of the convention that told it."""

_BUCKETS = (
    "input",
    "fresh_input",
    "cache_read",
    "cache_write",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "output",
    "reasoning",
    "audio_output",
    "total",
)
_TOKENS = {f"tokens_{bucket}": bucket for bucket in _BUCKETS}
# What a span is that does not say it: the first field that is there tells.
_EVIDENCE: tuple[tuple[str, SpanKind], ...] = (
    ("tool", "tool"),
    ("agent", "agent"),
    ("model", "llm"),
    ("request_model", "llm"),
)
# Frameworks sum the usage of the calls below on these; kept, every token would count twice.
_SUMS = frozenset({"chain", "agent"})
_OWN_USAGE = frozenset({"langfuse"})
_CLIENT = 3
# Who counts cached tokens beside the input: (convention, provider).
BESIDE = frozenset({("vercel", "anthropic"), ("vercel", "aws.bedrock")})
_PROJECT_KEYS = ("openinference.project.name", "project.name", "langsmith.project")
_ENVIRONMENT_KEYS = (
    "langfuse.environment",
    "deployment.environment.name",
    "deployment.environment",
)
_STATUS: tuple[SpanStatus, ...] = ("unset", "ok", "error")
_NO_PARENT = "0" * 16


def normalise(raw: RawSpan, *, project: str) -> Span:
    """The span that a raw span of any convention stands for.

    Args:
        raw: as it was decoded; every attribute it has is kept in `attributes`.
        project: whose span it is.
    It never fails: a value of a wrong type counts as absent.

    >>> raw = RawSpan(trace_id="1" * 32, span_id="1" * 16, start_ns=0, end_ns=1, attributes={
    ...     "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
    >>> span = normalise(raw, project="default")
    >>> span.kind, span.model
    ('llm', 'gpt-4o')
    """
    told = events.read(raw.events) if raw.events else events.NOTHING
    values = _settled(raw.attributes, told.details)
    kind: SpanKind = values.get("kind") or _evident(values, told)
    status, error = _status(raw, values, told)
    sums = kind in _SUMS and raw.kind != _CLIENT
    usage = _usage(values, sums)
    cost = _cost(values, kind, sums)
    asked, answered = _said(values, told, kind)
    span_id, parent_id, pending = _identity(raw)
    return Span(
        trace_id=raw.trace_id,
        span_id=span_id,
        parent_id=parent_id,
        project=project,
        name=_name(raw.name, values),
        kind=kind,
        start_ns=raw.start_ns,
        end_ns=raw.end_ns,
        status=status,
        error=error,
        session=values.get("session"),
        user=values.get("user"),
        environment=values.get("environment") or _first(raw.resource, _ENVIRONMENT_KEYS),
        service=_service(raw.resource, values),
        prompt=_prompt(values),
        open=pending,
        revision=-1 if pending else 0,
        provider=values.get("provider"),
        model=values.get("model") or values.get("request_model"),
        usage=usage,
        cost_usd=cost,
        cost_source=None if cost is None else "given",
        first_token_ns=_first_token(raw, values, told),
        input=asked,
        output=answered,
        tags=values.get("tags", ()),
        metadata=values.get("metadata", {}),
        attributes=_attributes(raw),
        events=raw.events,
        links=raw.links,
        resource=raw.resource,
    )


def _settled(given: dict[str, Any], details: Sequence[dict[str, Any]]) -> Values:
    """Each field with its first usable value. Events tell what the attributes do not say again."""
    every = (*details, given)
    keys = tuple(chain.from_iterable(every)) if details else tuple(given)
    said = [value for one in every for value in one.values()] if details else list(given.values())
    values: Values = {}
    for field, convert, convention, plain, place in readings(keys):
        if field in values:
            if field in MERGED and (more := convert(_at(place, said))):
                values[field] = _merged(values[field], more)
        elif plain or SUPERSEDED.get(field) not in values:
            value = convert(said[place] if type(place) is int else _at(place, said))
            if value is not None:
                values[field] = value
                if not plain and field in ATTRIBUTED:
                    values[f"by.{field}"] = convention
    return values


def _at(place: Place, said: list[Any]) -> Any:
    if isinstance(place, int):
        return said[place]
    return [(part, said[one]) for part, one in place]


def _name(name: str, values: Values) -> str:
    """The name as it came; a template's with its values, a tool's where the span has none."""
    told: str = values.get("name") or (values.get("title") if "{" in name else None) or name
    return told


def _merged(first: Any, more: Any) -> Any:
    """What came first wins where both speak of one entry."""
    if isinstance(first, tuple):
        return tuple(dict.fromkeys((*first, *more)))
    return {**more, **first}


def _evident(values: Values, told: events.Told) -> SpanKind:
    for field, kind in _EVIDENCE:
        if field in values:
            return kind
    return "retriever" if told.found else "other"


def _identity(raw: RawSpan) -> tuple[str, str | None, bool]:
    """Logfire announces a span by another one below it, which names the real parent."""
    if raw.attributes.get("logfire.span_type") != "pending_span" or raw.parent_id is None:
        return raw.span_id, raw.parent_id, False
    parent = raw.attributes.get("logfire.pending_parent_id")
    known = isinstance(parent, str) and len(parent) == 16 and parent != _NO_PARENT
    return raw.parent_id, parent if known else None, True


def _status(raw: RawSpan, values: Values, told: events.Told) -> tuple[SpanStatus, str | None]:
    status = _STATUS[raw.status_code] if raw.status_code in {0, 1, 2} else "unset"
    if "failed" in values:
        status = "error"
    if status != "error":
        return status, None
    return status, raw.status_message or told.error or values.get("error")


def _usage(values: Values, sums: bool) -> Usage | None:
    counts: Counts
    if "usage" in values:
        counts, beside = dict(values["usage"].counts), values["usage"].disjoint
        sums = sums and values["by.usage"] not in _OWN_USAGE
    else:
        counts = {_TOKENS[field]: values[field] for field in _TOKENS.keys() & values.keys()}
        told_by = values.get("by.tokens_cache_read") or values.get("by.tokens_cache_write")
        beside = told_by is not None and (told_by, values.get("provider")) in BESIDE
    if sums or not counts:
        return None
    if "usage_details" in values:
        counts = {**values["usage_details"], **counts}
    return to_usage(counts, beside=beside)


def _cost(values: Values, kind: SpanKind, sums: bool) -> Decimal | None:
    """The cost the client gave; a half of it is no cost, but for what only has an input."""
    if sums and values.get("by.cost") not in _OWN_USAGE:
        return None
    given: Decimal | None = values.get("cost")
    if given is not None:
        return given
    asked, answered = values.get("cost_input"), values.get("cost_output")
    if asked is None or (answered is None and kind not in {"embedding", "reranker"}):
        return None
    total: Decimal = asked + (answered or 0)
    return total


def _said(values: Values, told: events.Told, kind: SpanKind) -> tuple[Json, Json]:
    """Input and output: messages for model calls, passages for retrievers, else what came."""
    asked: Json = values.get("input_messages", values.get("input"))
    answered: Json = values.get("output_messages", values.get("output"))
    if kind == "llm":
        asked = asked if "input_messages" in values else messages(asked) or asked
        answered = answered if "output_messages" in values else messages(answered) or answered
    elif kind in {"retriever", "reranker"}:
        answered = passages(answered) or answered
    if "conversation" in values and (asked is None or answered is None):
        said, heard = events.split(values["conversation"])
        asked = said or None if asked is None else asked
        answered = heard or None if answered is None else answered
    if answered is None:
        answered = _answer(values, kind) or told.answered or told.found or None
    if asked is None:
        asked = told.asked or None
    if "system" in values:
        opening = {"role": "system", "content": values["system"]}
        asked = [opening, *asked] if isinstance(asked, list) else asked or [opening]
    return asked, answered


def _answer(values: Values, kind: SpanKind) -> Json:
    """An answer whose text and tool calls came apart."""
    said, made = values.get("answer_text"), values.get("answer_calls")
    if made:
        return [{"role": "assistant", "content": said, "tool_calls": made}]
    if said is not None and kind == "llm":
        return [{"role": "assistant", "content": said}]
    return said


def _first_token(raw: RawSpan, values: Values, told: events.Told) -> int | None:
    moment: int | None = values.get("first_token")
    if moment is None and "first_token_after" in values:
        moment = raw.start_ns + values["first_token_after"]
    if moment is None:
        moment = told.first_token_ns
    return moment if moment is not None and moment >= raw.start_ns else None


def _service(resource: dict[str, Any], values: Values) -> str | None:
    """The service's name; where OpenTelemetry made one up, the project's name instead."""
    name = resource.get("service.name")
    if isinstance(name, str) and name and not name.startswith("unknown_service"):
        return name
    return _first(resource, _PROJECT_KEYS) or values.get("service")


def _prompt(values: Values) -> str | None:
    name, version = values.get("prompt_name"), values.get("prompt_version")
    if name is None:
        return values.get("prompt")
    return f"{name}@{version}" if version else name


def _attributes(raw: RawSpan) -> dict[str, Any]:
    if not raw.trace_state:
        return raw.attributes
    return {**raw.attributes, "otel.trace_state": raw.trace_state}


def _first(found: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        name = found.get(key)
        if isinstance(name, str) and name:
            return name
    return None
