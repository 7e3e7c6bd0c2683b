"""How the commands say datasets and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.cli.output import table
from trimtab.records import text_of


def ref(dataset: dict[str, Any]) -> str:
    return f"{dataset['name']}@{dataset['version']}"


def stored(dataset: dict[str, Any]) -> str:
    """
    >>> stored({"name": "golden", "version": 2, "size": 3})
    'golden@2: 3 examples'
    """
    return f"{ref(dataset)}: {dataset['size']} examples"


def figures(dataset: dict[str, Any]) -> str:
    """What is counted of a version, in a line."""
    said = [stored(dataset)]
    said += [f"{count} in {name}" for name, count in dataset["splits"].items()]
    for name in ("clusters", "duplicates", "linked"):
        if dataset[name]:
            said.append(f"{dataset[name]} {name}")
    if dataset["tags"]:
        said.append(f"tags {', '.join(dataset['tags'])}")
    return ", ".join(said)


def rows_table(rows: Sequence[dict[str, Any]], total: int) -> str:
    cells = [
        [
            row["example_id"],
            text_of(row["input"])[:70],
            None if row["expected"] is None else text_of(row["expected"])[:50],
            row["split"],
        ]
        for row in rows
    ]
    text = table(cells, ["example", "input", "expected", "split"])
    return text if len(rows) == total else f"{text}\n{len(rows)} of {total}"


def short(value: Any) -> str | None:
    """A value of a row in few characters; None stays so."""
    return None if value is None else (text_of(value) or str(value))[:50]
