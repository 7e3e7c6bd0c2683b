"""JSON as other tools write it: with NaN, and with half of a surrogate pair. Pure."""

from __future__ import annotations

import codecs
import json
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.kit import jsonx


def decoded(data: bytes, where: str) -> Any:
    """A JSON value. NaN is null, and what is no character of a model's answer is U+FFFD.

    Raises:
        InvalidRequest: it is no JSON.

    >>> decoded(b'[NaN, "\\\\ud83d"]', "report.json") == [None, "\\ufffd"]
    True
    """
    try:
        return jsonx.decode(data, what=where)
    except InvalidRequest:
        try:
            text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
            return _whole(json.loads(text, parse_constant=lambda _: None))
        except (ValueError, RecursionError):
            pass
        raise


def decoded_lines(data: bytes, where: str) -> list[Any]:
    """The values of a file with one on each line. Raises InvalidRequest as `decoded`."""
    lines = enumerate(data.splitlines(), start=1)
    return [decoded(line, f"{where}:{number}") for number, line in lines if line.strip()]


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value
