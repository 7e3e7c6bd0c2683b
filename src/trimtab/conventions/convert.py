"""Readers of attribute values: each takes any JSON value and returns what it means, or None."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from trimtab.conventions.convention import Convert
from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records.record import Json

_MOST_TOKENS = 10**9  # No call uses more; a count beyond is an error of the sender's.
_MOST_USD = Decimal(10**9)
_NANO_USD = Decimal("0.000000001")
_DEEPEST = 6  # Metadata nested deeper stays as it is.
_SCALARS = (str, int, float)
_WHOLE = re.compile(r"-?[0-9]{1,10}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(value: Any) -> str | None:
    """Text that says something; a number is an id written as one."""
    if type(value) is str:
        return value or None
    if type(value) is int:
        return str(value)
    return None


def quoted(value: Any) -> str | None:
    """Text that may have been encoded as JSON once more.

    >>> quoted('"LLM"'), quoted("LLM")
    ('LLM', 'LLM')
    """
    return text(dumped(value))


def one_of(words: Mapping[str, str]) -> Convert:
    """Reads a word of a closed vocabulary, whatever its case."""

    def read(value: Any) -> str | None:
        if type(value) is not str:
            return None
        return words.get(value) or words.get(value.strip('"').lower())

    return read


def always(word: str) -> Convert:
    """For a key whose mere presence says something."""
    return lambda value: None if value is None or value == "" else word


def count(value: Any) -> int | None:
    """A number of tokens; a negative one is told, so that nothing is made of the rest either.

    >>> count(12), count("12"), count(12.0), count(-1), count(True)
    (12, 12, 12, -1, None)
    """
    if type(value) is int:
        return value if abs(value) <= _MOST_TOKENS else None
    if type(value) is str and _WHOLE.fullmatch(value):
        return count(int(value))
    if type(value) is float and value.is_integer():
        return count(int(value))
    return None


def money(value: Any) -> Decimal | None:
    """US dollars to the nano-dollar, without passing through binary fractions.

    >>> money(0.1), money("2.5e-7")
    (Decimal('0.100000000'), Decimal('2.50E-7'))
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 40:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < _MOST_USD:
        return None
    return amount.quantize(_NANO_USD)


def after(unit_ns: int) -> Convert:
    """Reads a duration in units of so many nanoseconds, as nanoseconds."""

    def read(value: Any) -> int | None:
        if isinstance(value, str):
            value = _number(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not math.isfinite(value) or not 0 <= value * unit_ns < 2**62:
            return None
        return int(value * unit_ns)

    return read


def instant(value: Any) -> int | None:
    """A time in ISO 8601 as Unix nanoseconds; without an offset it is UTC.

    >>> instant('"2025-10-01T08:45:26.112648Z"')
    1759308326112648000
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip('"'))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def value(value: Any) -> Json:
    """Any JSON value; text that is a JSON object or list is decoded, other text is left alone."""
    if type(value) is str:
        start = value[:1]
        if start.isspace():
            start = value.lstrip()[:1]
        return decoded(value, otherwise=value) if start in {"{", "["} else value or None
    return value  # type: ignore[no-any-return]


def dumped(value: Any) -> Json:
    """Any JSON value that was encoded once more, as some SDKs do with every attribute."""
    if type(value) is str:
        return decoded(value, otherwise=value) if value[:1] in '{["' else value
    return value  # type: ignore[no-any-return]


def each(value: Any) -> list[Any] | None:
    """A list whose items were encoded once more, one by one."""
    found = dumped(value)
    return [dumped(item) for item in found] if isinstance(found, list) else None


def decoded(value: str, *, otherwise: Json = None) -> Json:
    """The value a JSON text stands for."""
    try:
        if value.count("[") + value.count("{") > jsonx.MAX_DEPTH:  # It may be nested too deep.
            return jsonx.decode(value.encode())  # type: ignore[no-any-return]
        return msgspec.json.decode(value)  # type: ignore[no-any-return]
    except (InvalidRequest, msgspec.DecodeError, UnicodeEncodeError):
        return otherwise


def mapping(value: Any) -> dict[str, Any] | None:
    """A JSON object, encoded or not."""
    found = dumped(value)
    return found if isinstance(found, dict) and found else None


def tags(value: Any) -> tuple[str, ...] | None:
    """Tags from a list, from JSON, or from text with commas.

    >>> tags('["a", "b"]'), tags("a, b"), tags(["a", 1])
    (('a', 'b'), ('a', 'b'), ('a', '1'))
    """
    found = dumped(value)
    if isinstance(found, str):
        found = found.split(",")
    if not isinstance(found, list):
        return None
    said = [str(one).strip() for one in found if isinstance(one, _SCALARS)]
    return tuple(dict.fromkeys(filter(None, said))) or None


def metadata(value: Any) -> dict[str, Any] | None:
    """A JSON object as flat entries: nested keys are joined by dots.

    >>> metadata('{"a": {"b": 1}, "c": [2]}')
    {'a.b': 1, 'c': [2]}
    """
    found = mapping(value)
    return flat(found) if found else None


def entries(pairs: list[tuple[str, Any]]) -> dict[str, Any] | None:
    """Entries that came as attributes of their own, with the rest of their keys."""
    return flat({key: dumped(value) for key, value in pairs})


def flat(nested: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested objects as one, with keys joined by dots."""
    found: dict[str, Any] = {}
    for key, entry in nested.items():
        if isinstance(entry, dict) and entry and depth < _DEEPEST:
            found.update(flat(entry, f"{prefix}{key}.", depth + 1))
        else:
            found[f"{prefix}{key}"] = entry
    return found


def entry(name: str, convert: Convert = value) -> Convert:
    """Reads metadata of one entry: the value under `name`."""

    def read(raw: Any) -> dict[str, Any] | None:
        found = convert(raw)
        return None if found is None else {name: found}

    return read


def prompt_ref(value: Any) -> str | None:
    """`name@version` of {"name", "version"}, or of the first of a list of them.

    >>> prompt_ref('[{"name": "support", "version": "3"}]')
    'support@3'
    """
    found = dumped(value)
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return None
    name, version = text(found.get("name")), text(found.get("version"))
    return f"{name}@{version}" if name and version else name


def _number(value: str) -> float | None:
    try:
        return float(value) if len(value) <= 40 else None
    except ValueError:
        return None
