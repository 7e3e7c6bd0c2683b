"""JSON Schemas checked in linear time, against values that may be hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import re2

from trimtab.errors import ConfigError

_MOST_FAULTS = 3


class Fault(NamedTuple):
    """Where a value breaks which rule. Names that only the value has are written `*`."""

    path: str
    rule: str


class Schema:
    """A JSON Schema, draft 2020-12, that stands by itself.

    Raises:
        ConfigError: it is no schema, refers to what is not in it, or has a pattern that RE2 cannot
            run, as those with look-around.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator
        from referencing import Registry

        wanted = dict(schema)
        try:
            Draft202012Validator.check_schema(wanted)
        except SchemaError as error:
            raise ConfigError(
                f"not a JSON Schema: {error.message}", where=f"schema {error.json_path}"
            ) from None
        self._names = frozenset(_names(wanted))
        _check_references(wanted)
        # An empty registry fetches nothing.
        self._validator = _validators()(wanted, registry=Registry())

    @property
    def names(self) -> frozenset[str]:
        """The members that it names."""
        return self._names

    def faults(self, value: Any) -> list[Fault]:
        """The first rules that a value breaks, at most three; none where it keeps to them."""
        from referencing.exceptions import Unresolvable

        try:
            found = list(islice(self._validator.iter_errors(value), _MOST_FAULTS))
        except Unresolvable:
            return [Fault("$", "the schema refers to what is not in it")]
        except RecursionError:
            return [Fault("$", "nested too deeply to be checked")]
        return [Fault(self._path(error.absolute_path), str(error.validator)) for error in found]

    def _path(self, steps: Iterable[str | int]) -> str:
        parts = ["$"]
        for step in islice(steps, 32):
            if isinstance(step, int):
                parts.append(f"[{step}]")
            else:
                parts.append(f".{step}" if step in self._names else ".*")
        return "".join(parts)


def _names(schema: Any) -> Iterator[str]:
    for node in _nodes(schema):
        named = node.get("properties")
        if isinstance(named, dict):
            yield from named


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    left = [schema]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left += node.values()
        elif isinstance(node, list):
            left += node


def _check_references(schema: Any) -> None:
    for node in _nodes(schema):
        for keyword in ("$ref", "$dynamicRef"):
            to = node.get(keyword)
            if isinstance(to, str) and not to.startswith("#"):
                raise ConfigError(
                    f"the schema refers to what is not in it: {to}",
                    where="schema",
                    fix="write it out under $defs",
                )
        for pattern in _patterns(node):
            _compiled(pattern)


def _patterns(node: dict[str, Any]) -> Iterator[str]:
    if isinstance(one := node.get("pattern"), str):
        yield one
    if isinstance(more := node.get("patternProperties"), dict):
        yield from more


@cache
def _quiet() -> Any:
    options = re2.Options()
    options.log_errors = False
    return options


def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _quiet())
    except re2.error as error:
        raise ConfigError(
            f"RE2 cannot run the pattern {pattern!r}: {error}",
            where="schema",
            fix="write it without look-around and back references",
        ) from None


@cache
def _validators() -> Any:
    from jsonschema.validators import Draft202012Validator, extend

    own: dict[str, Callable[..., Iterator[Any]]] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique_items,
    }
    return extend(Draft202012Validator, own)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    del schema
    if validator.is_type(instance, "string") and not _compiled(pattern).search(instance):
        yield ValidationError("does not match")


def _pattern_properties(
    validator: Any, patterns: dict[str, Any], instance: Any, schema: Any
) -> Iterator[Any]:
    del schema
    if not validator.is_type(instance, "object"):
        return
    for pattern, wanted in patterns.items():
        search = _compiled(pattern).search
        for key, part in instance.items():
            if search(key):
                yield from validator.descend(part, wanted, path=key, schema_path=pattern)


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    del schema
    if wanted and validator.is_type(instance, "array"):
        kinds = set(map(_hashable, instance))
        if len(kinds) < len(instance):
            yield ValidationError("has items that are the same")


def _hashable(value: Any) -> Any:
    """The same for values that JSON Schema holds equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return ("object", frozenset((key, _hashable(part)) for key, part in value.items()))
    if isinstance(value, list):
        return ("array", tuple(map(_hashable, value)))
    return (isinstance(value, bool), value)
