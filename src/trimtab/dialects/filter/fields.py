"""What the language knows of the fields: other names, closed sets of values, what can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final, get_args

from trimtab.records.filter import FIELDS, FieldType
from trimtab.records.span import SpanKind, SpanStatus

ALIASES: Final[Mapping[str, str]] = {
    "cost": "cost_usd",
    "duration": "duration_ms",
    "env": "environment",
    "latency": "duration_ms",
    "span": "span_id",
    "trace": "trace_id",
    "ttft": "ttft_ms",
}
CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "kind": get_args(SpanKind),
    "status": get_args(SpanStatus),
}
FLAGS: Final[Mapping[str, bool]] = {"true": True, "yes": True, "false": False, "no": False}
DURATIONS: Final = frozenset({"duration_ms", "ttft_ms"})
# Nobody knows these word for word: `:` looks for the value inside them.
SEARCHED: Final = frozenset({"text", "error"})
KEYED: Final = frozenset(name for name, of in FIELDS.items() if of in ("entry", "score"))
HAS: Final = "has"
_ALWAYS = frozenset({"trace_id", "span_id", "name", "kind", "status", "text"})
OPERATORS: Final = (":>=", ":<=", ":>", ":<", "!=", ">=", "<=", ":", "=", ">", "<", "~")
ORDERED: Final = frozenset({">", ">=", "<", "<="})

_OF_TYPE: Mapping[FieldType, Sequence[str]] = {
    "text": (":", "!=", "~"),
    "number": (">", ">=", "<", "<=", ":", "!="),
    "money": (">", ">=", "<", "<=", ":", "!="),
    "time": (":",),
    "flag": (":",),
    "list": (":", "!="),
    "entry": (":", "!=", "~", ">", ">=", "<", "<="),
    "score": (">", ">=", "<", "<=", ":", "!="),
}


def resolved(name: str) -> str | None:
    """The field that a name means, in any case of its letters; None when there is none.

    >>> resolved("Latency"), resolved("latncy")
    ('duration_ms', None)
    """
    lower = name.lower()
    found = ALIASES.get(lower, lower)
    return found if found in FIELDS else None


def nearest(name: str) -> str | None:
    """The field whose name looks most like a misspelt one."""
    near = get_close_matches(name.lower(), [*FIELDS, *ALIASES, HAS], n=1)
    return near[0] if near else None


def operators(field: str) -> Sequence[str]:
    """The operators a field takes, the usual one first.

    >>> operators("since")
    (':',)
    """
    return (":", "!=") if field in CHOICES else _OF_TYPE[FIELDS[field]]


def may_be_absent(field: str) -> bool:
    """Whether `has:` is a question about it: most fields can be empty, a flag or a time cannot."""
    return field not in _ALWAYS and FIELDS[field] not in ("flag", "time")
