"""Files of examples as a stream: CSV, TSV, JSON Lines, JSON, and Parquet where a reader is given.

A file is never held in memory whole, but for a JSON array. What is wrong is said with file, row and
column; nothing is left out in silence.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from trimtab.datasets.fields import Mapped, Told, mapped
from trimtab.datasets.formats import FORMATS, Found, reader_of
from trimtab.datasets.reading import Reading, TableReader
from trimtab.errors import Conflict, InvalidRequest
from trimtab.kit.hashing import short_hash
from trimtab.records import Example

_LOOKED_AT = 200  # rows whose names are the columns: of JSON, not every row has all

_KINDS: Sequence[tuple[type | tuple[type, ...], str]] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "an object"),
)


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
    mapping = mapped(how.columns, columns, strict=of in ("jsonl", "json"), where=path.name)
    if not mapping.strict:
        for sentence in mapping.told(columns):
            told(sentence)
    yield from _examples(chain(first, rows), mapping, how)


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


class _First(NamedTuple):
    kind: str
    what: str


def _examples(rows: Iterable[Found], mapping: Mapped, how: Reading) -> Iterator[Example]:
    kinds: dict[str, _First] = {}
    seen: set[int] = set()
    for found in rows:
        _check_cells(found, how.max_cell_bytes)
        example = mapping.example(found.row, what=found.what)
        if not how.mixed:
            _check_kinds(example, mapping, found.what, kinds)
        key = int.from_bytes(short_hash(example.example_id.encode("utf-8", "replace")))
        if key in seen:
            raise Conflict(
                f"{found.what} has the id {example.example_id!r}, which an earlier row has",
                where=found.what,
                fix="give each row an id of its own, or take the repeated row out",
                example_id=example.example_id,
                row=found.number,
            )
        seen.add(key)
        yield example


def _check_cells(found: Found, limit: int) -> None:
    if found.size <= limit:
        return
    for column, value in found.row.items():
        size = len(value.encode()) if isinstance(value, str) else len(msgspec.json.encode(value))
        if size > limit:
            raise InvalidRequest(
                f"{found.what}: column {column!r} has {size} bytes; at most {limit} are taken",
                where=found.what,
                fix="shorten it, or raise the limit with --max-cell-bytes",
                column=column,
                row=found.number,
                size_bytes=size,
                limit_bytes=limit,
            )


def _check_kinds(example: Example, mapping: Mapped, what: str, kinds: dict[str, _First]) -> None:
    for field in ("input", "expected"):
        value = getattr(example, field)
        if value is None:
            continue
        kind = next(name for of, name in _KINDS if isinstance(value, of))
        first = kinds.setdefault(field, _First(kind, what))
        if first.kind != kind:
            column = mapping.columns[field]
            raise InvalidRequest(
                f"{what}: column {column!r} is {kind}, but {first.kind} in {first.what}",
                where=what,
                fix="make the column of one type, or allow it with --mixed",
                column=column,
            )
