"""`json_valid`, `json_schema` and `json_diff`: answers that are to be JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any

from msgspec import Meta

from trimtab.errors import InvalidRequest, ScorerError
from trimtab.kit import jsonx
from trimtab.kit.hashing import canonical
from trimtab.records import Message
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import text

_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*?)\n?\s*```\s*\Z", re.DOTALL | re.IGNORECASE)
_MOST_FAULTS = 10
_MOST_LEAVES = 20_000
_DEEPEST = 10_000  # characters of a place
_NUMBER = int | float


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
        fenced: as of `json_valid`.

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
    found = faults(value, wanted)
    return Judgement(passed=not found, evidence=tuple(found))


@scorer(scale="unit")
def json_diff(
    output: Any,
    expected: Any,
    *,
    ignore: Sequence[str] = (),
    absolute: Annotated[float, Meta(ge=0)] = 0.0,
    relative: Annotated[float, Meta(ge=0)] = 0.0,
    fenced: bool = True,
) -> Judgement | Unscored:
    """The share of the leaves of two JSON values that are equal at the same place.

    2 m / (a + b), where a and b are the numbers of leaves and m those equal: the Dice coefficient
    over (place, value). Lists are compared by position; numbers by value. A text that is JSON is
    read as such.

    Args:
        ignore: keys that do not count, at whatever depth.
        fenced: as of `json_valid`.
        absolute, relative: numbers are equal when |a - e| <= max(absolute, relative |e|).

    >>> json_diff('{"a": 1, "b": 2}', {"a": 1, "b": 3}).value
    0.5
    """
    try:
        given = _value(output, fenced)
    except InvalidRequest as error:
        return Judgement(value=0.0, reason=str(error))
    left, right = _leaves(given, ignore), _leaves(_expected(expected), ignore)
    if left is None or right is None:
        return Unscored(f"more than {_MOST_LEAVES} values to compare")

    def same(first: Any, second: Any) -> bool:
        return _same(first, second, absolute, relative)

    equal = sum(1 for place, leaf in right.items() if place in left and same(left[place], leaf))
    size = len(left) + len(right)
    return Judgement(
        value=2 * equal / size if size else 1.0,
        reason=f"{equal} of {len(right)} expected values are met",
        evidence=tuple(_differences(left, right, same)),
    )


def _value(output: Any, fenced: bool) -> Any:
    """An answer as the value it says. Raises InvalidRequest."""
    if not isinstance(output, str):
        said = answer_text(output)
        if said is None:
            return output
        output = said
    fence = _FENCE.match(output) if fenced else None
    text = fence[1] if fence else output
    return jsonx.decode(text.encode("utf-8", "surrogatepass"), what="the answer")


def _expected(expected: Any) -> Any:
    try:
        return _value(expected, fenced=True)
    except InvalidRequest:
        return expected


def answer_text(output: Any) -> str | None:
    """The text of an answer that is messages; None of any other value."""
    turns = output if isinstance(output, list | tuple) else [output]
    is_message = [isinstance(turn, Message) or _is_message(turn) for turn in turns]
    return text(output) if turns and all(is_message) else None


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "content" in value and isinstance(value.get("role"), str)


def faults(value: Any, schema: Any) -> list[str]:
    """What is wrong with a value by a JSON Schema, at most ten sentences.

    Raises:
        ScorerError: the schema is none.
    """
    from referencing.exceptions import Unresolvable

    validator = _validator(canonical(schema))
    try:
        found = islice(validator.iter_errors(value), _MOST_FAULTS)
        return [f"{fault.json_path}: {fault.message}"[:300] for fault in found]
    except RecursionError:
        return ["$: nested too deeply to be checked"]
    except Unresolvable as error:
        raise ScorerError(
            f"the schema refers to what is not in it: {error}", where="schema", fix="write it out"
        ) from None


@lru_cache(maxsize=64)
def _validator(schema: bytes) -> Any:
    """What checks values by a schema, which is the same for all rows as a rule."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator
    from referencing import Registry

    wanted = jsonx.decode(schema, what="the schema")
    try:
        Draft202012Validator.check_schema(wanted)
    except SchemaError as error:
        raise ScorerError(f"not a JSON Schema: {error.message}", where=error.json_path) from None
    # An empty registry: a schema of a row must not make this process fetch what it refers to.
    return Draft202012Validator(wanted, registry=Registry())


def _leaves(value: Any, ignore: Sequence[str]) -> dict[str, Any] | None:
    """Every leaf of a JSON value by its place, empty objects and lists too; None: too many."""
    found: dict[str, Any] = {}
    left = [("$", value)]
    while left:
        place, node = left.pop()
        if isinstance(node, dict) and node:
            kept = [(key, part) for key, part in node.items() if key not in ignore]
            left += [(f"{place}.{key}", part) for key, part in kept]
        elif isinstance(node, list) and node:
            left += [(f"{place}[{index}]", part) for index, part in enumerate(node)]
        else:
            found[place] = node
            if len(found) > _MOST_LEAVES or len(place) > _DEEPEST:
                return None
    return found


def _same(first: Any, second: Any, absolute: float, relative: float) -> bool:
    """Equal within a tolerance, and True is not 1."""
    if isinstance(first, bool) != isinstance(second, bool):
        return False
    if (absolute or relative) and isinstance(first, _NUMBER) and isinstance(second, _NUMBER):
        return abs(first - second) <= max(absolute, relative * abs(second))
    return bool(first == second)


def _differences(
    left: Mapping[str, Any], right: Mapping[str, Any], same: Callable[[Any, Any], bool]
) -> list[str]:
    found = []
    for place, wanted in sorted(right.items()):
        if place not in left:
            found.append(f"{place}: missing, expected {_said(wanted)}")
        elif not same(left[place], wanted):
            found.append(f"{place}: {_said(left[place])}, expected {_said(wanted)}")
    found += [f"{place}: not expected" for place in sorted(left.keys() - right.keys())]
    return found[:_MOST_FAULTS]


def _said(value: Any) -> str:
    try:
        return jsonx.encode(value).decode()[:80]
    except (TypeError, ValueError, OverflowError):
        return repr(value)[:80]
