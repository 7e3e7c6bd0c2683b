"""Whether a text is JSON that matches a schema. Bounded: schemas come from anybody.

A check ends after a limit of time; references lead nowhere outside the schema; regular expressions
of the schema are not tried, as some take forever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from itertools import islice
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx

_LIMIT_S = 0.05
_MOST_FAULTS = 5
_MOST_CHARS = 300
_PATTERNS = ("pattern", "patternProperties")
_until: ContextVar[float] = ContextVar("trimtab_output_check_until")


class TooCostly(Exception):
    """The time for a check is over."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What does not match: where, by which keyword; `said` quotes the answer."""

    where: str
    keyword: str
    said: str


def faults(text: str, schema: dict[str, Any], *, limit_s: float = _LIMIT_S) -> list[Fault] | None:
    """The first few faults of an answer; empty when it matches, None when that cannot be said.

    >>> [fault.where for fault in faults('{"n": "x"}', {"properties": {"n": {"type": "integer"}}})]
    ['$.n']
    """
    try:
        value = jsonx.decode(text.encode(), what="the answer")
    except (InvalidRequest, UnicodeEncodeError) as error:
        return [Fault(where="$", keyword="json", said=str(error)[:_MOST_CHARS])]
    if b'"patternProperties"' in jsonx.encode(schema):
        return None  # Which of the others are allowed depends on the expressions.
    validator = _validator()  # whose first use takes longer than a check may
    token = _until.set(time.monotonic() + limit_s)
    try:
        return [_fault(error) for error in islice(_errors(validator, schema, value), _MOST_FAULTS)]
    except Exception:
        # A schema that is none fails in as many ways as there are keywords.
        return None
    finally:
        _until.reset(token)


def _fault(error: Any) -> Fault:
    said = str(error.message)
    return Fault(
        where=error.json_path[:_MOST_CHARS], keyword=error.validator, said=said[:_MOST_CHARS]
    )


def _errors(validator: Any, schema: dict[str, Any], value: Any) -> Iterator[Any]:
    from referencing import Registry

    # An empty registry fetches nothing.
    yield from validator(schema, registry=Registry()).iter_errors(value)


@cache
def _validator() -> Any:
    from jsonschema.validators import Draft202012Validator, extend

    timed = {name: _timed(check) for name, check in Draft202012Validator.VALIDATORS.items()}
    return extend(Draft202012Validator, {**timed, **dict.fromkeys(_PATTERNS, _nothing)})


def _timed(check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if time.monotonic() > _until.get():
            raise TooCostly
        yield from check(validator, value, instance, schema) or ()

    return run


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    del validator, value, instance, schema
    yield from ()
