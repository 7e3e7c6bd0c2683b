"""`trimtab sql`: one SELECT over the recorded spans and scores."""

from __future__ import annotations

import sys
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note, show_table


@click.command()
@client_options
@click.argument("text")
@click.option("--limit", type=int, default=1000, show_default=True, help="At most how many rows.")
def command(as_json: bool, text: str, limit: int, **flags: Any) -> None:
    """Answer one SELECT over `spans` and `scores`; TEXT - reads it from standard input."""
    if text == "-":
        text = sys.stdin.read()
    with connected(flags) as client:
        answer = client.sql(text, max_rows=limit)
    if as_json:
        emit(answer, as_json)
        return
    show_table(answer["rows"], answer["columns"], empty="no rows")
    if answer["truncated"]:
        note(f"only the first {limit} rows; --limit shows more")
