"""Whether a span in hand is meant by a filter: for what looks at spans as they come.

A store answers the same questions over everything it has; this is for the live tail, where there is
a span and no store to ask. Scores come later than spans, so a condition on them cannot be answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from trimtab.kit import jsonx
from trimtab.records import Span
from trimtab.records.filter import AllOf, AnyOf, Condition, Filter, Not, Value
from trimtab.records.message import text_of

_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le}


def names(filter: Filter | None) -> Iterator[str]:
    """The fields a filter asks about."""
    match filter:
        case Condition(field=field):
            yield field
        case Not(of=inner):
            yield from names(inner)
        case AllOf(of=parts) | AnyOf(of=parts):
            for part in parts:
                yield from names(part)


def matches(filter: Filter | None, span: Span) -> bool:
    """Whether the filter means this span. No filter means every span; no span has a score."""
    match filter:
        case None:
            return True
        case Condition():
            return _holds(filter, span)
        case Not(of=inner):
            return not matches(inner, span)
        case AllOf(of=parts):
            return all(matches(part, span) for part in parts)
        case AnyOf(of=parts):
            return any(matches(part, span) for part in parts)


def _holds(condition: Condition, span: Span) -> bool:
    match condition.field:
        case "since":
            return any(span.start_ns >= _number(value) for value in condition.values)
        case "until":
            return any(span.start_ns < _number(value) for value in condition.values)
        case "text":
            return any(_is_said(str(value), span) for value in condition.values)
    found = _found(condition, span)
    if found is None or found in ((), ""):
        return False
    if condition.op == "exists":
        return True
    return any(_compared(condition.op, found, value) for value in condition.values)


def _found(condition: Condition, span: Span) -> Any:
    """What a span has in a field; None for nothing."""
    name = condition.field
    if name in ("metadata", "attributes"):
        return _entry(getattr(span, name), condition.key or "")
    return _DERIVED[name](span) if name in _DERIVED else getattr(span, name)


def _priced(span: Span) -> bool | None:
    """Whether a model call has a cost; None where there was nothing to pay."""
    if span.kind != "llm" or (span.cost_usd is None and not span.is_unpriced):
        return None
    return not span.is_unpriced


def _ms(start_ns: int, end_ns: int | None) -> Decimal | None:
    return None if end_ns is None else Decimal(end_ns - start_ns) / 1_000_000


_DERIVED: Mapping[str, Callable[[Span], Any]] = {
    "root": lambda span: span.parent_id is None,
    "priced": _priced,
    "duration_ms": lambda span: _ms(span.start_ns, span.end_ns),
    "ttft_ms": lambda span: _ms(span.start_ns, span.first_token_ns),
    "input_tokens": lambda span: span.usage and span.usage.total_input,
    "output_tokens": lambda span: span.usage and span.usage.total_output,
    "tokens": lambda span: span.usage and span.usage.total_input + span.usage.total_output,
    "tag": lambda span: span.tags,
    "score": lambda _: None,
}


def _entry(entries: Mapping[str, Any], key: str) -> Any:
    """An entry as it is compared: numbers and text as they are, the rest as JSON."""
    value = entries.get(key)
    if value is None or (isinstance(value, int | float | str) and not isinstance(value, bool)):
        return value
    return jsonx.encode(value).decode()


def _compared(op: str, found: Any, value: Value) -> bool:
    if isinstance(found, tuple):
        return value in found
    if op == "contains":
        return str(value).casefold() in str(found).casefold()
    if op == "=":
        return bool(found == value) or (not isinstance(found, bool) and str(found) == str(value))
    try:
        return _COMPARED[op](Decimal(str(found)), _number(value))
    except ArithmeticError:
        return False


def _number(value: Value) -> Decimal:
    return Decimal(value)


def _is_said(text: str, span: Span) -> bool:
    wanted = text.casefold()
    return any(wanted in said.casefold() for said in _said(span))


def _said(span: Span) -> Iterator[str]:
    yield span.name
    yield span.error or ""
    for payload in (span.input, span.output):
        for item in payload if isinstance(payload, list) else [payload]:
            yield text_of(item)
