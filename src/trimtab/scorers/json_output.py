"""`json_valid`, `json_schema` and `json_diff`: answers that are to be JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from trimtab.errors import InvalidRequest, ScorerError
from trimtab.kit import jsonx
from trimtab.scorers.definition import Judgement, Unscored, scorer

_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*?)\n?\s*```\s*\Z", re.DOTALL | re.IGNORECASE)
_MOST_FAULTS = 10
_MOST_LEAVES = 20_000


@scorer
def json_valid(output: Any, *, fenced: bool = True) -> Judgement:
    """Passes when the answer is one JSON value and nothing else.

    Args:
        fenced: a Markdown code fence around it is allowed.

    >>> json_valid('{"port": 8321}').passed, json_valid("port: 8321").passed
    (True, False)
    """
    try:
        _value(output, fenced)
    except InvalidRequest as error:
        return Judgement(passed=False, reason=str(error))
    return Judgement(passed=True)


@scorer
def json_schema(
    output: Any,
    metadata: dict[str, Any] | None = None,
    *,
    schema: Mapping[str, Any] | None = None,
    fenced: bool = True,
) -> Judgement | Unscored:
    """Passes when the answer is JSON that matches a JSON Schema (draft 2020-12).

    Args:
        schema: the schema; without one that of the row, `metadata.schema`.

    >>> json_schema('{"n": "x"}', schema={"properties": {"n": {"type": "integer"}}}).passed
    False
    """
    wanted = schema if schema is not None else (metadata or {}).get("schema")
    if wanted is None:
        return Unscored("missing: schema")
    try:
        value = _value(output, fenced)
    except InvalidRequest as error:
        return Judgement(passed=False, reason=str(error))
    found = _faults(value, wanted)
    return Judgement(passed=not found, evidence=tuple(found))


@scorer(scale="unit")
def json_diff(output: Any, expected: Any, *, fenced: bool = True) -> Judgement:
    """The share of the leaves of two JSON values that are equal at the same place.

    2 m / (a + b), where a and b are the numbers of leaves and m those equal: the Dice coefficient
    over (place, value). Lists are compared by position; numbers by value. A text that is JSON is
    read as such.

    >>> json_diff('{"a": 1, "b": 2}', {"a": 1, "b": 3}).value
    0.5
    """
    try:
        given = _value(output, fenced)
    except InvalidRequest as error:
        return Judgement(value=0.0, reason=str(error))
    wanted = _expected(expected)
    left, right = _leaves(given), _leaves(wanted)
    equal = sum(1 for place, leaf in right.items() if place in left and _same(left[place], leaf))
    size = len(left) + len(right)
    return Judgement(
        value=2 * equal / size if size else 1.0,
        reason=f"{equal} of {len(right)} expected values are met",
        evidence=tuple(_differences(left, right)),
    )


def _value(output: Any, fenced: bool) -> Any:
    """An answer as the value it says. Raises InvalidRequest."""
    if not isinstance(output, str):
        return output
    fence = _FENCE.match(output) if fenced else None
    text = fence[1] if fence else output
    return jsonx.decode(text.encode("utf-8", "surrogatepass"), what="the answer")


def _expected(expected: Any) -> Any:
    try:
        return _value(expected, fenced=True)
    except InvalidRequest:
        return expected


def _faults(value: Any, schema: Any) -> list[str]:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ScorerError(f"not a JSON Schema: {error.message}", where=error.json_path) from None
    faults = islice(Draft202012Validator(schema).iter_errors(value), _MOST_FAULTS)
    return [f"{fault.json_path}: {fault.message}"[:300] for fault in faults]


def _leaves(value: Any) -> dict[str, Any]:
    """Every leaf of a JSON value by its place; empty objects and lists are leaves."""
    found: dict[str, Any] = {}
    left = [("$", value)]
    while left:
        place, node = left.pop()
        if isinstance(node, dict) and node:
            left += [(f"{place}.{key}", part) for key, part in node.items()]
        elif isinstance(node, list) and node:
            left += [(f"{place}[{index}]", part) for index, part in enumerate(node)]
        else:
            found[place] = node
            if len(found) > _MOST_LEAVES:
                raise ValueError(f"more than {_MOST_LEAVES} values to compare")
    return found


def _same(first: Any, second: Any) -> bool:
    """Equal, and True is not 1."""
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def _differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    found = []
    for place, wanted in sorted(right.items()):
        if place not in left:
            found.append(f"{place}: missing, expected {_said(wanted)}")
        elif not _same(left[place], wanted):
            found.append(f"{place}: {_said(left[place])}, expected {_said(wanted)}")
    found += [f"{place}: not expected" for place in sorted(left.keys() - right.keys())]
    return found[:_MOST_FAULTS]


def _said(value: Any) -> str:
    return jsonx.encode(value).decode()[:80]
