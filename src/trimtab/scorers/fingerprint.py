"""The digest of a callable: what it would take to notice that a scorer or a task changed.

A function of Trimtab is its source, its defaults and what it closed over. A function of a user is
also everything of the user's own that its code names: constants, other functions and classes, in
turn. What belongs to the standard library or to an installed package counts by its name.
"""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from trimtab.kit.hashing import canonical, digest
from trimtab.scorers.names import ABSENT, Named, is_of_trimtab, is_own, names_in, own_file

UNKNOWN = f"unknown, and so of this process alone: {uuid.uuid4().hex}"
"""In the place of what cannot be hashed: no digest of another process has it."""

_TRIES = 5
"""Of two threads that parse at once one can fail, in whatever code the other is (CPython 3.11)."""

_MOST_PARTS = 10_000
_DEEPEST = 20


def fingerprint(function: Callable[..., Any], declared: Mapping[str, Any]) -> str:
    """Hash of what a callable does, as far as its code and values say, and of what was declared.

    The same on every machine for the same source; byte code, used for lambdas and where there is
    no source (an interactive session), also depends on the version of Python. A callable that
    shows nothing, such as one written in C, has another hash in every process.
    """
    walk = _Walk()
    plain = inspect.unwrap(function)
    said = {name: walk.value(value) for name, value in declared.items()}
    if is_of_trimtab(plain):
        parts = [_source(plain), _defaults(walk, plain), _closure(walk, plain), said]
        return digest([*parts, *rest] if (rest := walk.rest()) else parts)
    return digest([walk.root(function), said, *walk.rest()])


class _Walk:
    """The parts of a callable, each described once, whatever names it and however often."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._waiting: deque[Any] = deque()
        self._seen: list[Any] = []  # so that no other object takes the identity of one of them

    def root(self, function: Any) -> Any:
        """What was handed over to be called: where nothing of it can be seen, that is unknown."""
        if isinstance(function, FunctionType):
            return self._part(function)
        if isinstance(function, BuiltinFunctionType):
            return UNKNOWN
        return self.value(function, strict=True)

    def rest(self) -> list[Any]:
        """The parts that were named so far, and those that they name."""
        found: list[Any] = []
        while self._waiting:
            if len(self._numbers) > _MOST_PARTS:
                return [*found, UNKNOWN]
            part = self._waiting.popleft()
            found.append(self._class(part) if isinstance(part, type) else self._function(part))
        return found

    def value(self, value: Any, *, strict: bool = False, depth: int = 0) -> Any:
        """Something hashable that changes when the value does, as far as its type allows.

        Args:
            strict: what cannot be hashed is unknown; else its type stands for it.
        """
        if depth > _DEEPEST:
            return UNKNOWN if strict else _name_of(type(value))
        deeper = functools.partial(self.value, strict=strict, depth=depth + 1)
        if isinstance(value, FunctionType | MethodType | functools.partial):
            return self._callable(value, deeper)
        if isinstance(value, type):
            return self._part(value) if is_own(value) else _name_of(value)
        if (told := _told(value)) is not None:
            return told
        if _is_scorer(value):
            return self._scorer(value, deeper)
        return value if _is_plain(value) else self._object(value, deeper, strict=strict)

    # -- values --------------------------------------------------------------------------------

    def _object(self, value: Any, deeper: Callable[[Any], Any], *, strict: bool) -> Any:
        """What may hold others, itself among them."""
        if id(value) in self._numbers:
            return ["again", self._numbers[id(value)]]
        self._number(value)
        if isinstance(value, list | tuple | dict) or not is_own(type(value)):
            return self._plain(value, deeper, strict=strict)
        return [self._part(type(value)), self._state(value, deeper, strict=strict)]

    def _callable(self, value: Any, deeper: Callable[[Any], Any]) -> Any:
        if isinstance(value, MethodType):
            return ["method", deeper(value.__func__), deeper(value.__self__)]
        if isinstance(value, functools.partial):
            return ["partial", deeper(value.func), deeper(value.args), deeper(value.keywords)]
        if is_own(value):
            return self._part(value)
        # A decorator of an installed package: what it wraps is the user's all the same.
        held = [deeper(each) for each in _cells(value) if each is not value]
        return [_name_of(value), _constant(value.__code__) if is_of_trimtab(value) else "", held]

    def _scorer(self, value: Any, deeper: Callable[[Any], Any]) -> Any:
        """By its function where that is a user's: one that names itself has no digest yet."""
        function = getattr(value, "function", None)
        if not isinstance(function, FunctionType) or not is_own(function):
            return ["scorer", value.digest]
        return ["scorer", deeper(function), deeper(value.declared), deeper(value.additions)]

    def _plain(self, value: Any, deeper: Callable[[Any], Any], *, strict: bool) -> Any:
        if isinstance(value, list | tuple):
            return [deeper(item) for item in value]
        if isinstance(value, dict):
            return [[deeper(key), deeper(item)] for key, item in value.items()]
        if callable(wrapped := getattr(value, "__wrapped__", None)):
            return [_name_of(type(value)), deeper(wrapped)]
        return UNKNOWN if strict else _name_of(type(value))

    def _state(self, value: Any, deeper: Callable[[Any], Any], *, strict: bool) -> Any:
        """What an object of a user's class holds; of one that is only named, what is JSON."""
        if not strict:
            return value if _is_json(value) else None
        slots = [
            name
            for kind in type(value).__mro__
            for name in _listed(vars(kind).get("__slots__", ()))
            if hasattr(value, name)
        ]
        held = {name: getattr(value, name) for name in slots} | getattr(value, "__dict__", {})
        return {name: deeper(each) for name, each in sorted(held.items())}

    # -- functions and classes -----------------------------------------------------------------

    def _part(self, part: Any) -> Any:
        number = self._numbers.get(id(part))
        if number is None:
            number = self._number(part)
            self._waiting.append(part)
        return ["part", number]

    def _number(self, part: Any) -> int:
        self._seen.append(part)
        self._numbers[id(part)] = len(self._seen)
        return len(self._seen)

    def _function(self, function: Any) -> Any:
        code = function.__code__
        return [
            _constant(code) if function.__name__ == "<lambda>" else _source(code),
            _defaults(self, function),
            _closure(self, function),
            self._globals(function),
        ]

    def _globals(self, function: Any) -> list[Any]:
        """What the code names outside of itself, in the order of its first use."""
        named = names_in(function.__code__)
        known = function.__globals__
        found = [
            [name, self._global(known[name], named)]
            for name in named.of_module
            if name in known and not name.startswith("__")
        ]
        return found + [[name, digest([own_file(name) or ""])] for name in named.imported]

    def _global(self, value: Any, named: Named, depth: int = 0) -> Any:
        if not isinstance(value, ModuleType):
            return self.value(value)
        if not is_own(value) or depth > _DEEPEST:
            return value.__name__
        attributes = ((name, vars(value).get(name, ABSENT)) for name in named.attributes)
        return [
            [name, self._global(each, named, depth + 1)]
            for name, each in attributes
            if each is not ABSENT and each is not value
        ]

    def _class(self, kind: type) -> Any:
        inherited = [self.value(base) for base in kind.__bases__]
        return [_source(kind), inherited, list(self._members(kind))]

    def _members(self, kind: type) -> Iterator[Any]:
        for name, member in vars(kind).items():
            if isinstance(member, property):
                yield [name, [self.value(each) for each in (member.fget, member.fset) if each]]
            elif isinstance(member, staticmethod | classmethod):
                yield [name, self.value(member.__func__)]
            elif not name.startswith("__") or isinstance(member, FunctionType):
                yield [name, self.value(member)]


