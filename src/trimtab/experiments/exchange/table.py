"""A run as a table, a row for each answer, a column for each metric: JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trimtab.kit import jsonx
from trimtab.records import Example, Result, Run

SHAPES = ("jsonl", "csv", "parquet")
Row = dict[str, Any]


def rows(
    run: Run, results: Sequence[Result], examples: Mapping[str, Example] | None = None
) -> list[Row]:
    """The table. Columns are the same in every row; a score that is not there is None, and
    `status.METRIC` and `reason.METRIC` say why.

    Args:
        examples: rows by id, where they are known; `input` and `expected` come of them.
    """
    metrics = sorted({score.name for result in results for score in result.scores})
    known = examples or {}
    return [_row(run, result, known.get(result.example_id), metrics) for result in results]


def _row(run: Run, result: Result, example: Example | None, metrics: Sequence[str]) -> Row:
    by_name = {score.name: score for score in result.scores}
    row: Row = {
        "run_id": run.run_id,
        "example_id": result.example_id,
        "repeat": result.repeat,
        "input": None if example is None else example.input,
        "expected": None if example is None else example.expected,
        "output": result.output,
        "error": result.error,
        "model": result.model,
        "latency_ms": result.latency_ms,
        "cost_usd": None if result.cost_usd is None else float(result.cost_usd),
        "trace_id": result.trace_id,
    }
    for name in metrics:
        score = by_name.get(name)
        row[f"score.{name}"] = None if score is None else score.number
        row[f"label.{name}"] = None if score is None else score.label
        row[f"status.{name}"] = "unscored" if score is None else score.status
        row[f"reason.{name}"] = None if score is None else score.reason
    return row


def written(table: Sequence[Row], shape: str) -> bytes:
    """The table as a file of one of `SHAPES`. Values that are no text or number are JSON."""
    if shape == "csv":
        return _csv(table).encode("utf-8", "backslashreplace")
    if shape == "parquet":
        return _parquet(table)
    return b"".join(jsonx.encode(row) + b"\n" for row in table)


def _csv(table: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]) if table else [])
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in table)
    return text.getvalue()


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else _json(value)


def _json(value: Any) -> str:
    return jsonx.encode(value).decode()


def _parquet(table: Sequence[Row]) -> bytes:
    """By DuckDB, from JSON lines whose columns are typed by their names."""
    import duckdb

    with tempfile.TemporaryDirectory(prefix="trimtab-") as folder:
        lines, out = Path(folder) / "rows.jsonl", Path(folder) / "rows.parquet"
        with lines.open("wb") as file:
            file.writelines(jsonx.encode(row) + b"\n" for row in _all_plain(table))
        types = {name: _type(name) for name in (table[0] if table else {"run_id": None})}
        with duckdb.connect() as database:
            found = database.read_json(str(lines), columns=types, format="newline_delimited")
            found.write_parquet(str(out), compression="zstd")
        return out.read_bytes()


def _all_plain(table: Sequence[Row]) -> Iterator[Row]:
    for row in table:
        yield {name: _plain(value) for name, value in row.items()}


def _type(name: str) -> str:
    if name == "repeat":
        return "BIGINT"
    numbers = name.startswith("score.") or name in ("latency_ms", "cost_usd")
    return "DOUBLE" if numbers else "VARCHAR"
