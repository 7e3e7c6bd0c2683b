"""Rows: texts of a file, one JSON object a line, each with what it is judged against."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Callable, Iterator
from typing import IO, Any

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.signals.signal import NOBODY, About

MOST_BYTES = 64 << 20
"""Of one text, or of one line."""

_MOST_DIGITS = 4000  # Python reads and writes 4,300 of them as an int
_MEMBERS = frozenset({"text", "context", "system", "question", "id"})
_FIX = 'write {"text": "..."} on each line'


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A text, and what it is judged against. `id` is given back as it came."""

    text: str
    about: About = About()
    id: Any = None


def bounded(source: IO[bytes]) -> Iterator[bytes | None]:
    """The lines of a file; None stands for one of more than `MOST_BYTES`, which is read over."""
    while line := source.readline(MOST_BYTES + 1):
        if len(line) <= MOST_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = source.readline(MOST_BYTES)
        yield None


def read_row(line: str | bytes | None, about: About = NOBODY) -> Row:
    """A row of a file of texts, judged against what it names itself, or else as `about` says.

    Raises:
        InvalidRequest: it is no JSON object, has no `text`, or a member is of another type.
    """
    return _row(_read(line), about)


def read_labelled(line: str | bytes | None) -> tuple[Row, bool | None]:
    """A row and its `label`: whether the text is one that should be found; None if nobody said.

    Raises:
        InvalidRequest: as `read_row`, or the label is not 0 or 1.
    """
    value = _read(line)
    label = value.get("label")
    if label is not None and label not in (0, 1):
        raise InvalidRequest("the label of the row is not 0 or 1", where="label")
    return _row(value, NOBODY), None if label is None else bool(label)


def _row(value: dict[str, Any], about: About) -> Row:
    for name in sorted(_MEMBERS & value.keys()):
        _check(name, value[name])
    if "text" not in value:
        raise InvalidRequest("the row has no 'text'", fix=_FIX)
    context = _texts(value.get("context")) or about.context
    about = About(
        context=context,
        system=about.system if value.get("system") is None else value["system"],
        question=about.question if value.get("question") is None else value["question"],
    )
    return Row(text=value["text"], about=about, id=value.get("id"))


def _read(line: str | bytes | None) -> dict[str, Any]:
    if line is None:
        raise InvalidRequest(f"the row is longer than {MOST_BYTES >> 20} MiB")
    if isinstance(line, bytes):
        line = line.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    if not line.strip():
        raise InvalidRequest("the row is empty", fix=_FIX)
    try:
        # Unlike msgspec this takes lone surrogates, which a text to be guarded may well hold.
        value = _DECODER.decode(line)
    except (ValueError, RecursionError):
        raise InvalidRequest("the row is no JSON", fix=_FIX) from None
    if not isinstance(value, dict):
        raise InvalidRequest("the row is no JSON object", fix=_FIX)
    return value


def _whole(digits: str) -> int | float:
    """A whole number; one that Python makes no int of is infinite."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


_DECODER = json.JSONDecoder(parse_int=_whole)  # made once: it costs as much as reading a row


def _texts(context: Any) -> tuple[str, ...]:
    """What a row gives as context: a text, or a list in which null stands for nothing."""
    if context is None or isinstance(context, str):
        return (context,) if context else ()
    return tuple(str(item) for item in context if item is not None)


def _check(name: str, value: Any) -> None:
    allowed: Callable[[Any], bool] = _OPTIONAL.get(name, lambda given: isinstance(given, str))
    if not allowed(value):
        raise InvalidRequest(f"{name!r} of the row is {_TYPES[type(value)]}", where=name, fix=_FIX)


def _is_texts(value: Any) -> bool:
    if isinstance(value, list):
        return all(
            item is None or (isinstance(item, str | int | float) and not isinstance(item, bool))
            for item in value
        )
    return value is None or isinstance(value, str)


def _is_optional(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_id(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)


_OPTIONAL: dict[str, Callable[[Any], bool]] = {
    "context": _is_texts,
    "system": _is_optional,
    "question": _is_optional,
    "id": _is_id,
}
_TYPES: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
