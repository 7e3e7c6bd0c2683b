"""Files of other tools: found out what they are, and read."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.experiments.exchange import deepeval, promptfoo, ragas
from trimtab.experiments.exchange.foreign import Foreign
from trimtab.kit import jsonx

FORMATS = ("deepeval", "promptfoo", "ragas")
_READERS: dict[str, Any] = {"deepeval": deepeval, "promptfoo": promptfoo, "ragas": ragas}
_MOST_CELL = 64 << 20


def read(path: Path, format: str | None = None) -> list[Foreign]:
    """The runs of a file.

    Args:
        format: which tool wrote it; without, its content tells.
    Raises:
        InvalidRequest: it cannot be read, or is of no tool that is known; says where.
    """
    value = _decoded(path)
    tool = format or next((name for name, one in _READERS.items() if one.is_one(value)), None)
    if tool is None:
        raise InvalidRequest(
            "what tool wrote this file cannot be told",
            where=str(path),
            fix=f"say --format {', --format '.join(FORMATS)}",
        )
    runs: list[Foreign] = _READERS[tool].read(value, str(path))
    if not any(run.results for run in runs):
        raise InvalidRequest("there is no result in it", where=str(path), fix="name another file")
    return runs


def _decoded(path: Path) -> Any:
    kind = path.suffix.lower()
    try:
        if kind == ".csv":
            return _csv(path)
        if kind == ".parquet":
            return _parquet(path)
        text = path.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            f"the file cannot be read: {error.strerror}", where=str(path), fix="name another"
        ) from None
    except UnicodeDecodeError:
        raise InvalidRequest("the file is not UTF-8", where=str(path)) from None
    return _rows(_json(text, path))


def _json(text: bytes, path: Path) -> Any:
    """JSON, or JSON lines. NaN, which pandas and Python write, is nothing."""
    try:
        return jsonx.decode(text, what="the file")
    except InvalidRequest as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].lstrip().startswith(b"{") or len(lines[0]) < 3:
            raise InvalidRequest(error.what, where=f"{path} {error.where or ''}".strip()) from None
    found = []
    for n, line in enumerate(lines, start=1):
        try:
            found.append(jsonx.decode(line, what="the line"))
        except InvalidRequest as error:
            raise InvalidRequest(error.what, where=f"{path}, line {n}") from None
    return found


def _rows(value: Any) -> Any:
    """A table that pandas wrote by column, {column: {row: cell}}, as rows."""
    columns = list(value.values()) if isinstance(value, Mapping) else []
    if not columns or not all(isinstance(column, Mapping) for column in columns):
        return value
    if not set(value).intersection(("user_input", "question")):
        return value
    keys = list(columns[0])
    return [{name: column.get(key) for name, column in value.items()} for key in keys]


def _csv(path: Path) -> list[dict[str, Any]]:
    csv.field_size_limit(_MOST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            return [{str(k): v for k, v in row.items() if k is not None} for row in reader]
        except csv.Error as error:
            raise InvalidRequest(str(error), where=f"{path}, line {reader.line_num}") from None


def _parquet(path: Path) -> list[dict[str, Any]]:
    import duckdb

    if not path.is_file():
        raise InvalidRequest("there is no such file", where=str(path), fix="name another")
    try:
        with duckdb.connect() as database:
            found = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    except duckdb.Error as error:
        reason = str(error).splitlines()[0][:200]
        raise InvalidRequest(f"this is no Parquet file: {reason}", where=str(path)) from None
