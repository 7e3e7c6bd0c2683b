"""Where each attribute key leads: the tables of all conventions in one, in order of precedence.

A key is resolved once and remembered, and so is what the keys of a span tell together: spans of one
instrumentation have the same keys again and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, get_args

from trimtab.conventions import (
    gen_ai,
    laminar,
    langfuse,
    langsmith,
    logfire,
    mlflow,
    openinference,
    traceloop,
    vercel,
)
from trimtab.conventions.convention import Convention, Convert, Field
from trimtab.conventions.flattened import Path, is_index, path

# Of several conventions on one span: the same order for every field. What an application
# said by hand (Langfuse, MLflow) before what instrumentations recorded, the specific ones before
# the general; within one convention, the order of its table.
PRECEDENCE: tuple[Convention, ...] = (
    langfuse.CONVENTION,
    mlflow.CONVENTION,
    openinference.CONVENTION,
    vercel.CONVENTION,
    langsmith.CONVENTION,
    laminar.CONVENTION,
    gen_ai.CONVENTION,
    logfire.CONVENTION,
    traceloop.CONVENTION,
)


class Target(NamedTuple):
    """A field of a span as one convention tells it. Its rank orders fields, then precedence."""

    field: Field
    convert: Convert
    convention: str
    plain: bool
    """Whether nothing is to be done but to take the first value: true of nearly all."""


Place = int | list[tuple[Path | str, int]]
"""Where a target's value is among the values of all keys; of a list, each part's path and place."""

Reading = tuple[Field, Convert, str, bool, Place]
"""A target, as its four fields, and the place of its value."""

Route = tuple[int, Path | str | None]
"""The rank of a target, and the path (in a list) or entry (below a prefix) a key stands for."""

MERGED = frozenset({"tags", "metadata", "usage_details"})
"""Fields that take what every convention says of them."""
SUPERSEDED: Mapping[str, Field] = {"input": "input_messages", "output": "output_messages"}
"""Fields that are not read when another is there: messages say more than a body does."""
ATTRIBUTED = frozenset({"usage", "cost", "tokens_cache_read", "tokens_cache_write"})
"""Fields of which it matters who told them."""
_NOT_PLAIN = MERGED | SUPERSEDED.keys() | ATTRIBUTED

# Longer keys, and keys that are longer together, are not remembered, so that memory stays bounded.
LONGEST_KEY, _KEYS = 256, 8192
_LONGEST_SHAPE, _SHAPES = 4096, 2048


class _Compiled(NamedTuple):
    """All targets by rank, the rank of each list, exact key and prefix; and of those keys that
    feed two fields, the second rank by the first."""

    targets: tuple[Target, ...]
    lists: Mapping[str, int]
    exact: Mapping[str, int]
    below: Mapping[str, int]
    shared: Mapping[int, int]


def _compiled() -> _Compiled:
    fields = get_args(Field)
    ordered = []
    for turn, convention in enumerate(PRECEDENCE):
        tables = (convention.lists, convention.attributes, convention.below)
        for form, rules in enumerate(tables):
            for number, (key, field, convert) in enumerate(rules):
                order = (fields.index(field), turn, form, number)
                ordered.append(
                    (
                        order,
                        form,
                        key,
                        Target(field, convert, convention.name, field not in _NOT_PLAIN),
                    )
                )
    ordered.sort(key=lambda rule: rule[0])
    forms: tuple[dict[str, int], ...] = ({}, {}, {})
    shared: dict[int, int] = {}
    for rank, (_, form, key, _) in enumerate(ordered):
        first = forms[form].setdefault(key, rank)
        if first != rank:
            shared[first] = rank
    lists, exact, below = forms
    return _Compiled(tuple(target for *_, target in ordered), lists, exact, below, shared)


_TABLE = _compiled()


def resolve(key: str) -> Route | None:
    """Where the value of an attribute goes; None for a key that no convention knows."""
    exact = _TABLE.exact.get(key)
    if exact is not None:
        return exact, None
    segments = key.split(".")
    for place, segment in enumerate(segments):
        if is_index(segment) and (rank := _TABLE.lists.get(".".join(segments[:place]))) is not None:
            return rank, path(segments[place:])
    for place in range(min(len(segments) - 1, 6), 0, -1):
        rank = _TABLE.below.get(".".join(segments[:place]))
        if rank is not None:
            return rank, ".".join(segments[place:])
    return None


_remembered = lru_cache(maxsize=_KEYS)(resolve)


def readings(keys: tuple[str, ...]) -> tuple[Reading, ...]:
    """What attributes of these keys tell, ordered by field, then by precedence.

    A key may come twice: then the last counts, but of a list all parts do.
    """
    remembered = len("".join(keys)) <= _LONGEST_SHAPE
    return _planned(keys) if remembered else _plan(keys)


def _plan(keys: tuple[str, ...]) -> tuple[Reading, ...]:
    found: dict[int, Any] = {}
    for place, key in enumerate(keys):
        route = _remembered(key) if len(key) <= LONGEST_KEY else resolve(key)
        if route is None:
            continue
        rank, part = route
        if part is None:
            found[rank] = place
        elif rank in found:
            found[rank].append((part, place))
        else:
            found[rank] = [(part, place)]
    for rank in _TABLE.shared.keys() & found.keys():
        found[_TABLE.shared[rank]] = found[rank]
    return tuple((*_TABLE.targets[rank], found[rank]) for rank in sorted(found))


_planned = lru_cache(maxsize=_SHAPES)(_plan)
