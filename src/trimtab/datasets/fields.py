"""Which column of a table becomes which field of an example: as given, or by obvious names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.hashing import digest
from trimtab.records import Example

FIELDS: Sequence[str] = Example.__struct_fields__

# Column names that mean a field, the likeliest first.
OBVIOUS: Mapping[str, Sequence[str]] = {
    "example_id": ("example_id", "id", "case_id", "question_id", "uuid"),
    "input": ("input", "question", "query", "prompt", "messages", "instruction", "user_input"),
    "expected": (
        "expected",
        "expected_output",
        "answer",
        "reference",
        "ground_truth",
        "reference_answer",
        "target",
        "ideal",
    ),
    "context": ("context", "contexts", "passages", "documents", "retrieved_contexts"),
    "metadata": ("metadata", "meta"),
    "tags": ("tags",),
    "split": ("split", "subset"),
    "cluster": ("cluster", "group", "group_id"),
    "source_trace": ("source_trace", "trace_id"),
    "source_span": ("source_span", "span_id"),
}

Row = Mapping[str, Any]
Told = Callable[[str], None]
ABSENT: Any = object()
"""What a path leads to where there is nothing."""


class Mapped(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Fields to columns, and what becomes of the columns that no field takes.

    `columns` are paths: `a.b` is the column of that name, or else `b` within `a`. `rest` columns go
    into the metadata; with `strict`, one of them is an error instead.
    """

    columns: Mapping[str, str]
    metadata: Mapping[str, str] = {}
    strict: bool = False

    def told(self, among: Collection[str]) -> list[str]:
        """What was taken for what, in sentences."""
        taken = [f"{field} is {column!r}" for field, column in self.columns.items()]
        said = [f"columns: {', '.join(taken)}"]
        if rest := self.rest(among):
            said.append(f"kept in metadata: {', '.join(map(repr, rest))}")
        return said

    def rest(self, among: Collection[str]) -> list[str]:
        used = self._used
        return [column for column in among if column not in used]

    @cached_property
    def _used(self) -> set[str]:
        used = {*self.columns.values(), *self.metadata.values()}
        return used | {path.partition(".")[0] for path in used}

    def example(self, row: Row, *, what: str) -> Example:
        """The example that a row is.

        Args:
            what: the row in words, for errors: `row 3 (line 4) of questions.csv`.
        Raises:
            InvalidRequest: says row and column.
        """
        fields: dict[str, Any] = {}
        for field, column in self.columns.items():
            value = row.get(column)
            if value is None and "." in column:
                value = at(row, column)
            if value is not None and value is not ABSENT:
                fields[field] = value
        if fields.get("input") in (None, ""):
            raise _no_input(row, self.columns["input"], what)
        rest = self.rest(row)
        if rest and self.strict:
            raise _unknown(rest[0], what)
        metadata = _metadata(fields.get("metadata"), self.columns.get("metadata"), what)
        metadata |= {column: row[column] for column in rest if row[column] is not None}
        for name, column in self.metadata.items():
            if (value := at(row, column)) is not ABSENT and value is not None:
                metadata[name] = value
        fields |= {"metadata": metadata}
        if not self.strict:
            _loosen(fields)
        if "example_id" not in fields:
            fields["example_id"] = digest(dict(row))[:16]
        return self._converted(fields, what)

    def _converted(self, fields: dict[str, Any], what: str) -> Example:
        try:
            return msgspec.convert(fields, Example)
        except msgspec.ValidationError as error:
            said, place = jsonx.reason(error)
            field = place.removeprefix("$.").partition("[")[0].partition(".")[0]
            column = self.columns.get(field, field)
            raise InvalidRequest(
                f"{what}: column {column!r} is no {field}: {said}",
                where=what,
                fix=f"change the value, or take another column with {field}=COLUMN",
                column=column,
            ) from None


def mapped(given: Mapping[str, str], columns: Sequence[str], *, strict: bool, where: str) -> Mapped:
    """The mapping for rows with these columns: what is given, else by obvious names.

    Args:
        given: field to column, as in `{"input": "question", "metadata.lang": "language"}`.
        strict: columns that no field takes are refused where all names are those of fields.
    Raises:
        InvalidRequest: a field or a column does not exist, or nothing is the input.
    """
    for field, column in given.items():
        if field not in FIELDS and not field.startswith("metadata."):
            raise InvalidRequest(
                f"an example has no field {field[:50]!r}",
                where=where,
                fix=f"write one of {', '.join(FIELDS)} or metadata.NAME before the =",
                field=field,
            )
        if column not in columns and column.partition(".")[0] not in columns:
            raise _missing(column, columns, where)
    taken = {field: column for field, column in given.items() if field in FIELDS}
    used = set(given.values())
    for field, names in OBVIOUS.items():
        if field not in taken:
            found = _obvious(names, [column for column in columns if column not in used])
            if found is not None:
                taken[field] = found
    if "input" not in taken:
        raise _missing_input(columns, where)
    if strict and not given and all(field == column for field, column in taken.items()):
        return Mapped(columns={field: field for field in FIELDS}, strict=True)
    return Mapped(
        columns={field: taken[field] for field in FIELDS if field in taken},
        metadata={
            field.removeprefix("metadata."): column
            for field, column in given.items()
            if field not in FIELDS
        },
    )


