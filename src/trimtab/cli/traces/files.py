"""`trimtab traces export`: everything that a filter means, into a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.output import emit, progress
from trimtab.client import Client

_SHAPES = ("jsonl", "csv", "parquet")
_MIB = 1 << 20


@click.command("export")
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
    type=click.Choice(_SHAPES),
    help="How it is written.  [default: by the file's name, else jsonl]",
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
    asked = " ".join(filter) or None
    with connected(flags) as client:
        if output is None or str(output) == "-":
            for piece in client.export(asked, what=what, format=shape or "jsonl"):
                click.get_binary_stream("stdout").write(piece)
            return
        shape = shape or _shape_of(output)
        size = _written(client.export(asked, what=what, format=shape), output, client, asked)
    done = {"file": str(output), "size_bytes": size, "format": shape, "what": what}
    emit(done, as_json, text=lambda: f"{output}: {size:,} bytes of {what}")


def _shape_of(output: Path) -> str:
    suffix = output.suffix.removeprefix(".")
    return suffix if suffix in _SHAPES else "jsonl"


def _written(pieces: Iterator[bytes], output: Path, client: Client, filter: str | None) -> int:
    """Write beside the file and put it in place at the end, so that it is whole or the old one."""
    size = 0
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(handle, "wb") as file, progress("MiB", 0) as bar:
            for piece in pieces:
                file.write(piece)
                bar.advance((size + len(piece)) // _MIB - size // _MIB)
                size += len(piece)
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return size
