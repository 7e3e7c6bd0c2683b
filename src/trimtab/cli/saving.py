"""Files that commands write: whole or not at all, in the shape that their name says."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from trimtab.cli.output import note, progress
from trimtab.errors import InvalidRequest

SHAPES = ("jsonl", "csv", "parquet")
_ENDINGS = {"": "jsonl", **{shape: shape for shape in SHAPES}, "ndjson": "jsonl"}


def shape_of(output: Path | None) -> str:
    """How a file of this name is written. Raises InvalidRequest for an ending nobody knows."""
    suffix = output.suffix.removeprefix(".").lower() if output else ""
    if suffix not in _ENDINGS:
        raise InvalidRequest(
            f"a file that ends in .{suffix} is none that can be written",
            where="--output",
            fix=f"end its name in {', '.join(f'.{one}' for one in SHAPES)}, or give --format",
        )
    return _ENDINGS[suffix]


def write_whole(pieces: Iterator[bytes], output: Path, what: str, total: int) -> int:
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


@contextmanager
def _counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar where it is known how much there is; else a line that says what goes on."""
    if total:
        with progress(what, total) as bar:
            yield bar.advance
    else:
        note(f"exporting {what}")
        yield lambda _: None
