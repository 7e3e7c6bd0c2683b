"""What the dialects share: fields of a request, answers as plain values, OpenAI's token counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx
from trimtab.records import Usage

_INLINE = re.compile(rb";base64,([A-Za-z0-9+/=]+)")
_HALF = re.compile("[\ud800-\udfff]")
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_PAIR = re.compile(_HIGH + "(?!" + _LOW + r")|(?<!\\u[dD][89abAB]..)" + _LOW)
_MOST_CHOICES = 10_000  # No provider gives more at once.
_MOST_TOKENS = 10**9  # No call uses more; a count beyond is an error of the provider's.

# -- requests ----------------------------------------------------------------------------------


def fields_of(body: bytes) -> tuple[dict[str, msgspec.Raw], dict[str, Any]]:
    """The raw fields of a request, and its `trimtab` member, which is not one of them.

    Raises:
        InvalidRequest: not a JSON object, or `trimtab` is not one.
    """
    fields = jsonx.decode(body, dict[str, msgspec.Raw])
    if "trimtab" not in fields:
        return fields, {}
    own = field(fields, "trimtab", dict[str, Any] | None) or {}
    del fields["trimtab"]
    return fields, own


def field(fields: dict[str, msgspec.Raw], name: str, type: Any) -> Any:
    """One field decoded, None where there is none.

    Raises:
        InvalidRequest: it is not of this type; `where` is its JSON path.
    """
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return _decoder(type)(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        text, path = jsonx.reason(error)
        raise InvalidRequest(
            f"{name!r} is wrong: {text}",
            where=name + path.removeprefix("$"),
            fix="send the type that the OpenAI API reference names",
        ) from None


@cache
def _decoder(type: Any) -> Callable[[msgspec.Raw], Any]:
    return msgspec.json.Decoder(type).decode


def named_model(fields: dict[str, msgspec.Raw]) -> str:
    """The model a request names. Raises InvalidRequest when it names none."""
    model: str = field(fields, "model", str | None) or ""
    if not model:
        raise InvalidRequest(
            "'model' is missing or empty",
            where="model",
            fix="name a route or a model of GET /v1/models",
        )
    return model


def limit_of(fields: dict[str, msgspec.Raw], name: str) -> int | None:
    """The most tokens of an answer that the caller wants, for estimates: the provider checks it."""
    limit: int | None = field(fields, name, int | None)
    return limit if limit is not None and 0 <= limit <= _MOST_TOKENS else None


def choices_of(fields: dict[str, msgspec.Raw], *names: str) -> int:
    """The most of what some fields count, at least 1; the provider checks them."""
    most = 1
    for name in names:
        if name in fields:
            count = plain(bytes(fields[name]))
            if type(count) is int:
                most = max(most, min(count, _MOST_CHOICES))
    return most


def text_bytes(fields: dict[str, msgspec.Raw], *names: str) -> int:
    """About how much there is to read in some fields: files inside them are not text."""
    total = 0
    for name in names:
        raw = fields.get(name)
        if raw is None:
            continue
        data = bytes(raw)
        total += len(data)
        if b";base64," in data:
            total -= sum(len(inline) for inline in _INLINE.findall(data))
    return total


# -- answers -----------------------------------------------------------------------------------


def plain(data: bytes | str) -> Any:
    """A JSON value, None where it cannot be read. Half a surrogate pair is read as U+FFFD."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        return _mended(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value


def without_halves(text: str) -> str:
    """JSON text with every escaped half of a surrogate pair replaced by U+FFFD."""
    return _HALF_PAIR.sub(r"\\ufffd", text)


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def usage_of(wire: Any) -> Usage | None:
    """Token counts of the responses, embeddings, images and audio APIs in disjoint buckets.

    Totals are `input_tokens` and `output_tokens` (`prompt_tokens` for embeddings); their details
    tell what part was cached, written to the cache, heard, spoken or thought. Tokens written to the
    cache go by how long they are kept: half an hour, the usual, counts as `cache_write_5m`, which
    prices of OpenAI's models name, and twelve hours as `cache_write_1h`. None where nothing
    was counted, or nothing that can be true.

    >>> usage_of({"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
    ...           "input_tokens_details": {"cached_tokens": 4}}).input
    6
    """
    wire = as_dict(wire)
    totals = [wire.get("input_tokens", wire.get("prompt_tokens")), wire.get("output_tokens")]
    told = [total for total in totals if total is not None]
    if not told or not all(type(n) is int and 0 <= n <= _MOST_TOKENS for n in told):
        return None
    inputs = as_dict(wire.get("input_tokens_details") or wire.get("input_token_details"))
    outputs = as_dict(wire.get("output_tokens_details") or wire.get("output_token_details"))
    written = _count(inputs, "cache_write_tokens")
    long = min(written, _count(as_dict(inputs.get("cache_write_tokens_details")), "ttl_12h_tokens"))
    cached, heard = _count(inputs, "cached_tokens"), _count(inputs, "audio_tokens")
    thought, spoken = _count(outputs, "reasoning_tokens"), _count(outputs, "audio_tokens")
    return Usage(
        input=max(0, (totals[0] or 0) - cached - written - heard),
        cache_read=cached,
        cache_write_5m=written - long,
        cache_write_1h=long,
        audio_input=heard,
        output=max(0, (totals[1] or 0) - thought - spoken),
        reasoning=thought,
        audio_output=spoken,
    )


def _count(wire: dict[str, Any], key: str) -> int:
    value = wire.get(key)
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0


def usage_on_wire(usage: Usage) -> dict[str, Any]:
    """Disjoint buckets to the totals of the responses API."""
    written = usage.cache_write_5m + usage.cache_write_1h
    inputs: dict[str, Any] = {"cached_tokens": usage.cache_read, "cache_write_tokens": written}
    if usage.cache_write_1h:
        inputs["cache_write_tokens_details"] = {
            "ttl_30m_tokens": usage.cache_write_5m,
            "ttl_12h_tokens": usage.cache_write_1h,
        }
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": inputs,
        "output_tokens": usage.total_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total_input + usage.total_output,
    }
