"""`trimtab traces export`: everything that a filter means, into a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.filters import FilterCommand, joined
from trimtab.cli.output import emit
from trimtab.cli.saving import SHAPES, shape_of, write_whole
from trimtab.client import Client


@click.command("export", cls=FilterCommand)
@client_options
@click.argument("filter", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; - or none is standard output.",
)
@click.option(
    "--format",
    "shape",
    type=click.Choice(SHAPES),
    help="How it is written.  [default: as the file's name ends, else jsonl]",
)
@click.option(
    "--what",
    type=click.Choice(["spans", "traces", "scores"]),
    default="spans",
    show_default=True,
    help="What is written.",
)
def exported(
    as_json: bool,
    filter: tuple[str, ...],
    output: Path | None,
    shape: str | None,
    what: str,
    **flags: Any,
) -> None:
    """Write everything that FILTER means into a file; a file that is there is replaced whole."""
    asked = joined(filter)
    shape = shape or shape_of(output)
    with connected(flags) as client:
        if output is None or str(output) == "-":
            for piece in client.export(asked, what=what, format=shape):
                sys.stdout.buffer.write(piece)
            return
        total = _count(client, asked, what) if shape == "jsonl" else 0
        size = write_whole(client.export(asked, what=what, format=shape), output, what, total)
    done = {"file": str(output), "size_bytes": size, "format": shape, "what": what}
    emit(done, as_json, text=lambda: f"{output}: {size:,} bytes of {what}")


def _count(client: Client, filter: str | None, what: str) -> int:
    """How many records there will be; 0 where that is not known before."""
    if what == "spans":
        return sum(row["spans"] for row in client.groups("kind", filter))
    return 0
