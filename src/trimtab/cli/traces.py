"""`trimtab traces`: the recorded calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.output import emit, show_table, table
from trimtab.kit.clock import iso
from trimtab.records import Score, Span, text_of


@click.group()
def command() -> None:
    """List and show recorded calls."""


@command.command("list")
@client_options
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
@click.option("--route", help="Only this route.")
def listed(as_json: bool, limit: int, route: str | None, **flags: Any) -> None:
    """List the newest traces."""
    with connected(flags) as client:
        rows = client.traces(limit=limit, route=route)
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                row["trace_id"],
                iso(row["start_ns"]),
                row["name"],
                row["status"],
                f"{row['duration_ms']:.1f}",
                row["input_tokens"] + row["output_tokens"],
                "unpriced" if row["cost_usd"] is None else row["cost_usd"],
                row["input_preview"][:60],
                row["output_preview"][:60],
            ]
            for row in rows
        ],
        ["trace", "started", "name", "status", "ms", "tokens", "usd", "input", "output"],
        right=("ms", "usd"),
    )


@command.command("show")
@client_options
@click.argument("trace_id")
def shown(as_json: bool, trace_id: str, **flags: Any) -> None:
    """Show the spans of one trace with what was said in them, and its scores."""
    with connected(flags) as client:
        trace = client.trace(trace_id)
    emit(trace, as_json, text=lambda: _text(trace))


def _text(trace: dict[str, Any]) -> str:
    spans = msgspec.convert(trace["spans"], list[Span])
    scores = msgspec.convert(trace["scores"], list[Score])
    columns = ["span", "kind", "status", "started", "ms", "tokens", "usd"]
    sections = [table([_row(span, spans) for span in spans], columns, right=("ms", "usd"))]
    sections += ["\n".join(_content(span)) for span in spans]
    if scores:
        judged = [
            [score.name, score.source, score.status, _judgement(score), score.reason]
            for score in scores
        ]
        sections.append(table(judged, ["score", "source", "status", "judgement", "reason"]))
    return "\n\n".join(sections)


def _row(span: Span, spans: list[Span]) -> list[object]:
    usage = span.usage
    return [
        "  " * _depth(span, spans) + span.name,
        span.kind,
        span.status,
        iso(span.start_ns),
        f"{span.duration_ms:.1f}",
        usage.total_input + usage.total_output if usage else None,
        span.cost_usd if span.cost_usd is not None or span.kind != "llm" else "unpriced",
    ]


def _depth(span: Span, spans: list[Span]) -> int:
    """How many ancestors a span has among the spans that are there."""
    parents = {one.span_id: one.parent_id for one in spans}
    depth, parent = 0, span.parent_id
    while parent in parents and depth < len(spans):
        depth, parent = depth + 1, parents[parent]
    return depth


def _content(span: Span) -> Iterator[str]:
    """What went into a span and what came out of it, in full."""
    yield f"{printable(span.name)} ({span.kind})"
    if span.error:
        yield f"  error: {printable(span.error)}"
    for label, payload in (("input", span.input), ("output", span.output)):
        for item in payload if isinstance(payload, list) else [payload]:
            text = text_of(item)
            if text:
                yield f"  {_speaker(item, label)}: " + printable(text).replace("\n", "\n    ")


def _speaker(item: Any, label: str) -> str:
    """Who says it: the role of a message, the id of a passage, or the side it is on."""
    named = (item.get("role") or item.get("id")) if isinstance(item, dict) else None
    return printable(str(named)) if named else label


def _judgement(score: Score) -> object:
    given = (score.passed, score.value, score.label)
    return next((value for value in given if value is not None), None)
