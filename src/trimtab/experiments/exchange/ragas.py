"""Ragas: the table of `result.to_pandas()`, written as CSV, JSON or Parquet. Pure.

Columns that Ragas knows are the row; every other column of numbers is a metric. Both the names
since version 0.2 (`user_input`, `response`) and those before (`question`, `answer`) are known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.experiments.exchange.foreign import Case, Foreign, Judged, foreign, number

TOOL = "ragas"
_INPUT = ("user_input", "question")
_OUTPUT = ("response", "answer")
_EXPECTED = ("reference", "ground_truth", "ground_truths")
_CONTEXT = ("retrieved_contexts", "contexts")
_OTHER = (
    *("reference_contexts", "reference_tool_calls", "reference_topics", "rubrics", "rubric"),
    *("multi_responses", "retrieved_context_ids", "reference_context_ids", "persona_name"),
    *("query_style", "query_length", "synthesizer_name", "index", "unnamed: 0", ""),
)
_KNOWN = frozenset((*_INPUT, *_OUTPUT, *_EXPECTED, *_CONTEXT, *_OTHER))


def is_one(rows: Any) -> bool:
    """Whether decoded rows are of this tool."""
    first = rows[0] if isinstance(rows, list) and rows else None
    if not isinstance(first, Mapping):
        return False
    return not set(_INPUT).isdisjoint(first) and not set(_OUTPUT + _CONTEXT).isdisjoint(first)


def read(rows: Any, where: str) -> list[Foreign]:
    """The run of a table. Raises InvalidRequest; says which row and column."""
    if not is_one(rows):
        raise InvalidRequest(
            "the table has no columns user_input and response",
            where=where,
            fix="write result.to_pandas() with to_csv, to_json(orient='records') or to_parquet",
        )
    metrics = _metrics(rows, where)
    return [foreign(TOOL, _cases(rows, metrics, where))]


def _metrics(rows: Sequence[Mapping[str, Any]], where: str) -> list[str]:
    """The columns that hold numbers, or nothing, everywhere."""
    columns = list(dict.fromkeys(str(name) for row in rows for name in row))
    found = []
    for column in columns:
        if column.lower() in _KNOWN:
            continue
        values = [row.get(column) for row in rows]
        if any(map(_is_number, values)):
            for n, value in enumerate(values, start=1):
                number(value, f"{where}, row {n}, column {column}")
            found.append(column)
    return found


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cases(rows: Sequence[Mapping[str, Any]], metrics: list[str], where: str) -> Iterator[Case]:
    for n, row in enumerate(rows, start=1):
        yield Case(
            input=_first(row, _INPUT),
            expected=_first(row, _EXPECTED),
            output=_first(row, _OUTPUT),
            context=_texts(_first(row, _CONTEXT)),
            judged=[
                Judged(
                    metric=metric,
                    number=number(row.get(metric), f"{where}, row {n}, column {metric}"),
                )
                for metric in metrics
            ],
        )


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _texts(value: Any) -> tuple[str, ...]:
    """Contexts; a CSV has them as Python writes a list."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return (value,)
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return () if value is None else (str(value),)
