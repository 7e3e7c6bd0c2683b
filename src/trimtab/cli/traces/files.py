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
from trimtab.errors import InvalidRequest

_SHAPES = ("jsonl", "csv", "parquet")
_ENDINGS = {"": "jsonl", **{shape: shape for shape in _SHAPES}, "ndjson": "jsonl"}


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
    shape = shape or _shape_of(output)
    with connected(flags) as client:
        if output is None or str(output) == "-":
            for piece in client.export(asked, what=what, format=shape):
                sys.stdout.buffer.write(piece)
            return
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


def _shape_of(output: Path | None) -> str:
    """How a file of this name is written. Raises InvalidRequest for an ending nobody knows."""
    suffix = output.suffix.removeprefix(".").lower() if output else ""
    if suffix not in _ENDINGS:
        raise InvalidRequest(
            f"a file that ends in .{suffix} is none that can be written",
            where="--output",
            fix=f"end its name in {', '.join(f'.{one}' for one in _SHAPES)}, or give --format",
        )
    return _ENDINGS[suffix]


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
