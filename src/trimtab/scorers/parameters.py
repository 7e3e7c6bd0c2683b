"""The values of a scorer's parameters: checked against the types its signature declares."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import msgspec

from trimtab.errors import ScorerError
from trimtab.scorers.arguments import Parameter


def fitting(
    parameters: Sequence[Parameter], settings: Mapping[str, Any], *, where: str
) -> dict[str, Any]:
    """The settings, converted to the types of the parameters they are for.

    Raises:
        ScorerError: there is no such parameter, or a value is not of its type.

    >>> fitting([Parameter("k", int, 10)], {"k": 5}, where="ndcg")
    {'k': 5}
    """
    known = {parameter.name: parameter for parameter in parameters}
    values = {}
    for name, value in settings.items():
        if name not in known:
            raise _unknown(name, list(known), where)
        values[name] = _converted(known[name], value, where)
    return values


def _converted(parameter: Parameter, value: Any, where: str) -> Any:
    wanted = parameter.type
    if wanted is inspect.Parameter.empty or isinstance(wanted, str):
        return value
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        raise ScorerError(
            f"{parameter.name}: {error}", where=where, fix=f"as in {parameter.default!r}", got=value
        ) from None
    except TypeError:
        return value  # a type that msgspec does not know: the function says what it takes


def _unknown(name: str, known: Sequence[str], where: str) -> ScorerError:
    close = get_close_matches(name, known, n=1)
    listed = f"use {', '.join(known)}" if known else "leave it out"
    return ScorerError(
        f"there is no parameter {name!r}",
        where=where,
        fix=f"did you mean {close[0]!r}?" if close else listed,
        allowed=list(known),
    )
