"""`trimtab traces list` and `show`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from trimtab.cli.columns import SHORT_ID, ms, room, usd, when
from trimtab.cli.connect import client_options, connected
from trimtab.cli.failures import printable
from trimtab.cli.filters import FilterCommand, joined
from trimtab.cli.output import emit, show_table, table
from trimtab.client import Client
from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit.clock import iso
from trimtab.records import Score, Span, text_of

_BEGINNING = re.compile(r"[0-9a-fA-F]{6,31}")
_FIGURES = ["trace", "started", "name", "status", "ms", "usd"]
_PREVIEW = 60
_ROOM_FOR_BOTH = 50


@click.command("list", cls=FilterCommand)
@client_options
@click.argument("filter", nargs=-1)
@click.option("--limit", type=int, default=20, show_default=True, help="How many.")
@click.option("--route", help="Only this route.")
def listed(
    as_json: bool, filter: tuple[str, ...], limit: int, route: str | None, **flags: Any
) -> None:
    """List the newest traces that FILTER means: status:error cost_usd>0.01 since:24h."""
    with connected(flags) as client:
        rows = client.traces(joined(filter), limit=limit, route=route)
    if as_json:
        emit(rows, as_json)
        return
    _show(rows)


def _show(rows: list[dict[str, Any]]) -> None:
    """A line for each trace; a narrow window shows what was asked, a wide one the answer too."""
    cells = [_cells(row) for row in rows]
    left = room(cells, _FIGURES)
    previews = ["input", "output"] if left is None or left >= _ROOM_FOR_BOTH else ["input"]
    each = _PREVIEW if left is None else left // len(previews) - len(previews)
    for line, row in zip(cells, rows, strict=True):
        line += [row[f"{name}_preview"][:each] for name in previews]
    show_table(cells, [*_FIGURES, *previews], right=("ms", "usd"))


def _cells(row: dict[str, Any]) -> list[object]:
    return [
        row["trace_id"][:SHORT_ID],
        when(row["start_ns"]),
        row["name"][:16],
        row["status"],
        ms(row["duration_ms"]),
        usd(row["cost_usd"], unpriced=row["unpriced"]),
    ]


@click.command("show")
@client_options
@click.argument("trace_id")
def shown(as_json: bool, trace_id: str, **flags: Any) -> None:
    """Show the spans of one trace with what was said in them, and its scores.

    TRACE_ID may be the beginning of an id, as `list` shows it.
    """
    with connected(flags) as client:
        trace = client.trace(_whole(client, trace_id))
    emit(trace, as_json, text=lambda: _text(trace))


def _whole(client: Client, trace_id: str) -> str:
    """The id that a beginning of it stands for. Raises NotFound, InvalidRequest."""
    if not _BEGINNING.fullmatch(trace_id):
        return trace_id
    start = trace_id.lower()
    rows = client.each("/api/v1/traces", {"filter": f"trace_id~{start}"})
    found = [row["trace_id"] for row in rows if row["trace_id"].startswith(start)]
    if not found:
        raise NotFound(
            f"no trace begins with {start}", fix="`trimtab traces list` lists the newest"
        )
    if len(found) > 1:
        raise InvalidRequest(
            f"{len(found)} traces begin with {start}",
            where="TRACE_ID",
            fix=f"give more of it: {', '.join(found[:3])}",
        )
    return str(found[0])


def _text(trace: dict[str, Any]) -> str:
    spans = msgspec.convert(trace["spans"], list[Span])
    scores = msgspec.convert(trace["scores"], list[Score])
    columns = ["span", "kind", "status", "started", "ms", "tokens", "usd"]
    depths = _depths(spans)
    rows = [_row(span, depths[span.span_id]) for span in spans]
    sections = [f"trace {trace['trace_id']}", table(rows, columns, right=("ms", "usd"))]
    sections += ["\n".join(_content(span)) for span in spans]
    if scores:
        judged = [
            [score.name, score.source, score.status, _judgement(score), score.reason]
            for score in scores
        ]
        sections.append(table(judged, ["score", "source", "status", "judgement", "reason"]))
    return "\n\n".join(sections)


def _row(span: Span, depth: int) -> list[object]:
    usage = span.usage
    return [
        "  " * depth + span.name,
        span.kind,
        span.status,
        iso(span.start_ns),
        f"{span.duration_ms:.1f}",
        usage.total_input + usage.total_output if usage else None,
        span.cost_usd if span.cost_usd is not None or span.kind != "llm" else "unpriced",
    ]


def _depths(spans: list[Span]) -> dict[str, int]:
    """How many ancestors each span has among the spans that are there."""
    parents = {span.span_id: span.parent_id for span in spans}
    depths: dict[str, int] = {}
    for span in spans:
        path: list[str] = []
        one: str | None = span.span_id
        while one in parents and one not in depths and one not in path:
            path.append(one)
            one = parents[one]
        above = depths.get(one, -1) if one else -1
        depths |= {span_id: above + 1 + index for index, span_id in enumerate(reversed(path))}
    return depths


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
