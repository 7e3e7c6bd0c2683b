"""What a scorer's function wants, read from its signature once.

A function goes in; the fields of a subject, the parameters and the resources that it names come
out. Binding a subject is then a handful of attribute reads. Nothing here calls the function.
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
    "messages",
    "tool_calls",
    "samples",
    "baseline",
    "metadata",
    "latency_ms",
    "cost_usd",
    "usage",
    "logprobs",
    "model",
    "spans",
    "span",
    "example",
)
"""What a scorer may ask for, by the name of its argument."""

RESOURCES = ("judge", "embedder")
"""What a scorer may be given to work with: a model that judges, something that embeds texts."""


class Argument(NamedTuple):
    """One argument of a scorer; `read` returns None where the subject does not have it."""

    name: str
    read: Callable[[Subject], Any]
    required: bool


class Parameter(NamedTuple):
    """A setting of a scorer: a keyword-only argument with a default."""

    name: str
    type: Any
    default: Any


class Wants(NamedTuple):
    """What a function wants: fields of a subject, parameters, and resources with whether it can do
    without."""

    arguments: tuple[Argument, ...]
    parameters: tuple[Parameter, ...] = ()
    resources: tuple[tuple[str, bool], ...] = ()


def wants(function: Callable[..., Any], *, where: str) -> Wants:
    """What a function wants, in the order of its signature.

    `input`, `output` and `expected` annotated `str` (or `str | None`) are read as text: the last
    user message of `input`, the readable text of the others. `context` is a list of texts. A
    keyword-only argument of another name with a default is a parameter.

    Raises:
        ScorerError: an argument is none of these, or none is a field of a subject.
    """
    try:
        given = _signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise ScorerError(f"{function!r} has no signature to read", where=where) from error
    unknown = [str(p) for p in given if not _is_known(p)]
    fields = [p for p in given if p.name in FIELDS]
    if unknown or not fields:
        what = f"a scorer cannot take {unknown[0]!r}" if unknown else "a scorer takes no field"
        fix = f"use {', '.join(FIELDS)}; a parameter is keyword-only and has a default"
        raise ScorerError(what, where=where, fix=fix, allowed=FIELDS)
    return Wants(
        tuple(Argument(p.name, _reader(p.name, p.annotation), _is_required(p)) for p in fields),
        tuple(
            Parameter(p.name, p.annotation, p.default)
            for p in given
            if p.name not in FIELDS + RESOURCES
        ),
        tuple((p.name, _is_required(p)) for p in given if p.name in RESOURCES),
    )


def _is_known(given: inspect.Parameter) -> bool:
    if given.name in FIELDS + RESOURCES:
        return given.kind in (given.POSITIONAL_OR_KEYWORD, given.KEYWORD_ONLY)
    return given.kind is given.KEYWORD_ONLY and not _is_required(given)


def _is_required(given: inspect.Parameter) -> bool:
    return given.default is inspect.Parameter.empty


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
