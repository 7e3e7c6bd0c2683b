"""`trimtab guard reviews`: what waits for a human's decision, and the decision."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, show_table
from trimtab.errors import NotFound
from trimtab.kit.clock import iso


@click.command("reviews")
@client_options
@click.argument("trace", required=False)
@click.option("--rule", help="Of TRACE, the rule whose question is decided.")
@click.option("--uphold", "decision", flag_value="upheld", help="The rule was right about TRACE.")
@click.option("--dismiss", "decision", flag_value="dismissed", help="It was wrong.")
@click.option("--reason", help="Why; kept with the decision.")
@click.option(
    "--which",
    type=click.Choice(["pending", "upheld", "dismissed", "all"]),
    default="pending",
    show_default=True,
    help="Those to list.",
)
@click.option("--since", default="7d", show_default=True, help="How far back: 24h, 30d.")
@click.option("--limit", type=int, default=50, show_default=True, help="How many.")
def command(
    as_json: bool,
    trace: str | None,
    rule: str | None,
    decision: str | None,
    reason: str | None,
    which: str,
    since: str,
    limit: int,
    **flags: Any,
) -> None:
    """List what rules asked people to decide; or decide about TRACE."""
    if (trace is None) != (decision is None):
        raise click.UsageError("a decision is --uphold or --dismiss, of one TRACE")
    if trace is None:
        query = {"decision": which, "since": since, "limit": limit}
        with connected(flags) as client:
            rows = client.get("/api/v1/guards/reviews", query)["data"]
        _show(rows, as_json)
        return
    with connected(flags) as client:
        asked = client.get(
            "/api/v1/guards/reviews", {"decision": "all", "since": since, "limit": 1000}
        )["data"]
        found = [row for row in asked if row["trace_id"] == trace and rule in (None, row["rule"])]
        if not found:
            raise NotFound(
                "no rule asked for a review of that call", where="TRACE", fix="list the reviews"
            )
        done = [
            client.post(
                "/api/v1/guards/reviews",
                {
                    **{name: row[name] for name in ("rule", "trace_id", "span_id")},
                    "decision": decision,
                    "reason": reason,
                },
            )
            for row in found
        ]
    emit(done, as_json, text=lambda: f"{len(done)} {decision}")


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        emit(rows, as_json)
        return
    show_table(
        [
            [
                iso(row["time_ns"]),
                row["rule"],
                row["decision"],
                row["author"],
                row["reason"],
                row["trace_id"],
            ]
            for row in rows
        ],
        ["time", "rule", "decision", "by", "reason", "trace"],
        empty="nothing waits for a decision",
    )
