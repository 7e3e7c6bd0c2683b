"""`trimtab traces`: the recorded calls."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table, table
from trimtab.kit.clock import iso


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
            ]
            for row in rows
        ],
        ["trace", "started", "name", "status", "ms", "tokens", "usd", "input"],
        right=("ms", "usd"),
    )


@command.command("show")
@client_options
@click.argument("trace_id")
def shown(as_json: bool, trace_id: str, **flags: Any) -> None:
    """Show the spans and scores of one trace."""
    with connected(flags) as client:
        trace = client.trace(trace_id)
    emit(trace, as_json, text=lambda: _text(trace))


def _text(trace: dict[str, Any]) -> str:
    spans = [
        [
            ("  " if span["parent_id"] else "") + span["name"],
            span["kind"],
            span["status"],
            f"{(span['end_ns'] - span['start_ns']) / 1e6:.1f}",
            span["error"] or "",
        ]
        for span in trace["spans"]
    ]
    scores = [
        [score["name"], score["source"], score["status"], _judgement(score), score["reason"]]
        for score in trace["scores"]
    ]
    text = table(spans, ["span", "kind", "status", "ms", "error"], right=("ms",))
    if scores:
        text += "\n\n" + table(scores, ["score", "source", "status", "judgement", "reason"])
    return text


def _judgement(score: dict[str, Any]) -> Any:
    for name in ("passed", "value", "label"):
        if score[name] is not None:
            return score[name]
    return None
