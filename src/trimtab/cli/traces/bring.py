"""`trimtab traces import`: what another tool exported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, note, progress
from trimtab.dialects.exports import Tool, rows
from trimtab.kit import jsonx

_CHUNK_BYTES = 4 << 20


@click.command("import")
@client_options
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--from",
    "tool",
    type=click.Choice(get_args(Tool)),
    default="trimtab",
    show_default=True,
    help="The tool that wrote it.",
)
def imported(as_json: bool, file: Path, tool: str, **flags: Any) -> None:
    """Record the spans and scores of FILE, a JSON or JSON lines export; once more is harmless."""
    found = rows(file.read_bytes())
    total: dict[str, Any] = {"rows": 0, "refused": 0, "refusals": []}
    with connected(flags) as client, progress("rows", len(found)) as bar:
        for chunk in _chunks(found):
            done = client.post(f"/api/v1/import?from={tool}", chunk)
            for refusal in done["refusals"]:
                total["refusals"].append(refusal | {"row": refusal["row"] + total["rows"]})
            total["rows"] += done["rows"]
            total["refused"] += done["refused"]
            bar.advance(len(chunk))
    for refusal in total["refusals"]:
        note(f"row {refusal['row']} is left out: {refusal['reason']}")
    taken = total["rows"] - total["refused"]
    emit(total, as_json, text=lambda: f"{taken} rows recorded, {total['refused']} left out")


def _chunks(found: list[Any]) -> Iterator[list[Any]]:
    """Rows in requests of a moderate size."""
    chunk: list[Any] = []
    size = 0
    for row in found:
        chunk.append(row)
        size += len(jsonx.encode(row))
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
