"""Filter to text: the one canonical text of a filter, which reads back as the same filter."""

from __future__ import annotations

from decimal import Decimal

from trimtab.dialects.filter.fields import SEARCHED
from trimtab.dialects.filter.scan import KEYWORDS
from trimtab.dialects.filter.values import judgement, moment_text
from trimtab.records.filter import FIELDS, AllOf, AnyOf, Condition, Filter, Not, Value

_NEEDS_QUOTES = frozenset('"(),*\\')
_OPENS = frozenset(':=<>~"-')
_SIGNS = frozenset(":=<>~")


def render(filter: Filter | None) -> str:
    """The canonical text of a filter; "" for none.

    >>> from trimtab.dialects.filter import parse
    >>> render(parse("cost > .5  NOT (env = dev OR error)", now_ns=0))
    'cost_usd>0.5 -(environment:dev OR error)'
    """
    match filter:
        case None:
            return ""
        case Condition():
            return _condition(filter)
        case Not(of=inner):
            return "-" + _inside(inner, AllOf, AnyOf)
        case AllOf(of=parts):
            return " ".join(_inside(part, AnyOf) for part in parts)
        case AnyOf(of=parts):
            return " OR ".join(_inside(part) for part in parts)


def _inside(filter: Filter, *looser: type[Filter]) -> str:
    """A part, in parentheses where it would fall apart without."""
    text = render(filter)
    return f"({text})" if isinstance(filter, looser) else text


def _condition(condition: Condition) -> str:
    name = condition.field
    if condition.key is not None:
        name += "." + _key(condition.key)
    if condition.op == "exists":
        return f"has:{name}"
    values = [_value(condition, value) for value in condition.values]
    if condition.field == "text" and len(values) == 1:
        return _word(str(condition.values[0]))
    return name + _sign(condition) + ",".join(values)


def _sign(condition: Condition) -> str:
    searched = condition.field in SEARCHED
    if condition.op == "contains":
        return ":" if searched else "~"
    if condition.op == "=":
        return "=" if searched else ":"
    return condition.op


def _value(condition: Condition, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if FIELDS[condition.field] == "time" and isinstance(value, int):
        return moment_text(value)
    if isinstance(value, int | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    label = condition.field == "score" and not isinstance(judgement(value), str)
    return quoted(value) if label else spelt(value)


def spelt(value: str) -> str:
    """A value as it is written: in quotes where it would not be read as it is.

    >>> spelt("gpt-4o"), spelt("two words")
    ('gpt-4o', '"two words"')
    """
    return quoted(value) if _is_awkward(value) else value


def _word(text: str) -> str:
    """A word to search for, in quotes where it could be read as something else."""
    plain = not _is_awkward(text) and text.upper() not in KEYWORDS and not _SIGNS & set(text)
    return text if plain and "!=" not in text else quoted(text)


def _key(key: str) -> str:
    plain = not _is_awkward(key) and not _SIGNS & set(key) and "!=" not in key
    return key if plain else quoted(key)


def _is_awkward(text: str) -> bool:
    if not text or text[0] in _OPENS or not text.isprintable():
        return True
    return any(char.isspace() or char in _NEEDS_QUOTES for char in text)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
