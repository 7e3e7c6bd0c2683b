"""The digest of a function: what it would take to notice that a scorer changed.

Source where there is source, else byte code; default values; values it closed over. Functions it
calls are not followed, so a scorer's `version` is raised when one of them changes.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

import msgspec

from trimtab.kit.hashing import digest


def fingerprint(function: Callable[..., Any], declared: Mapping[str, Any]) -> str:
    """Hash of a function's code, defaults and closure and of what was declared about it.

    The same on every machine for the same source; byte code, used where there is no source (an
    interactive session), also depends on the version of Python.
    """
    plain = inspect.unwrap(function)
    defaults = [
        [name, _value(parameter.default)]
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    ]
    parts = [_code(plain), defaults, _closure(plain), {k: _value(v) for k, v in declared.items()}]
    return digest(parts)


def _code(function: Callable[..., Any]) -> Any:
    """Source text, or byte code, or at least the name of the type of a callable object."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return _constant(code) if code else _name_of(type(function))


def _closure(function: Callable[..., Any]) -> list[Any]:
    code: CodeType | None = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None) or ()
    return [
        [name, _cell(cell)]
        for name, cell in zip(code.co_freevars if code else (), cells, strict=False)
    ]


def _cell(cell: Any) -> Any:
    try:
        return _value(cell.cell_contents)
    except ValueError:
        return None  # not assigned yet: a function that refers to itself


def _value(value: Any) -> Any:
    """Something hashable that changes when the value does, as far as its type allows."""
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType):
        return _constant(code)
    try:
        msgspec.json.encode(value, order="deterministic")
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _name_of(type(value))
    return value


def _constant(value: Any) -> Any:
    """A code object without addresses and line numbers; constants by their repr."""
    if isinstance(value, CodeType):
        inner = [_constant(part) for part in value.co_consts]
        return [value.co_code.hex(), inner, list(value.co_names)]
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    return repr(value)


def _name_of(type: type) -> str:
    return f"{type.__module__}.{type.__qualname__}"
