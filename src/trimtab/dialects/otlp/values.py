"""Attribute values in protobuf: AnyValue to JSON values."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from trimtab.dialects.otlp.messages import message
from trimtab.dialects.otlp.repair import marked, storable

_TEXT = 0x0A  # string_value
_DOUBLE = 0x21  # double_value
_double = Struct("<d").unpack_from
_REMEMBERED_BYTES = 64
_LARGE_BYTES = 16 * 1024
_SCALARS = frozenset({str, bool, int, float})


def attributes_of(pairs: Iterable[KeyValue], repairs: set[str]) -> dict[str, Any]:
    """Attributes by key; of a key that comes twice the last counts."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, value = pair.key, pair.value
        if "\0" in key:
            key = storable(key, repairs)
        # Most values are text: asking for it at once saves asking what the value is.
        text = value.string_value
        if not text:
            found[key] = value_of(value, repairs)
        elif "\0" in text:
            found[key] = storable(text, repairs)
        else:
            found[key] = text
    return found


def attributes_in(entries: Mapping[str, bytes], repairs: set[str]) -> dict[str, Any]:
    """Attributes whose values are not decoded yet, by key in order of the keys.

    Raises:
        InvalidRequest: a value is none.
    """
    found: dict[str, Any] = {}
    for key in sorted(entries):
        raw = entries[key]
        size = len(raw)
        # Nearly every value is a text, field 1: what comes before it is a tag and its length.
        if 1 < size < 130 and raw[0] == 10 and raw[1] == size - 2:
            raw = raw[2:]
        elif 130 < size < 16_387 and raw[0] == 10 and raw[1] + (raw[2] << 7) == size + 125:
            raw = raw[3:]
        else:
            found[key] = _value_in(raw, repairs)
            continue
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = marked(raw).decode()
        found[key] = storable(text, repairs) if "\0" in text else text
    if repairs or "\0" in "".join(found):
        return {storable(key, repairs): value for key, value in found.items()}
    return found


def _value_in(raw: bytes, repairs: set[str]) -> Any:
    if len(raw) == 9 and raw[0] == _DOUBLE:
        return number(_double(raw, 1)[0])
    if len(raw) > _LARGE_BYTES and (text := _large_text(raw)) is not None:
        return storable(text, repairs) if "\0" in text else text
    value = _remembered(raw) if len(raw) <= _REMEMBERED_BYTES else None
    if value is None:
        return value_of(message(raw, AnyValue), repairs)
    return list(value) if type(value) is tuple else value


def _large_text(raw: bytes) -> str | None:
    """A value that is text and nothing else, decoded where it lies; None for another.

    As a message it would be in memory twice more.
    """
    size = shift = 0
    for place in range(1, 6):
        size |= (raw[place] & 0x7F) << shift
        shift += 7
        if raw[place] < 0x80:
            break
    if raw[0] != _TEXT or place + 1 + size != len(raw):
        return None
    try:
        return str(memoryview(raw)[place + 1 :], "utf-8")
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=8192)
def _remembered(raw: bytes) -> Any:
    """Counts, flags and tags, which are the same again and again; a list as a tuple.

    None for what must be read each time: it is nothing, needs a repair, or could be changed.
    """
    repairs: set[str] = set()
    value = value_of(message(raw, AnyValue), repairs)
    if type(value) is list:
        value = tuple(value) if all(type(item) in _SCALARS for item in value) else None
    return None if repairs or type(value) is dict else value


def value_of(value: AnyValue, repairs: set[str]) -> Any:
    """One value; bytes as base64, numbers that JSON has not as text, nothing as None."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    given = getattr(value, kind)
    if kind == "string_value":
        return storable(given, repairs) if "\0" in given else given
    if kind == "double_value":
        return number(given)
    if kind == "array_value":
        return [value_of(item, repairs) for item in given.values]
    if kind == "kvlist_value":
        return attributes_of(given.values, repairs)
    if kind == "bytes_value":
        return b64encode(given).decode()
    return given


def number(value: float) -> float | str:
    """A double as JSON can say it.

    >>> number(0.5), number(float("nan")), number(float("-inf"))
    (0.5, 'NaN', '-Infinity')
    """
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