def _told(value: Any) -> Any:
    """What says by itself what it is; None for anything else."""
    if isinstance(value, BuiltinFunctionType):
        return value.__qualname__
    if isinstance(value, re.Pattern):
        return ["pattern", repr(value.pattern), value.flags]
    if isinstance(value, PurePath):
        return ["path", str(value)]
    return None


def _is_scorer(value: Any) -> bool:
    """Without asking for the digest, which may be what is being taken."""
    digested = hasattr(type(value), "digest") or "digest" in getattr(value, "__dict__", ())
    return digested and hasattr(type(value), "score")


def _source(function: Any) -> Any:
    """Source text, or byte code, or at least the name of the type of a callable object."""
    try:
        return textwrap.dedent(_text(function))
    except (OSError, TypeError, SyntaxError):
        code = function if isinstance(function, CodeType) else getattr(function, "__code__", None)
        return _constant(code) if code else _name_of(type(function))


def _text(function: Any) -> str:
    """What stands in the file, as often as it takes to be told."""
    for _ in range(_TRIES):
        with suppress(SystemError):
            return inspect.getsource(function)
    raise OSError("the source cannot be read")


def _defaults(walk: _Walk, function: Any) -> list[Any]:
    return [
        [name, walk.value(parameter.default)]
        for name, parameter in inspect.signature(function, follow_wrapped=False).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    ]


def _closure(walk: _Walk, function: Any) -> list[Any]:
    code: CodeType | None = getattr(function, "__code__", None)
    names = code.co_freevars if code else ()
    return [
        [name, walk.value(None if held is function else held)]
        for name, held in zip(names, _cells(function), strict=False)
    ]


def _cells(function: Any) -> Iterator[Any]:
    """What a function closed over; None for what is not assigned yet."""
    for cell in getattr(function, "__closure__", None) or ():
        try:
            yield cell.cell_contents
        except ValueError:
            yield None


def _is_json(value: Any) -> bool:
    try:
        canonical(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
    return True


def _is_plain(value: Any) -> bool:
    """Whether a value is its JSON; a user's own class is more than that."""
    return not is_own(type(value)) and _is_json(value)


def _constant(value: Any) -> Any:
    """A code object without addresses and line numbers; constants by their repr."""
    if isinstance(value, CodeType):
        inner = [_constant(part) for part in value.co_consts]
        return [value.co_code.hex(), inner, list(value.co_names)]
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    return repr(value)


def _listed(slots: str | Iterable[str]) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _name_of(named: Any) -> str:
    return f"{named.__module__}.{named.__qualname__}"
