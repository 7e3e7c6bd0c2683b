"""Numbers and dates as people write them, compared by value. Pure: strings in, values out.

A guess is never made: text that is not one number, or that could be two ("1,234" in a style nobody
named), is None, and the caller leaves the case unscored.
"""

from __future__ import annotations

import math
import re
import time
from datetime import date

from trimtab.errors import MeasureError

__all__ = ["numbers", "numeric_close", "parse_date", "parse_number", "same_date"]

_SPACES = "\u0020\u00a0\u202f\u2009"
_DIGITS = rf"\d{{1,3}}(?:[,{_SPACES}'\u2019]\d{{3}})+|\d+"
_NUMBER = re.compile(
    rf"(?P<sign>[-+\u2212]?)\s?(?P<currency>[$\u20ac\u00a3\u00a5]?)\s?"
    rf"(?P<number>(?:{_DIGITS})(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)"
    rf"(?P<percent>\s?%)?"
)
_UNIT = re.compile(
    r"\s?(?P<scale>thousand|million|billion|trillion|bn|k)?\b(?!.*\b(?:or|to|and)\b)[^\d]*",
    re.IGNORECASE,
)
_SCALES = {"k": 1e3, "thousand": 1e3, "million": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12}
_SEPARATORS = re.compile(rf"[,{_SPACES}'\u2019]")


def parse_number(text: str, *, decimal: str = ".") -> float | None:
    """The one number that a short text consists of, without unit, currency and separators.

    A percent sign divides by 100, `thousand` ... `trillion`, `k` and `bn` multiply, and brackets as
    in bookkeeping mean negative. Words in front of the number, or a second number, give None.

    Args:
        decimal: the decimal mark, `.` or `,`; the other one separates thousands.

    >>> [parse_number(text) for text in ("$1,234.50", "12.5 %", "3 million m", "(7)", "2 or 3")]
    [1234.5, 0.125, 3000000.0, -7.0, None]
    >>> parse_number("1.234,5 kg", decimal=",")
    1234.5
    """
    if decimal not in (".", ","):
        raise MeasureError("the decimal mark is a full stop or a comma", got=decimal)
    text = text.strip()
    if decimal == ",":
        text = text.translate(str.maketrans(".,", ",."))
    bracketed = text.startswith("(") and text.endswith(")")
    text = text[1:-1].strip() if bracketed else text
    found = _NUMBER.match(text)
    if found is None:
        return None
    unit = _UNIT.fullmatch(text, found.end()) if found.end() < len(text) else None
    if found.end() < len(text) and unit is None:
        return None
    value = _value(found) * _SCALES.get(((unit and unit["scale"]) or "").lower(), 1.0)
    if not math.isfinite(value):
        return None
    return -value if bracketed else value


def numbers(text: str) -> list[float]:
    """Every number of a text in order, percentages as shares; full stops are decimal marks.

    >>> numbers("From 1,000 to 2.5e3: up 150%.")
    [1000.0, 2500.0, 1.5]
    """
    values = (_value(found) for found in _NUMBER.finditer(text) if _alone(text, found))
    return list(filter(math.isfinite, values))


def numeric_close(
    answer: str | float,
    expected: str | float,
    *,
    relative: float = 1e-6,
    absolute: float = 0.0,
    decimal: str = ".",
) -> bool | None:
    """Whether two numbers agree: |a - b| <= max(relative * |b|, absolute); None if one is none.

    Args:
        relative: share of the expected value, 0.01 for one percent.
        absolute: in the unit of the numbers; needed where 0 is expected.

    >>> numeric_close("about 1,000", 1000), numeric_close("1,001 m", "1000 m", relative=0.01)
    (None, True)
    """
    if not (0 <= relative < math.inf and 0 <= absolute < math.inf):
        raise MeasureError("a tolerance is not negative", relative=relative, absolute=absolute)
    given = parse_number(answer, decimal=decimal) if isinstance(answer, str) else answer
    wanted = parse_number(expected, decimal=decimal) if isinstance(expected, str) else expected
    if given is None or wanted is None or not (math.isfinite(given) and math.isfinite(wanted)):
        return None
    return abs(given - wanted) <= max(relative * abs(wanted), absolute)


_DATE_FORMS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y"),
    *("%d.%m.%Y", "%A %d %B %Y", "%A %B %d %Y"),
)
_SLASHED = {"day": "%d/%m/%Y", "month": "%m/%d/%Y"}


def parse_date(text: str, *, first: str | None = None) -> date | None:
    """The calendar date a text consists of; English month names, ISO 8601 (a time is left out).

    Args:
        first: what `03/04/2025` begins with, `day` or `month`; None leaves such dates unread
            unless both readings are the same day or only one exists.

    >>> parse_date("March 4th, 2025"), parse_date("03/04/2025"), parse_date("2025-03-04T12:00Z")
    (datetime.date(2025, 3, 4), None, datetime.date(2025, 3, 4))
    """
    if first not in (None, *_SLASHED):
        raise MeasureError("a date begins with its day or its month", got=first)
    bare = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|[,]|\bof\b|\bthe\b", " ", text, flags=re.IGNORECASE)
    bare = re.sub(r"(?<=\d{4}-\d\d-\d\d)[T ].*", "", " ".join(bare.split()), flags=re.DOTALL)
    if bare.isdigit() and len(bare) != 8:
        return None
    forms = _DATE_FORMS + tuple(_SLASHED.values() if first is None else [_SLASHED[first]])
    found = {day for form in forms if (day := _read(bare, form)) is not None}
    return found.pop() if len(found) == 1 else None


def same_date(answer: str, expected: str, *, first: str | None = None) -> bool | None:
    """Whether two texts are the same calendar date; None if one of them is no date.

    >>> same_date("4 Mar 2025", "2025-03-04")
    True
    """
    given, wanted = parse_date(answer, first=first), parse_date(expected, first=first)
    return None if given is None or wanted is None else given == wanted


def _read(text: str, form: str) -> date | None:
    try:
        return date(*time.strptime(text, form)[:3])
    except ValueError:
        return None


def _value(found: re.Match[str]) -> float:
    value = float(_SEPARATORS.sub("", found["number"]))
    value = -value if found["sign"] in ("-", "\u2212") else value
    return value / 100 if found["percent"] else value


def _alone(text: str, found: re.Match[str]) -> bool:
    """Whether a number is not part of a word or of a longer run such as a version or a date."""
    before = text[found.start("number") - 1 : found.start("number")]
    after = text[found.end() : found.end() + 2]
    joined = after[:1].isalnum() or (after[:1] in ".,:/" and after[1:].isdigit())
    return not (before.isalnum() or before == "_" or joined)
