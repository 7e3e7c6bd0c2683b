"""`trimtab traces show`: one trace as a tree, with what was said in its spans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import Branch, emit, note, table
from trimtab.cli.release_names import with_release_names
from trimtab.cli.traces.gateway import facts
from trimtab.cli.traces.tree import drawn
from trimtab.client import Client
from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit import jsonx
from trimtab.kit.clock import iso
from trimtab.ports import SpanHead
from trimtab.records import Score, Span, text_of

_TRACE = re.compile(r"[0-9a-fA-F]{6,31}")
_SPAN = re.compile(r"[0-9a-fA-F]{4,15}")
_LARGE = 200
_NAME = 60
# A dict with any of these is a message or a passage; its text is what a person wants to read.
_SAID = ("role", "text", "content")


@click.command("show")
@client_options
@click.argument("trace_id")
@click.option("--span", "span_id", metavar="ID", help="One span, with what was said in it.")
@click.option("--all", "everything", is_flag=True, help="What was said, however many spans.")
def shown(
    as_json: bool, trace_id: str, span_id: str | None, everything: bool, **flags: Any
) -> None:
    """Show the spans of one trace with what was said in them, and its scores.

    TRACE_ID may be the beginning of an id, as `list` shows it. Of a trace of more than 200 spans
    only the tree is shown.
    """
    with connected(flags) as client:
        trace_id = _whole_trace(client, trace_id)
        if as_json and span_id is None:
            emit(client.trace(trace_id), as_json)
            return
        skeleton = client.trace(trace_id, payloads=False)
        heads = msgspec.convert(skeleton["spans"], list[SpanHead])
        if span_id is not None:
            found = client.span(trace_id, _whole_span(heads, span_id))
            (shown,) = with_release_names(client, [msgspec.convert(found, Span)])
            emit(found, as_json, text=lambda: _one(shown))
            return
        ids_only = len(heads) > _LARGE and not everything
        spans = [] if ids_only else msgspec.convert(client.trace(trace_id)["spans"], list[Span])
        spans = with_release_names(client, spans)
    click.echo(_text(skeleton, heads, spans))
    if ids_only:
        note(
            f"{len(heads)} spans: what was said in one shows --span ID (ids are in the last"
            " column), in all of them --all"
        )


def _whole_trace(client: Client, trace_id: str) -> str:
    """The id that a beginning of it stands for. Raises NotFound, InvalidRequest."""
    if not _TRACE.fullmatch(trace_id):
        return trace_id
    start = trace_id.lower()
    rows = client.each("/api/v1/traces", {"filter": f"trace_id~{start}"})
    found = [row["trace_id"] for row in rows if row["trace_id"].startswith(start)]
    if not found:
        raise NotFound(
            f"no trace begins with {start}", fix="`trimtab traces list` lists the newest"
        )
    return str(_only(found, "traces", start, "TRACE_ID"))


def _whole_span(heads: list[SpanHead], span_id: str) -> str:
    """Likewise the id of a span; one that is no beginning of an id is left to the server."""
    if not _SPAN.fullmatch(span_id):
        return span_id
    start = span_id.lower()
    found = [head.span_id for head in heads if head.span_id.startswith(start)]
    return _only(found, "spans", start, "--span") if found else span_id


def _only(found: list[str], what: str, start: str, where: str) -> str:
    if len(found) > 1:
        raise InvalidRequest(
            f"{len(found)} {what} begin with {start}",
            where=where,
            fix=f"give more of it: {', '.join(found[:3])}",
        )
    return found[0]


def _text(trace: dict[str, Any], heads: list[SpanHead], spans: list[Span]) -> str:
    """The tree, what was said in `spans`, and the scores."""
    columns = ["span", "kind", "status", "started", "ms", "tokens", "usd", "id"]
    tree = list(drawn(heads))
    rows = [_row(lines, head) for lines, head in tree]
    sections = [f"trace {trace['trace_id']}", table(rows, columns, right=("ms", "usd"))]
    by_id = {span.span_id: span for span in spans}
    sections += [_one(by_id[head.span_id]) for _, head in tree if head.span_id in by_id]
    scores = msgspec.convert(trace["scores"], list[Score])
    if scores:
        judged = [
            [score.name, score.source, score.status, _judgement(score), score.reason]
            for score in scores
        ]
        sections.append(table(judged, ["score", "source", "status", "judgement", "reason"]))
    return "\n\n".join(sections)


def _row(lines: str, head: SpanHead) -> list[object]:
    return [
        Branch(lines, head.name if len(head.name) <= _NAME else f"{head.name[: _NAME - 1]}…"),
        head.kind,
        head.status,
        iso(head.start_ns),
        f"{(head.end_ns - head.start_ns) / 1e6:.1f}",
        (head.input_tokens + head.output_tokens) or None,
        head.cost_usd if head.cost_usd is not None or head.kind != "llm" else "unpriced",
        head.span_id,
    ]


def _one(span: Span) -> str:
    return "\n".join(_content(span))


def _content(span: Span) -> Iterator[str]:
    """What went into a span and what came out of it, in full."""
    yield f"{printable(span.name)} ({span.kind})"
    if span.error:
        yield f"  error: {printable(span.error)}"
    for fact in facts(span):
        yield f"  {printable(fact)}"
    for label, payload in (("input", span.input), ("output", span.output)):
        for who, text in _parts(label, payload):
            yield f"  {printable(who)}: " + printable(text).replace("\n", "\n    ")


def _parts(label: str, payload: Any) -> Iterator[tuple[str, str]]:
    """Who says what: the role of a message, the id of a passage, or the side it is on.

    Messages and passages are shown by their text; anything else as JSON.
    """
    if isinstance(payload, list) and payload and all(map(_is_said, payload)):
        for item in payload:
            yield from _parts(label, item)
    elif isinstance(payload, str):
        yield label, payload
    elif isinstance(payload, dict) and _is_said(payload):
        who = str(payload.get("role") or payload.get("id") or label)
        if text := text_of(payload):
            yield who, text
            payload = {"tool_calls": payload.get("tool_calls")}
        if not text or payload["tool_calls"]:
            yield who, _json(payload)
    elif payload is not None:
        yield label, _json(payload)


def _is_said(item: Any) -> bool:
    return isinstance(item, str) or (isinstance(item, dict) and any(key in item for key in _SAID))


def _json(value: Any) -> str:
    return jsonx.encode(value).decode()


def _judgement(score: Score) -> object:
    given = (score.passed, score.value, score.label)
    return next((value for value in given if value is not None), None)
