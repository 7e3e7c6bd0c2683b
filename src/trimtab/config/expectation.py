"""What a setting may be, in words, read from its type annotation."""

from __future__ import annotations

from typing import Any

from msgspec import inspect

_MAX_SHOWN = 60


def allowed(annotation: Any) -> str:
    """What a value of this type looks like.

    >>> from typing import Annotated
    >>> from msgspec import Meta
    >>> allowed(Annotated[int, Meta(ge=0, le=9)] | None)
    'a whole number from 0 to 9, or null'
    """
    return _words(inspect.type_info(annotation))


def may_be_shown(annotation: Any) -> bool:
    """Whether a wrong value may be repeated in an error.

    Where a number, a boolean, a choice or a name belongs, what was given is no secret.
    """
    return _is_plain(inspect.type_info(annotation))


def shown(value: Any) -> str:
    """A value as it may stand in an error: quoted, on one line, not too long.

    >>> shown("x" * 100) == repr("x" * 57 + "...")
    True
    """
    if value is None:
        return "nothing"
    if isinstance(value, str) and len(value) > _MAX_SHOWN:
        value = value[: _MAX_SHOWN - 3] + "..."
    text = repr(value)
    return text if len(text) <= 2 * _MAX_SHOWN else text[: 2 * _MAX_SHOWN] + "..."


def _is_plain(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _is_plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        return all(_is_plain(arm) for arm in kind.types)
    if isinstance(kind, inspect.StrType):
        return kind.pattern is not None
    return not isinstance(kind, inspect.CustomType)


_PHRASES: dict[type[inspect.Type], str] = {
    inspect.BoolType: "true or false",
    inspect.DecimalType: "an amount such as 2.50",
    inspect.StructType: "a section of `name: value` lines",
    inspect.VarTupleType: "a list",
}


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return str((kind.extra or {}).get("words") or _words(kind.type))
        case inspect.UnionType():
            arms = [_words(arm) for arm in kind.types if not isinstance(arm, inspect.NoneType)]
            return ", or ".join([*arms, "null"])
        case inspect.LiteralType():
            return "one of " + ", ".join(str(value) for value in kind.values)
        case inspect.IntType():
            return "a whole number" + _range(kind)
        case inspect.FloatType():
            return "a number" + _range(kind)
        case _:
            return _PHRASES.get(type(kind), "text")


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    low = kind.ge if kind.ge is not None else kind.gt
    if low is None:
        return ""
    above = " above" if kind.ge is None else " from"
    return f"{above} {low}" + (f" to {kind.le}" if kind.le is not None else "")
