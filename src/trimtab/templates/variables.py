"""Variables of templates: whether a value is of the type that one declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trimtab.records import Variable
from trimtab.records.prompt import VariableType


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_IS: dict[VariableType, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, Mapping),
}


def fits(variable: Variable, value: Any) -> bool:
    """Whether a value is of the type of a variable.

    >>> fits(Variable(name="n", type="integer"), True)
    False
    """
    return _IS[variable.type](value)


def article(type: VariableType) -> str:
    """A type as a sentence names it."""
    return f"{'an' if type[0] in 'aio' else 'a'} {type}"