def parse(pairs: Sequence[str]) -> dict[str, str]:
    """`["input=question"]` as a mapping.

    Raises:
        InvalidRequest: one has no `=`, or a field is given twice.

    >>> parse(["input=question", "metadata.lang=language"])
    {'input': 'question', 'metadata.lang': 'language'}
    """
    read: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals or not field or not column:
            raise InvalidRequest(
                f"{pair[:80]!r} maps nothing", where="map", fix="write FIELD=COLUMN"
            )
        if field in read:
            raise InvalidRequest(
                f"{field!r} is given twice", where="map", fix="take one column for a field"
            )
        read[field] = column
    return read


def at(row: Any, path: str) -> Any:
    """The value of a column, or of a path into one; `ABSENT` where there is none."""
    head, dot, rest = path.partition(".")
    if type(row) is dict or isinstance(row, Mapping):
        if path in row:
            return row[path]
        return at(row[head], rest) if dot and head in row else ABSENT
    if isinstance(row, list) and head.isdecimal() and int(head) < len(row):
        return at(row[int(head)], rest) if dot else row[int(head)]
    return ABSENT


def _obvious(names: Sequence[str], columns: Sequence[str]) -> str | None:
    folded = {column.strip().casefold().replace(" ", "_"): column for column in columns}
    return next((folded[name] for name in names if name in folded), None)


def _loosen(fields: dict[str, Any]) -> None:
    """Numbers as names, and lists as cells of tables hold them."""
    for field in ("context", "tags"):
        if field in fields:
            fields[field] = _texts(fields[field], field)
    for field in ("example_id", "split", "cluster"):
        if isinstance(fields.get(field), int | float):
            fields[field] = str(fields[field])


def _texts(value: Any, field: str) -> Any:
    """A list of texts of what a cell may hold: a list, a list in JSON, or one text."""
    if not isinstance(value, str):
        return [_text(item) for item in value] if isinstance(value, list) else value
    if value.lstrip().startswith("["):
        listed = _json(value)
        if isinstance(listed, list):
            return [_text(item) for item in listed]
    if field == "tags":
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    return [value]


def _text(item: Any) -> Any:
    """Passages come as objects with a text too."""
    return item.get("text", item) if isinstance(item, Mapping) else item


def _metadata(value: Any, column: str | None, what: str) -> dict[str, Any]:
    if isinstance(value, str):
        value = _json(value)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidRequest(
            f"{what}: column {column!r} is no metadata: expected an object",
            where=what,
            fix="give an object, or keep the value as metadata.NAME=COLUMN",
            column=column,
        )
    return dict(value)


def _json(text: str) -> Any:
    try:
        return jsonx.decode(text.encode())
    except InvalidRequest:
        return text


def _missing(column: str, columns: Sequence[str], where: str) -> InvalidRequest:
    return InvalidRequest(
        f"there is no column {column[:50]!r}",
        where=where,
        fix=f"there is {_listed(columns)}",
        column=column,
    )


def _missing_input(columns: Sequence[str], where: str) -> InvalidRequest:
    return InvalidRequest(
        "no column is the input",
        where=where,
        fix="say which: `map: {input: COLUMN}` in the data of a suite, --map input=COLUMN of"
        f" `trimtab datasets`; there is {_listed(columns)}",
        column="input",
    )


def _no_input(row: Row, column: str, what: str) -> InvalidRequest:
    missing = at(row, column) is ABSENT
    return InvalidRequest(
        f"{what} has no input: {'there is no' if missing else 'nothing is in the'}"
        f" column {column!r}",
        where=what,
        fix="give each row an input",
        column=column,
    )


def _unknown(column: str, what: str) -> InvalidRequest:
    return InvalidRequest(
        f"{what} has a field that an example does not have: {column[:50]!r}",
        where=what,
        fix='correct its name, or keep it in "metadata"',
        column=column,
    )


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(column[:50]) for column in columns[:12])
    return (shown or "none") + (" ..." if columns[12:] else "")
