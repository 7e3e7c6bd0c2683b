"""Rows in groups: by tag, split, cluster, language, length or metadata. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.experiments.languages import guessed
from trimtab.records import Example, text_of

NONE = "(none)"
"""The group of rows that do not say; it is shown and never gates."""


def grouped(by: str, examples: Sequence[Example]) -> dict[str, list[str]]:
    """Ids of the rows of each group; a row with several tags is in several.

    Args:
        by: `tag`, `split`, `cluster`, `language`, `length` or `metadata.KEY`.
    Raises:
        InvalidRequest: none of these.
    """
    if by == "length":
        return _thirds(examples)
    keys = _KEYS.get(by)
    if keys is None and by.startswith("metadata.") and len(by) > len("metadata."):
        keys = partial(_of_metadata, path=by.partition(".")[2])
    if keys is None:
        raise InvalidRequest(
            f"rows cannot be grouped by {by[:100]!r}",
            where="slices.by",
            fix=f"use {', '.join([*_KEYS, 'length'])} or metadata.KEY",
        )
    groups: dict[str, list[str]] = {}
    for row in examples:
        for key in keys(row) or (None,):
            groups.setdefault(NONE if key is None else key, []).append(row.example_id)
    return groups


def _thirds(examples: Sequence[Example]) -> dict[str, list[str]]:
    """Rows by the length of their input; equal lengths stay together."""
    lengths = {row.example_id: len(said(row.input)) for row in examples}
    order = sorted(lengths.values())
    first, second = (order[len(order) * k // 3] for k in (1, 2)) if order else (0, 0)
    names = (f"up to {first} characters", f"up to {second} characters", "longer")
    groups: dict[str, list[str]] = {name: [] for name in names}
    for key, length in lengths.items():
        groups[names[0 if length <= first else 1 if length <= second else 2]].append(key)
    return {name: ids for name, ids in groups.items() if ids}


def said(value: Any) -> str:
    """An input or an answer as text."""
    return text_of(value) or ("" if value is None else str(value))


def _language(row: Example) -> str:
    for key in ("language", "lang", "locale"):
        told = row.metadata.get(key)
        if isinstance(told, str) and told:
            return told.replace("_", "-").partition("-")[0].lower()
    return guessed(said(row.input))


def _of_metadata(row: Example, *, path: str) -> list[str | None]:
    """What is said at a key of the metadata, or at a path of keys."""
    value: Any = row.metadata.get(path)
    if value is None:
        value = row.metadata
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
    if value is None or value == "":
        return [None]
    return [str(value).lower() if isinstance(value, bool) else said(value)]


_KEYS: Mapping[str, Callable[[Example], Sequence[str | None]]] = {
    "tag": lambda row: row.tags,
    "split": lambda row: [row.split],
    "cluster": lambda row: [row.cluster],
    "language": lambda row: [_language(row)],
}
