"""Rows of text files, with the place of each for errors."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from trimtab.datasets.reading import Reading, TableReader
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

FORMATS = ("csv", "tsv", "jsonl", "json", "parquet")
MAX_JSON_BYTES = 256 << 20
_CSV_CELL_CHARS = (1 << 31) - 1
_LINE_FACTOR = 64  # a line may be that many times as long as its longest cell
_KEY = re.compile(r'"\s*:')
_LISTS = ("examples", "data", "rows")
_OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


class Found(NamedTuple):
    """A row: its number from 1, what it is called in errors, and some bound of its bytes."""

    row: Mapping[str, Any]
    number: int
    what: str
    size: int


def reader_of(
    of: str, path: Path, how: Reading, tables: Mapping[str, TableReader]
) -> Iterator[Found]:
    """The rows of a file.

    Raises:
        InvalidRequest: it cannot be opened, or is of a format that nothing here reads.
    """
    if of in tables:
        return _table(path, tables[of])
    readers: dict[str, Callable[[Path, Reading], Iterator[Found]]] = {
        "csv": _cells,
        "tsv": _cells,
        "jsonl": _json_lines,
        "json": _json,
    }
    if of not in readers:
        raise InvalidRequest(
            f"{of[:20]!r} files are not read here",
            where=path.name,
            fix=f"give one of {', '.join([*readers, *tables])}",
        )
    return readers[of](path, how)


def _table(path: Path, read: TableReader) -> Iterator[Found]:
    for number, row in enumerate(read(path), start=1):
        yield Found(row, number, f"row {number} of {path.name}", _size(row))


def _json_lines(path: Path, how: Reading) -> Iterator[Found]:
    number = 0
    for line, text in _lines(path, how):
        if not text.strip():
            continue
        number += 1
        what = f"line {line} of {path.name}"
        row = jsonx.decode(text.encode(), what=what)
        _refuse_doubled(text, row, what)
        yield Found(_object(row, what), number, what, len(text) * 4)


def _refuse_doubled(text: str, row: Any, what: str) -> None:
    """Of a key that is there twice, one value would be lost without a word."""
    # As many keys as were decoded, unless some are doubled or a text looks like one.
    if len(_KEY.findall(text)) == _keys_in(row):
        return

    def checked(pairs: list[tuple[str, Any]]) -> None:
        seen = set[str]()
        for name, _ in pairs:
            if name in seen:
                raise InvalidRequest(
                    f"{what} has the key {name!r} twice in one object",
                    where=what,
                    fix="give each key once",
                )
            seen.add(name)

    json.loads(text, object_pairs_hook=checked, parse_int=str, parse_float=str)


def _keys_in(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_keys_in, value.values()))
    return sum(map(_keys_in, value)) if isinstance(value, list) else 0


def _json(path: Path, how: Reading) -> Iterator[Found]:
    with _opened(path) as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise InvalidRequest(
            f"{path.name} has more than {MAX_JSON_BYTES} bytes, too many for one JSON value",
            where=path.name,
            fix="write it as JSON Lines, one row a line",
        )
    value = jsonx.decode(_decoded(data, how, path.name).encode(), what=path.name)
    if isinstance(value, dict):
        value = next((value[name] for name in _LISTS if name in value), value)
    if not isinstance(value, list):
        raise InvalidRequest(
            f"{path.name} holds no list of rows",
            where=path.name,
            fix="write a list of objects, or an object with one under 'examples'",
        )
    for number, row in enumerate(value, start=1):
        what = f"row {number} of {path.name}"
        yield Found(_object(row, what), number, what, _size(row) if isinstance(row, dict) else 0)


def _cells(path: Path, how: Reading) -> Iterator[Found]:
    """Rows by their header, as RFC 4180 has it; an empty cell is no value."""
    # The module's own limit names no column; ours is checked where the column is known.
    csv.field_size_limit(_CSV_CELL_CHARS)
    delimiter = how.delimiter or ("\t" if path.suffix == ".tsv" or how.format == "tsv" else ",")
    rows = csv.reader((text for _, text in _lines(path, how)), delimiter=delimiter, strict=True)
    header = _header(_next(rows, path, 0), path.name)
    number = 0
    while (cells := _next(rows, path, number)) is not None:
        if not cells:
            continue
        number += 1
        what = f"row {number} (line {rows.line_num}) of {path.name}"
        if len(cells) != len(header):
            raise InvalidRequest(
                f"{what} has {len(cells)} cells under {len(header)} column names",
                where=what,
                fix="quote cells that hold the delimiter or a line break",
                row=number,
            )
        row = {name: cell or None for name, cell in zip(header, cells, strict=True)}
        yield Found(row, number, what, sum(map(len, cells)) * 4)


def _next(rows: Any, path: Path, number: int) -> list[str] | None:
    try:
        cells: list[str] | None = next(rows, None)
    except csv.Error as error:
        raise InvalidRequest(
            f"{path.name} cannot be read after row {number}: {error}",
            where=f"line {rows.line_num} of {path.name}",
            fix="close quoted cells, and double the quotes within them",
            row=number + 1,
        ) from None
    return cells


def _header(cells: list[str] | None, name: str) -> list[str]:
    if not cells or not any(cell.strip() for cell in cells):
        raise InvalidRequest(
            f"{name} is empty", where=name, fix="give a file with a line of column names"
        )
    header = [cell.strip() for cell in cells]
    for column in header:
        if not column or header.count(column) > 1:
            raise InvalidRequest(
                f"{name} has {'a column without a name' if not column else 'two columns'}"
                f"{'' if not column else f' named {column[:50]!r}'}",
                where=f"line 1 of {name}",
                fix="give each column a name of its own",
                column=column,
            )
    return header


def _lines(path: Path, how: Reading) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, decoded one by one, so that a wrong byte has a line."""
    if codecs.lookup(how.encoding).name.startswith(("utf-16", "utf-32")):
        with _opened(path) as file:
            text = io.TextIOWrapper(file, encoding=how.encoding, newline="")
            try:
                yield from enumerate(text, start=1)
            except UnicodeError as error:
                raise InvalidRequest(
                    f"{path.name} is not {how.encoding}: {error}",
                    where=path.name,
                    fix="say in which encoding it is",
                ) from None
        return
    longest = max(how.max_cell_bytes, 1 << 20) * _LINE_FACTOR
    with _opened(path) as file:
        number = 0
        while line := file.readline(longest + 1):
            number += 1
            if len(line) > longest:
                raise InvalidRequest(
                    f"line {number} of {path.name} has more than {longest} bytes",
                    where=f"line {number} of {path.name}",
                    fix="shorten it, or raise the limit: `max_cell_bytes` in the data of a suite,"
                    " --max-cell-bytes of `trimtab datasets`",
                )
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            yield number, _decoded(line, how, f"line {number} of {path.name}")


def _decoded(data: bytes, how: Reading, what: str) -> str:
    try:
        return data.decode(how.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        other = data.startswith(_OTHER_MARKS)
        likely = "utf-16" if other else "latin-1"
        raise InvalidRequest(
            f"{what} is not {how.encoding}: byte 0x{data[error.start]:02x} at {error.start}",
            where=what,
            fix=f"{'it looks like UTF-16: ' if other else ''}say in which encoding it is:"
            f" `encoding: {likely}` in the data of a suite, --encoding {likely} of"
            " `trimtab datasets`",
        ) from None


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error.strerror}", where=str(path), fix="name another file"
        ) from None


def _object(row: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise InvalidRequest(
            f"{what} is no object but {type(row).__name__}",
            where=what,
            fix="write each row as an object of its columns",
        )
    return row


def _size(row: Mapping[str, Any]) -> int:
    return len(jsonx.encode(row))
