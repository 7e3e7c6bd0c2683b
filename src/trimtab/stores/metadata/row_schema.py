"""Whether rows have the schema of their dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.records import Example

_SAID = 300  # characters of what the validator says
_PATTERNS = ("pattern", "patternProperties")


class RowSchema:
    """A JSON Schema (2020-12) of an object of a row's `input`, `expected` and `metadata`.

    Raises:
        InvalidRequest: it is not a JSON Schema.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = _validator(schema) if schema else None

    def check(self, example: Example, position: int) -> None:
        """Raises InvalidRequest with the row's number, counted from 1, and the field."""
        if self._validator is None:
            return
        row = {
            "input": example.input,
            "expected": example.expected,
            "metadata": example.metadata,
        }
        error = _first_error(self._validator, row)
        if error is None:
            return
        field = ".".join(map(str, error.absolute_path)) or "the row"
        raise InvalidRequest(
            f"row {position + 1} ({example.example_id!r}) breaks the schema of the dataset:"
            f" {field}: {error.message[:_SAID]}",
            where=f"examples[{position}]",
            fix="change the row, or give the dataset another schema",
            row=position + 1,
            field=field,
            example_id=example.example_id,
        )


def _first_error(validator: Any, row: dict[str, Any]) -> Any:
    from referencing.exceptions import Unresolvable

    try:
        return next(iter(validator.iter_errors(row)), None)
    except Unresolvable as error:
        raise InvalidRequest(
            f"the schema refers to what is not in it: {error.ref[:_SAID]!r}",
            where="schema",
            fix="put what it refers to under its $defs",
        ) from None


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import extend
    from referencing import Registry

    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        raise InvalidRequest(
            f"the schema is not a JSON Schema: {error.message[:_SAID]}",
            where="schema",
            fix="write one of an object with the properties input, expected and metadata",
        ) from None
    # An empty registry: a $ref to somewhere else is not fetched.
    without_patterns = extend(Draft202012Validator, dict.fromkeys(_PATTERNS, _refuse))
    return without_patterns(dict(schema), registry=Registry())


def _refuse(*_: Any) -> Iterator[Any]:
    raise InvalidRequest(
        "the schema of a dataset has no regular expressions: one may take hours on a short text",
        where="schema",
        fix=f"leave out {', '.join(_PATTERNS)}; enum, const and maxLength may do",
    )
