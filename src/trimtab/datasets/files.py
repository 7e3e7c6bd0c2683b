"""Files of examples as a stream: CSV, TSV, JSON Lines, JSON, and Parquet where a reader is given.

A file is never held in memory whole, but for a JSON array. What is wrong is said with file, row and
column; nothing is left out in silence.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from trimtab.datasets.checking import Checking
from trimtab.datasets.fields import ABSENT, Mapped, Told, at, mapped
from trimtab.datasets.formats import FORMATS, Found, reader_of
from trimtab.datasets.reading import Reading, TableReader
from trimtab.errors import Conflict, InvalidRequest
from trimtab.kit.hashing import short_hash
from trimtab.records import Example

_LOOKED_AT = 200  # rows whose names are the columns: of JSON, not every row has all


class Opened(NamedTuple):
    """A file whose first rows were looked at: its columns, and some of those rows as they are."""

    columns: list[str]
    first: list[Found]
    rows: Iterator[Found]
    how: Reading
    strict: bool
    name: str

    def mapping(self) -> Mapped:
        """What its columns are taken for. Raises InvalidRequest where none is the input."""
        return mapped(self.how.columns, self.columns, strict=self.strict, where=self.name)

    def examples(self, mapping: Mapped) -> Iterator[Example]:
        """All of its rows. Raises as `read_examples` does."""
        return _examples(chain(self.first, self.rows), mapping, self.how)


def read_examples(
    path: Path,
    reading: Reading | None = None,
    *,
    tables: Mapping[str, TableReader] | None = None,
    told: Told = lambda _: None,
) -> Iterator[Example]:
    """The examples of a file, one by one.

    Args:
        tables: readers of the formats that need a library, by format.
        told: gets what was taken for what, once, before the first example.
    Raises:
        InvalidRequest: the file or a row cannot be read; says row and column.
        Conflict: two rows have one id; says which.
    """
    opened = open_examples(path, reading, tables=tables)
    mapping = opened.mapping()
    if not mapping.strict:
        for sentence in mapping.told(opened.columns):
            told(sentence)
    yield from opened.examples(mapping)


def open_examples(
    path: Path,
    reading: Reading | None = None,
    *,
    tables: Mapping[str, TableReader] | None = None,
) -> Opened:
    """A file that is about to be read; its first rows are.

    Raises:
        InvalidRequest: it cannot be read, or has no rows.
    """
    how = reading or Reading()
    of = how.format or _format(path)
    _check_encoding(how.encoding)
    rows = reader_of(of, path, how, tables or {})
    first = list(islice(rows, _LOOKED_AT))
    if not first:
        raise InvalidRequest(
            f"{path.name} has no rows", where=path.name, fix="give a file with at least one row"
        )
    columns = [*dict.fromkeys(column for found in first for column in found.row)]
    return Opened(columns, first, rows, how, of in ("jsonl", "json"), path.name)


def _format(path: Path) -> str:
    suffix = path.suffix.lower().removeprefix(".")
    found = {"ndjson": "jsonl", "tab": "tsv", "pq": "parquet"}.get(suffix, suffix)
    if found not in FORMATS:
        raise InvalidRequest(
            f"{path.name} is of no known format",
            where=path.name,
            fix=f"name it .{', .'.join(FORMATS)}, or say which of them it is",
        )
    return found


def _check_encoding(name: str) -> None:
    try:
        codecs.lookup(name)
    except LookupError:
        raise InvalidRequest(
            f"{name[:50]!r} is no encoding", where="encoding", fix="say for example utf-8"
        ) from None


def _examples(rows: Iterable[Found], mapping: Mapped, how: Reading) -> Iterator[Example]:
    checking = Checking(mapping.columns, how)
    seen: dict[int, int] = {}
    for found in rows:
        if found.size > how.max_cell_bytes:
            checking.cells(found.row, what=found.what, number=found.number)
        example = mapping.example(found.row, what=found.what)
        checking.kinds(example, what=found.what)
        key = int.from_bytes(short_hash(example.example_id.encode("utf-8", "replace")))
        earlier = seen.setdefault(key, found.number)
        if earlier != found.number:
            raise _repeated(found, earlier, example, mapping.columns.get("example_id"))
        yield example


def _repeated(found: Found, earlier: int, example: Example, column: str | None) -> Conflict:
    own = column is not None and at(found.row, column) not in (None, ABSENT)
    said = f"has the id {example.example_id[:100]!r} in column {column!r}, which row {earlier} has"
    return Conflict(
        f"{found.what} {said if own else f'is the same as row {earlier}'}",
        where=found.what,
        fix="give each row an id of its own, or take the repeated row out",
        example_id=example.example_id,
        row=found.number,
        earlier_row=earlier,
        **({"column": column} if own else {}),
    )
