"""Files that observability tools export, as what can be recorded: rows in, spans and scores out.

A file is a JSON array, JSON lines, or an object with a list in it (`data`, `runs`, ...). The rows
of Langfuse and LangSmith read like what their SDKs send; those of Phoenix are OpenTelemetry spans
with OpenInference attributes; Trimtab's own come back exactly. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec.structs import astuple, replace

from trimtab.dialects import langfuse, langsmith
from trimtab.dialects.sdk import (
    Feedback,
    fields_of,
    id_of,
    mapping,
    number_ns,
    read_json,
    span_id_of,
    time_ns,
    trace_id_of,
    word,
)
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records import RawSpan, Score, Span, SpanPatch

Tool = Literal["trimtab", "langfuse", "langsmith", "phoenix"]

_LISTS = ("data", "runs", "traces", "spans", "observations")
_NS_PER_MS = 1_000_000
_STATUS = {"OK": 1, "ERROR": 2}
_DEEPEST = 8


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one row of a file says."""

    spans: tuple[Span, ...] = ()
    raw: tuple[RawSpan, ...] = ()
    patches: tuple[SpanPatch, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    scores: tuple[Score, ...] = ()


def rows(data: bytes) -> list[Any]:
    """The rows of a file, unread.

    Raises:
        InvalidRequest: it is no JSON; `where` is the line.

    >>> rows(b'{"id": 1}\\n{"id": 2}\\n') == rows(b'[{"id": 1}, {"id": 2}]')
    True
    """
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    first, _, rest = text.partition(b"\n")
    if text.startswith(b"{") and rest.strip() and _is_json(first):
        return list(_lines(text))
    value = read_json(text, what="the file")
    if isinstance(value, dict):
        found = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
        # A trace of Langfuse has a list of observations, and is a row itself.
        return [value] if found is None or "id" in value else found
    return value if isinstance(value, list) else [value]


def _is_json(line: bytes) -> bool:
    try:
        jsonx.decode(line)
    except InvalidRequest:
        return False
    return True


def _lines(text: bytes) -> Iterator[Any]:
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            yield read_json(line, what=f"line {number}")


def read_row(row: Any, tool: Tool) -> Row:
    """What a row says.

    Raises:
        InvalidRequest: it cannot be understood; `where` names the field.
    """
    fields = fields_of(row, what="row")
    match tool:
        case "trimtab":
            return _own(fields)
        case "langfuse":
            return _langfuse(fields)
        case "langsmith":
            return _langsmith(fields)
        case "phoenix":
            return Row(raw=(_phoenix(fields),))


def _own(fields: dict[str, Any]) -> Row:
    data = jsonx.encode(fields)
    if "score_id" in fields:
        return Row(scores=(jsonx.decode(data, Score, what="the score"),))
    return Row(spans=(_possible(jsonx.decode(data, Span, what="the span")),))


def _possible(span: Span) -> Span:
    """The span without what no server exports: a negative count, or a negative cost."""
    if span.usage is not None and any(n < 0 for n in astuple(span.usage)):
        span = replace(span, usage=None)
    if span.cost_usd is not None and not span.cost_usd >= 0:
        span = replace(span, cost_usd=None, cost_source=None)
    return span


# -- Langfuse ----------------------------------------------------------------------------------


def _langfuse(fields: dict[str, Any]) -> Row:
    """A trace with what is in it, an observation or a score."""
    patches: list[SpanPatch] = []
    feedback: list[Feedback] = []
    for kind, body in _langfuse_events(fields):
        told = langfuse.read_event({"id": "", "type": kind, "body": body})
        patches += told.patches
        feedback += [told.feedback] if told.feedback else []
    return Row(patches=tuple(patches), feedback=tuple(feedback))


def _langfuse_events(fields: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if "traceId" in fields and "name" in fields and ("dataType" in fields or "value" in fields):
        yield "score-create", fields
    elif "traceId" in fields or "startTime" in fields:
        yield f"{(word(fields, 'type') or 'span').lower()}-create", fields
    else:
        inside = ("observations", "scores")
        yield "trace-create", {k: v for k, v in fields.items() if k not in inside}
        for name in inside:
            nested = fields.get(name)
            for one in nested if isinstance(nested, list) else ():
                # The list of traces names observations by their ids alone; those come as rows.
                if isinstance(one, dict):
                    yield from _langfuse_events({"traceId": fields.get("id"), **one})


# -- LangSmith ---------------------------------------------------------------------------------


def _langsmith(fields: dict[str, Any]) -> Row:
    if "key" in fields and "run_type" not in fields:
        return Row(feedback=(langsmith.read_feedback(fields),))
    children = fields.get("child_runs")
    patches = [langsmith.read_run(fields)]
    for child in children if isinstance(children, list) else ():
        patches += _langsmith(fields_of(child, what="child_runs")).patches
    return Row(patches=tuple(patches))


# -- Phoenix -----------------------------------------------------------------------------------


def _phoenix(fields: dict[str, Any]) -> RawSpan:
    """A span as its API has it, nested, or as a data frame has it, with dots in its columns."""
    context = mapping(fields.get("context"))
    ids = {name: context.get(name, fields.get(f"context.{name}")) for name in _CONTEXT}
    start_ns = _phoenix_ns(fields.get("start_time"))
    if start_ns is None:
        raise InvalidRequest("start_time is not a time", where="start_time", fix="use ISO 8601")
    attributes = dict(_flat("", mapping(fields.get("attributes")), 0))
    for name, value in fields.items():
        if name.startswith("attributes.") and value is not None:
            attributes |= dict(_flat(name.removeprefix("attributes."), value, 0))
    if kind := word(fields, "span_kind"):
        attributes.setdefault("openinference.span.kind", kind)
    parent = word(fields, "parent_id")
    return RawSpan(
        trace_id=trace_id_of(id_of(ids, "trace_id")),
        span_id=span_id_of(id_of(ids, "span_id")),
        parent_id=span_id_of(parent) if parent else None,
        name=word(fields, "name") or "",
        start_ns=start_ns,
        end_ns=_phoenix_ns(fields.get("end_time")) or start_ns,
        status_code=_STATUS.get(word(fields, "status_code") or "", 0),
        status_message=word(fields, "status_message") or "",
        attributes=attributes,
        events=tuple(_phoenix_events(fields.get("events"), start_ns)),
    )


_CONTEXT = ("trace_id", "span_id")


def _phoenix_ns(value: Any) -> int | None:
    """A data frame writes times as milliseconds."""
    found = time_ns(value)
    return found if found is not None else number_ns(value, _NS_PER_MS)


def _phoenix_events(events: Any, start_ns: int) -> Iterator[dict[str, Any]]:
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            yield {
                "name": word(event, "name") or "event",
                "time_ns": _phoenix_ns(event.get("timestamp")) or start_ns,
                "attributes": mapping(event.get("attributes")),
            }


def _flat(key: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Nested values by the dotted keys that OpenInference has for them."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = enumerate(value)
    elif value is not None:
        yield key, value
    if depth > _DEEPEST:
        yield key, jsonx.encode(value).decode()
        return
    for name, inner in items:
        yield from _flat(f"{key}.{name}" if key else str(name), inner, depth + 1)
