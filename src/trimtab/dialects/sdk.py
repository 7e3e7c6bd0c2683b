"""What the native protocols of other platforms' SDKs share: JSON as they write it, ids, times.

Their ids are free text or UUIDs; ours are OpenTelemetry's. The same foreign id always becomes the
same id here, so that messages about one span meet, whichever arrives first. Pure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.kit.hashing import sha256_hex
from trimtab.kit.ids import is_span_id, is_trace_id
from trimtab.records.score import ScoreSource

MAX_ID = 1_000
_LATEST_NS = 2**63 - 1
_NS = 1_000_000_000
_MOST_USD = Decimal(10**9)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(Z|z|[+-]\d\d:?\d\d)?")
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_.\-/ ]")


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement as an SDK sends it. `span_id` without `trace_id` is a span known by its id.

    Exactly one of `value`, `label` and `passed` is set. `time_ns` is when it was made, as far as
    the sender said.
    """

    name: str
    id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session: str | None = None
    value: float | None = None
    label: str | None = None
    passed: bool | None = None
    reason: str | None = None
    source: ScoreSource = "user"
    author: str | None = None
    metadata: dict[str, Any] = {}


def read_json(data: bytes, *, what: str = "the request body") -> Any:
    """Decode JSON as SDKs write it: NaN and infinities become null, broken characters U+FFFD.

    Raises:
        InvalidRequest: not JSON even so, or nested too deep.

    >>> read_json(b'{"score": NaN, "name": "a"}')
    {'score': None, 'name': 'a'}
    """
    try:
        return jsonx.decode(data, what=what)
    except InvalidRequest as error:
        text = data.decode("utf-8", "replace")
        if jsonx.depth(data) > jsonx.MAX_DEPTH:
            raise
        try:
            return _clean(json.loads(text))
        except (ValueError, RecursionError):
            raise error from None


def _clean(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def fields_of(value: Any, *, what: str) -> dict[str, Any]:
    """A JSON object. Raises InvalidRequest for anything else."""
    if isinstance(value, dict):
        return value
    raise InvalidRequest(f"{what} is not an object", where=what, fix="send a JSON object")


def id_of(fields: Mapping[str, Any], name: str) -> str:
    """An identifier that must be there. Raises InvalidRequest."""
    value = fields.get(name)
    if isinstance(value, str) and 0 < len(value) <= MAX_ID:
        return value
    raise InvalidRequest(
        f"{name} is not an id", where=name, fix=f"send 1 to {MAX_ID} characters of text"
    )


def word(fields: Mapping[str, Any], name: str) -> str | None:
    """A text that says something; anything else says nothing."""
    value = fields.get(name)
    return value if isinstance(value, str) and value else None


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def trace_id_of(text: str) -> str:
    """Our id of a trace: a UUID or 32 hexadecimal digits as they are, other text by its hash.

    >>> trace_id_of("0193DE5B-98A0-7D4C-8F1E-0123456789AB")
    '0193de5b98a07d4c8f1e0123456789ab'
    """
    plain = text.replace("-", "").lower()
    return plain if is_trace_id(plain) else sha256_hex(text.encode("utf-8", "replace"))[:32]


def span_id_of(text: str) -> str:
    """Our id of a span: 16 hexadecimal digits as they are, other text by its hash.

    >>> span_id_of("00f067aa0ba902b7"), span_id_of("my span")
    ('00f067aa0ba902b7', '203c69b285540edb')
    """
    if is_span_id(text):
        return text
    plain = text.replace("-", "").lower()
    same = plain if is_trace_id(plain) else text
    return sha256_hex(same.encode("utf-8", "replace"))[:16]


def time_ns(value: Any) -> int | None:
    """Unix nanoseconds of an ISO 8601 text, UTC where it names no zone; None for what is no time.

    >>> time_ns("2026-11-21T10:00:00.123456789Z") == time_ns("2026-11-21T11:00:00.123456789+01:00")
    True
    """
    if not isinstance(value, str):
        return None
    match = _ISO.fullmatch(value.strip())
    if match is None:
        return None
    zone = (match[3] or "+0000").upper().replace("Z", "+0000")
    try:
        moment = datetime.fromisoformat(match[1].replace(" ", "T") + zone)
        seconds = int(moment.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None
    return _in_range(seconds * _NS + int((match[2] or "0")[:9].ljust(9, "0")))


def number_ns(value: Any, unit_ns: int) -> int | None:
    """Unix nanoseconds of a number of units; None for what is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    ns = value * unit_ns
    return _in_range(int(ns)) if isinstance(ns, int) or math.isfinite(ns) else None


def _in_range(ns: int) -> int | None:
    return ns if 0 <= ns <= _LATEST_NS else None


def money(value: Any) -> Decimal | None:
    """US dollars of a JSON number or a text of one; None for what no call can cost."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < _MOST_USD else None


def score_name(text: str) -> str:
    """A name that a score may have; characters that it may not become underscores.

    >>> score_name("Correctness (1-5)")
    'Correctness _1-5_'
    """
    return _NOT_IN_A_NAME.sub("_", text)[:200] or "feedback"


def finite(value: Any) -> float | None:
    """A finite number, but not a bool; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, each once."""
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(item for item in value if isinstance(item, str) and item))


def prefixed(prefix: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What else came with a message, as attributes; nothing for nulls.

    >>> prefixed("opik", {"id": 1, "type": None})
    {'opik.id': 1}
    """
    return {f"{prefix}.{key}": value for key, value in fields.items() if value is not None}


def known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value is not None}


def unwrapped(output: Any) -> Any:
    """An output without the object that SDKs put around what is no object.

    >>> unwrapped({"output": "yes"}), unwrapped({"output": 1, "more": 2})
    ('yes', {'output': 1, 'more': 2})
    """
    if isinstance(output, dict) and output.keys() == {"output"}:
        return output["output"]
    return output
