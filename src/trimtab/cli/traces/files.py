"""`trimtab traces export`: everything that a filter means, into a file."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from trimtab.cli.connect import client_options, connected
from trimtab.cli.filters import FilterCommand, joined
from trimtab.cli.output import emit, note, progress
from trimtab.client import Client

_SHAPES = ("jsonl", "csv", "parquet")


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
    asked = joined(filter)
    with connected(flags) as client:
        if output is None or str(output) == "-":
            for piece in client.export(asked, what=what, format=shape or "jsonl"):
                sys.stdout.buffer.write(piece)
            return
        shape = shape or _shape_of(output)
        total = _count(client, asked, what) if shape == "jsonl" else 0
        size = _written(client.export(asked, what=what, format=shape), output, what, total)
    done = {"file": str(output), "size_bytes": size, "format": shape, "what": what}
    emit(done, as_json, text=lambda: f"{output}: {size:,} bytes of {what}")


@contextmanager
def _counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar where it is known how much there is; else a line that says what goes on."""
    if total:
        with progress(what, total) as bar:
            yield bar.advance
    else:
        note(f"exporting {what}")
        yield lambda _: None


def _shape_of(output: Path) -> str:
    suffix = output.suffix.removeprefix(".")
    return suffix if suffix in _SHAPES else "jsonl"


def _count(client: Client, filter: str | None, what: str) -> int:
    """How many records there will be; 0 where that is not known before."""
    if what == "spans":
        return sum(row["spans"] for row in client.groups("kind", filter))
    return 0


def _written(pieces: Iterator[bytes], output: Path, what: str, total: int) -> int:
    """Write beside the file and put it in place at the end, so that it is whole or the old one."""
    size = 0
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(handle, "wb") as file, _counting(what, total) as count:
            for piece in pieces:
                file.write(piece)
                size += len(piece)
                count(piece.count(b"\n"))
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return size
