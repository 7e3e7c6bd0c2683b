"""Attribute values in OTLP's JSON to JSON values."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable
from typing import Any

from trimtab.dialects.otlp.outcome import Rejected
from trimtab.dialects.otlp.repair import storable
from trimtab.dialects.otlp.values import number

_DIGITS = re.compile(r"-?[0-9]{1,20}")
_SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def attributes_of(pairs: Any, repairs: set[str]) -> dict[str, Any]:
    """Attributes by key. Raises Rejected."""
    if pairs is None:
        return {}
    if not isinstance(pairs, list):
        raise Rejected("attributes are no list")
    found: dict[str, Any] = {}
    for pair in pairs:
        if not isinstance(pair, dict):
            raise Rejected("an attribute is no object")
        key = text_of(pair.get("key", ""), repairs)
        found[key] = value_of(pair.get("value"), repairs)
    return found


def value_of(value: Any, repairs: set[str]) -> Any:
    """One value. Raises Rejected."""
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise Rejected("the value of an attribute is no object")
    for name, given in value.items():
        read = _KINDS.get(name)
        if read is not None and given is not None:
            return read(given, repairs)
    return None


def text_of(value: Any, repairs: set[str]) -> str:
    """A text, storable. Raises Rejected."""
    if not isinstance(value, str):
        raise Rejected("a text is none")
    return storable(value, repairs) if "\0" in value else value


def whole(value: Any) -> int:
    """An integer of 64 bits from a number or a text; 0 when it did not come. Raises Rejected."""
    if value is None:
        return 0
    found: int | None = None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        found = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        found = value
    elif isinstance(value, float) and value.is_integer():
        found = int(value)
    if found is None or not -(2**63) <= found < 2**64:
        raise Rejected("a whole number is none of 64 bits")
    return found


def _boolean(value: Any, _: set[str]) -> bool:
    if not isinstance(value, bool):
        raise Rejected("a boolean is none")
    return value


def _integer(value: Any, _: set[str]) -> int:
    return whole(value)


def _double(value: Any, _: set[str]) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Rejected("a number is none")
    try:
        return number(_SPECIAL[value] if value in _SPECIAL else float(value))
    except (ValueError, OverflowError):
        raise Rejected("a number is none") from None


def _bytes(value: Any, _: set[str]) -> str:
    """Bytes in either alphabet of base64, with or without padding, in the usual one."""
    if not isinstance(value, str):
        raise Rejected("bytes are no base64")
    padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
    decode = urlsafe_b64decode if set("-_") & set(value) else _strict
    try:
        return b64encode(decode(padded)).decode()
    except (ValueError, binascii.Error):
        raise Rejected("bytes are no base64") from None


def _strict(text: str) -> bytes:
    return b64decode(text, validate=True)


def _array(value: Any, repairs: set[str]) -> list[Any]:
    return [value_of(one, repairs) for one in _values(value)]


def _mapping(value: Any, repairs: set[str]) -> dict[str, Any]:
    return attributes_of(_values(value), repairs)


def _values(value: Any) -> list[Any]:
    found = value.get("values") if isinstance(value, dict) else 0
    if found is None:
        return []
    if not isinstance(found, list):
        raise Rejected("a list of values is none")
    return found


_KINDS: dict[str, Callable[[Any, set[str]], Any]] = {
    "stringValue": text_of,
    "boolValue": _boolean,
    "intValue": _integer,
    "doubleValue": _double,
    "arrayValue": _array,
    "kvlistValue": _mapping,
    "bytesValue": _bytes,
    "string_value": text_of,
    "bool_value": _boolean,
    "int_value": _integer,
    "double_value": _double,
    "array_value": _array,
    "kvlist_value": _mapping,
    "bytes_value": _bytes,
}
