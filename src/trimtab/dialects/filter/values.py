"""Values of conditions: numbers with units, times, flags, words of a closed set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, NamedTuple

from trimtab.dialects.filter.fault import fault
from trimtab.dialects.filter.fields import CHOICES, DURATIONS, FLAGS
from trimtab.errors import InvalidRequest
from trimtab.records.filter import FIELDS, Value

_NUMBER = r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?"
_QUANTITY = re.compile(rf"({_NUMBER})([A-Za-zµ]*)")
_FRACTION = re.compile(r"[.,]([0-9]{1,9})[0-9]*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_S = 1_000_000_000
_INT64: Final = (1 << 63) - 1
_PLACES: Final = 12
_MAX_FRACTIONAL: Final = Decimal(10) ** 15

_MS: Mapping[str, Decimal] = {
    "": Decimal(1),
    "ns": Decimal("0.000001"),
    "us": Decimal("0.001"),
    "µs": Decimal("0.001"),
    "ms": Decimal(1),
    "s": Decimal(1_000),
    "m": Decimal(60_000),
    "h": Decimal(3_600_000),
    "d": Decimal(86_400_000),
    "w": Decimal(604_800_000),
}
_COUNT: Mapping[str, Decimal] = {
    "": Decimal(1),
    "k": Decimal(1_000),
    "K": Decimal(1_000),
    "M": Decimal(1_000_000),
}


class Raw(NamedTuple):
    """A value as it stands in the text; a quoted one is nothing but text."""

    text: str
    quoted: bool
    start: int
    end: int


class Reading(NamedTuple):
    """What a value is read for: the whole text, the field, and the time that `24h` counts from."""

    text: str
    field: str
    now_ns: int

    def fault(self, raw: Raw, what: str, *, fix: str) -> InvalidRequest:
        return fault(self.text, raw.start, raw.end, what, fix=fix, field=self.field, got=raw.text)


def value(reading: Reading, raw: Raw, *, ordered: bool) -> Value:
    """A value of the field's type.

    Args:
        ordered: it is compared by size, which only numbers can be.
    Raises:
        InvalidRequest: it is not of the type; says what was expected.
    """
    match FIELDS[reading.field]:
        case "number" | "money":
            return _number(reading, raw)
        case "time":
            return _time(reading, raw)
        case "flag":
            return _flag(reading, raw)
        case "entry" | "score" if ordered:
            return _number(reading, raw)
        case "score" if not raw.quoted:
            return judgement(raw.text)
        case _:
            return _word(reading, raw)


def duration_ns(text: str) -> int | None:
    """A length of time in nanoseconds; None when the text is none, or has no unit.

    >>> duration_ns("5m")
    300000000000
    """
    match = _QUANTITY.fullmatch(text)
    ms = _quantity(text, _MS) if match and match[2] else None
    return None if ms is None else int(ms * 1_000_000)


def judgement(text: str) -> Value:
    """What a score may be equal to: passed or not, a number, or else a label.

    >>> judgement("true"), judgement("0.5"), judgement("polite")
    (True, Decimal('0.5'), 'polite')
    """
    if text in ("true", "false"):
        return text == "true"
    number = _quantity(text, {"": Decimal(1)})
    return text if number is None else number


def _number(reading: Reading, raw: Raw) -> Value:
    text, units = raw.text, _MS if reading.field in DURATIONS else _COUNT
    if FIELDS[reading.field] == "money":
        text, units = text.removeprefix("$"), {"": Decimal(1)}
    found = _quantity(text, units)
    if found is None:
        example = "1.5s or 300ms" if reading.field in DURATIONS else "0.5 or 100"
        raise reading.fault(
            raw,
            f"{raw.text[:50]!r} is not a number for {reading.field}",
            fix=f"write for example {example}; at most {_PLACES} decimals",
        )
    return found


def _quantity(text: str, units: Mapping[str, Decimal]) -> int | Decimal | None:
    """A number with one of some units, or None. Whole numbers fit into 64 bits."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in units:
        return None
    number = Decimal(match[1]) * units[match[2]]
    if abs(number) > _INT64:
        return None
    if number == number.to_integral_value():
        return int(number)
    number = number.normalize()
    exponent = number.as_tuple().exponent
    exact = isinstance(exponent, int) and exponent >= -_PLACES
    return number if exact and abs(number) < _MAX_FRACTIONAL else None


def _time(reading: Reading, raw: Raw) -> int:
    ago_ns = duration_ns(raw.text)
    if ago_ns is not None and ago_ns < 0:
        raise reading.fault(
            raw,
            f"{raw.text[:50]!r} would be in the future",
            fix=f"write how long ago without a minus sign: {reading.field}:{raw.text.lstrip('-')}",
        )
    found = _moment(raw.text) if ago_ns is None else reading.now_ns - ago_ns
    if found is None or abs(found) > _INT64:
        raise reading.fault(
            raw,
            f"{raw.text[:50]!r} is not a time",
            fix="write how long ago (30m, 24h, 7d), a date (2026-11-01) or an ISO 8601 time "
            "between 1678 and 2261",
        )
    return found


def _moment(text: str) -> int | None:
    """An ISO 8601 date or time as Unix nanoseconds; without a zone it is UTC."""
    fraction = _FRACTION.search(text)
    whole = text if fraction is None else text[: fraction.start()] + text[fraction.end() :]
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    ns = int(fraction[1].ljust(9, "0")) if fraction else 0
    return (since.days * 86_400 + since.seconds) * _NS_PER_S + since.microseconds * 1_000 + ns


def moment_text(ns: int) -> str:
    """Unix nanoseconds as the shortest exact ISO 8601 time in UTC.

    >>> moment_text(1_700_000_000_500_000_000)
    '2023-11-14T22:13:20.5Z'
    """
    seconds, rest = divmod(ns, _NS_PER_S)
    moment = _EPOCH + timedelta(seconds=seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _flag(reading: Reading, raw: Raw) -> bool:
    found = FLAGS.get(raw.text.lower())
    if found is None:
        raise reading.fault(
            raw,
            f"{reading.field} is either true or false, not {raw.text[:50]!r}",
            fix=f"write {reading.field}:true or {reading.field}:false",
        )
    return found


def _word(reading: Reading, raw: Raw) -> str:
    allowed = CHOICES.get(reading.field)
    if allowed is None or raw.text in allowed:
        return raw.text
    lower = raw.text.lower()
    if lower in allowed:
        return lower
    near = get_close_matches(lower, allowed, n=1)
    raise reading.fault(
        raw,
        f"{raw.text[:50]!r} is not a {reading.field}"
        + (f"; did you mean {near[0]}?" if near else ""),
        fix=f"use one of {', '.join(allowed)}",
    )
