"""Values that no store keeps, made storable; what was done is told beside the value.

PostgreSQL and others refuse U+0000, and bytes that are no UTF-8 are no text at all. Such characters
become U+FFFD. The names of the repairs of a span stand in its attribute `trimtab.repaired`.
"""

from __future__ import annotations

import re
from typing import Any

from trimtab.dialects.otlp.outcome import Rejected

ATTRIBUTE = "trimtab.repaired"
MAX_NS = 2**63 - 1  # 2262-04-11, the last moment that fits 64 bits of nanoseconds
SALVAGED_BYTES = 16 * 1024 * 1024

# What is no character is marked with a NUL in front, so that decoding looks for one thing only.
MARK = "\0\ufdd0"
_NO_CHARACTER = re.compile("[\udc80-\udcff]+")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def storable(text: str, repairs: set[str]) -> str:
    """A text with a NUL in it, without; `repairs` gets what was wrong."""
    if MARK in text:
        repairs.add("encoding")
        text = text.replace(MARK, "\ufffd")
    if "\0" in text:
        repairs.add("nul")
        text = text.replace("\0", "\ufffd")
    return text


def marked(data: bytes) -> bytes:
    """Bytes of a text with `MARK` wherever they are not UTF-8.

    >>> marked(b"a\\xff\\xfeb").decode() == "a" + MARK + "b"
    True
    """
    return _NO_CHARACTER.sub(MARK, data.decode("utf-8", "surrogateescape")).encode()


def marked_json(data: bytes) -> bytes:
    """JSON with `MARK` for what is not UTF-8 and for every half of a surrogate pair.

    >>> marked_json(rb'"\\ud83d\\ude00 \\\\ud83d \\ud83d"')
    b'"\\\\ud83d\\\\ude00 \\\\\\\\ud83d \\\\u0000\\\\ufdd0"'
    """
    text = _NO_CHARACTER.sub(r"\\u0000\\ufdd0", data.decode("utf-8", "surrogateescape"))
    return _ESCAPE.sub(lambda found: rb"\u0000\ufdd0" if found[1] else found[0], text.encode())


def storable_times(start_ns: int, end_ns: int, repairs: set[str]) -> tuple[int, int]:
    """Times in order. A start that is not known is the end; an end before the start is the start.

    Raises:
        Rejected: past 2262, where nanoseconds no longer fit.
    """
    if max(start_ns, end_ns) > MAX_NS:
        raise Rejected("a time is after 2262-04-11, the last that can be stored")
    if start_ns <= 0:
        repairs.add("start_time")
        start_ns = max(end_ns, 0)
    if end_ns < start_ns:
        repairs.add("end_time")
        end_ns = start_ns
    return start_ns, end_ns


def parent(parent_id: str, span_id: str, repairs: set[str]) -> str | None:
    """The id of a parent; None for a root, for what is no id, and for a span under itself."""
    if not parent_id.strip("0"):
        return None
    if len(parent_id) != 16 or parent_id == span_id:
        repairs.add("parent_id")
        return None
    return parent_id


def flag(attributes: dict[str, Any], repairs: set[str]) -> None:
    """Note the repairs in the attributes and forget them."""
    attributes[ATTRIBUTE] = sorted(repairs)
    repairs.clear()
