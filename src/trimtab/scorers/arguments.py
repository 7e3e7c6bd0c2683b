"""Which fields of a subject a scorer's function wants, read from its signature once.

A function goes in, a tuple of arguments comes out; binding a subject to them is then a handful of
attribute reads. Nothing here calls the function.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Union, get_args, get_origin

from trimtab.errors import ScorerError
from trimtab.ports import Subject
from trimtab.scorers.texts import question, text

FIELDS = (
    "input",
    "output",
    "expected",
    "context",
    "passages",
    "metadata",
    "latency_ms",
    "cost_usd",
    "span",
    "example",
)
"""What a scorer may ask for, by the name of its argument."""


class Argument(NamedTuple):
    """One argument of a scorer; `read` returns None where the subject does not have it."""

    name: str
    read: Callable[[Subject], Any]
    required: bool


def arguments_of(function: Callable[..., Any], *, where: str) -> tuple[Argument, ...]:
    """The arguments of a function, in order.

    `input`, `output` and `expected` annotated `str` (or `str | None`) are read as text: the last
    user message of `input`, the readable text of the others. `context` is a list of texts.

    Raises:
        ScorerError: an argument is not a field of a subject, or there is none.
    """
    try:
        parameters = _signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise ScorerError(f"{function!r} has no signature to read", where=where) from error
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    unknown = [str(p) for p in parameters if p.kind not in named or p.name not in FIELDS]
    if unknown or not parameters:
        what = f"a scorer cannot take {unknown[0]!r}" if unknown else "a scorer takes no arguments"
        raise ScorerError(what, where=where, fix=f"use {', '.join(FIELDS)}", allowed=FIELDS)
    return tuple(
        Argument(p.name, _reader(p.name, p.annotation), p.default is inspect.Parameter.empty)
        for p in parameters
    )


def bind(wanted: Sequence[Argument], subject: Subject) -> tuple[dict[str, Any], list[str]]:
    """Arguments to call with, and the names of those required that the subject lacks."""
    given: dict[str, Any] = {}
    missing: list[str] = []
    for name, read, required in wanted:
        value = read(subject)
        if value is not None:
            given[name] = value
        elif required:
            missing.append(name)
    return given, missing


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, AttributeError, SyntaxError, TypeError):
        # An annotation names something imported for type checkers only.
        return inspect.signature(function)


def _reader(name: str, annotation: Any) -> Callable[[Subject], Any]:
    if name == "context":
        return _context
    if name == "metadata":
        return _metadata
    if name in ("input", "output", "expected") and _is_text(annotation):
        return _question if name == "input" else _text_reader(name)
    return attrgetter(name)


def _is_text(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation.replace(" ", "") in ("str", "str|None", "None|str", "Optional[str]")
    if get_origin(annotation) in (Union, types.UnionType):
        return set(get_args(annotation)) == {str, types.NoneType}
    return annotation is str


def _text_reader(name: str) -> Callable[[Subject], str | None]:
    field = attrgetter(name)

    def read(subject: Subject) -> str | None:
        value = field(subject)
        return None if value is None else text(value)

    return read


def _question(subject: Subject) -> str | None:
    return None if subject.input is None else question(subject.input)


def _context(subject: Subject) -> list[str] | None:
    return None if subject.context is None else list(subject.context)


def _metadata(subject: Subject) -> dict[str, Any] | None:
    """A copy, so that a scorer cannot change the record it judges."""
    return None if subject.metadata is None else dict(subject.metadata)
