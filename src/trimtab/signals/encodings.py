"""Encodings that a text may hide in: what each looks like, and how it is undone.

A `Code` undoes one run of characters and says, for each character made, which part of the run it
came from. Nothing is executed; what is no text comes out as None.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

Spans = list[tuple[int, int]]


class Code(NamedTuple):
    """One encoding.

    Args:
        pattern: for RE2, of a run.
        units: how many characters say a whole number of bytes: a run that was cut may begin at any
            of them.
        undo: the bytes of a run; None where it is none.
        places: for each byte, its part of the run.
    """

    pattern: str
    units: int
    undo: Callable[[str], bytes | None]
    places: Callable[[str], Spans]


_SIXTY_FOUR = "[A-Za-z0-9+/_-]"
_BASE64 = (
    rf"(?:(?:{_SIXTY_FOUR}{{20,100}}[ \t]{{0,4}}\r?\n[ \t]{{0,4}})+{_SIXTY_FOUR}{{2,}}"
    rf"|{_SIXTY_FOUR}{{16,}})={{0,2}}"
)
_HEX = r"\b(?:0x)?[0-9A-Fa-f]{2}(?:(?:[ :,]|, )?(?:0x|\\x)?[0-9A-Fa-f]{2}){8,}"
_BASE32 = r"[A-Z2-7]{24,}={0,6}"
_BINARY = r"[01]{8}(?:[ ,]?[01]{8}){7,}"
_LETTER = "(?:1[01][0-9]|12[0-6]|[1-9][0-9])"
_DECIMAL = rf"{_LETTER}(?:(?:, ?|[ ;]){_LETTER}){{9,}}\b"
_OCTETS = re.compile(r"(?:0x|\\x)?([0-9A-Fa-f]{2})")
_BITS = re.compile("[01]{8}")
_NUMBERS = re.compile("[0-9]+")
_URL_SAFE = str.maketrans("-_", "+/")
_SPACE = re.compile(r"\s+")
_SPACED = str.maketrans(":,", "  ")


def _base64(run: str) -> bytes | None:
    code = run if run.isalnum() else _SPACE.sub("", run).rstrip("=").translate(_URL_SAFE)
    code = code[: len(code) - 1] if len(code) % 4 == 1 else code
    try:
        return binascii.a2b_base64(code + "=" * (-len(code) % 4))
    except binascii.Error:
        return None


def _base32(run: str) -> bytes | None:
    code = run.rstrip("=")
    code = code[: len(code) - {1: 1, 3: 1, 6: 1}.get(len(code) % 8, 0)]
    return base64.b32decode(code + "=" * (-len(code) % 8))


def _packed(bits: int) -> Callable[[str], Spans]:
    """Places of bytes where each character of a run says so many bits."""

    def places(run: str) -> Spans:
        at = [place for place, char in enumerate(run) if not char.isspace() and char != "="]
        count = len(at) * bits // 8
        return [
            (at[8 * byte // bits], at[min(-(-8 * (byte + 1) // bits), len(at)) - 1] + 1)
            for byte in range(count)
        ]

    return places


def _hexadecimal(run: str) -> bytes | None:
    try:
        return bytes.fromhex(run.translate(_SPACED))
    except ValueError:  # marks before the pairs, or half of one
        return bytes.fromhex("".join(_OCTETS.findall(run)))


def _spans_of(pattern: re.Pattern[str]) -> Callable[[str], Spans]:
    return lambda run: [found.span() for found in pattern.finditer(run)]


def _binary(run: str) -> bytes | None:
    return bytes(int(bits, 2) for bits in _BITS.findall(run))


def _decimal(run: str) -> bytes | None:
    return bytes(map(int, _NUMBERS.findall(run)))


CODES = (
    Code(_HEX, 2, _hexadecimal, _spans_of(_OCTETS)),
    Code(_BASE64, 4, _base64, _packed(6)),
    Code(_BASE32, 8, _base32, _packed(5)),
    Code(_BINARY, 8, _binary, _spans_of(_BITS)),
    Code(_DECIMAL, 1, _decimal, _spans_of(_NUMBERS)),
)

ESCAPE = (
    r"(?:%[0-9A-Fa-f]{2})+|(?:\\x[0-9A-Fa-f]{2})+|(?:\\u[0-9A-Fa-f]{4}|\\u\{[0-9A-Fa-f]{1,6}\})+"
    r"|&#?[0-9A-Za-z]{2,16};|(?:=[0-9A-F]{2})+|=\r?\n|(?:\\[0-7]{3})+|(?:%u[0-9A-Fa-f]{4})+"
)
"""One escaped character or a row of them: of URLs, of source code, of HTML, of MIME."""

_LONG = re.compile(r"[\\%]u(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{4}))")
_OCTAL = re.compile(r"\\([0-7]{3})")


def unescaped(row: str) -> Iterator[tuple[str, int, int]]:
    """The characters of a row of escapes, each with its place in the row; what is none, as it is.

    >>> list(unescaped("%41%42")), list(unescaped("&amp;"))
    ([('A', 0, 3), ('B', 3, 6)], [('&', 0, 5)])
    """
    head = row[:2]
    if head[0] == "&":
        yield from ((char, 0, len(row)) for char in _entity(row))
    elif head in {"\\u", "%u"}:
        found = [(int(one[1] or one[2], 16), *one.span()) for one in _LONG.finditer(row)]
        yield from _units(found)
    elif head[0] == "=" and row[1] in "\r\n":
        return
    elif head[0] == "\\" and head[1] != "x":
        octets = [(int(one[1], 8) & 0xFF, *one.span()) for one in _OCTAL.finditer(row)]
        yield from in_utf8(bytes(one[0] for one in octets), [one[1:] for one in octets])
    else:
        width = 4 if head[0] == "\\" else 3
        starts = range(0, len(row) - width + 1, width)
        data = bytes(int(row[at + width - 2 : at + width], 16) for at in starts)
        yield from in_utf8(data, [(at, at + width) for at in starts])


@lru_cache(maxsize=1_024)
def _entity(row: str) -> str:
    return html.unescape(row)


def _units(found: list[tuple[int, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Characters of UTF-16 code units, two of which may make one."""
    at = 0
    while at < len(found):
        code, start, end = found[at]
        at += 1
        if 0xD800 <= code < 0xDC00 and at < len(found) and 0xDC00 <= found[at][0] < 0xE000:
            code = 0x10000 + ((code - 0xD800) << 10) + found[at][0] - 0xDC00
            end = found[at][2]
            at += 1
        is_char = code < 0x110000 and not 0xD800 <= code < 0xE000
        yield chr(code) if is_char else "\ufffd", start, end


def is_utf8(data: bytes) -> bool:
    """Whether bytes are a text."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def in_utf8(data: bytes, places: Spans) -> Iterator[tuple[str, int, int]]:
    """The characters of bytes, each with the places of its first and last byte."""
    text = data.decode("utf-8", "replace")
    if len(text) == len(data):
        yield from ((char, *place) for char, place in zip(text, places, strict=True))
        return
    at = 0
    for char in text:
        size = 1 if char == "\ufffd" else len(char.encode())
        last = min(at + size, len(places)) - 1
        if at > last:
            return
        yield char, places[at][0], places[last][1]
        at += size


def wide(data: bytes) -> str | None:
    """The codec of bytes that are UTF-16: by the mark they begin with, or a null in every pair.

    >>> wide("password".encode("utf-16-le")), wide(b"password")
    ('utf-16-le', None)
    """
    if data[:2] in _WIDE_MARKS:
        return _WIDE_MARKS[data[:2]]
    if 0 not in data:
        return None
    pairs = len(data) // 2
    if pairs >= _LEAST_PAIRS:
        first, second = data[0::2].count(0), data[1::2].count(0)
        if first == 0 and second >= _MOST_OF * pairs:
            return "utf-16-le"
        if second == 0 and first >= _MOST_OF * pairs:
            return "utf-16-be"
    return None


_LEAST_PAIRS, _MOST_OF = 4, 0.8
_WIDE_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def in_utf16(data: bytes, places: Spans, codec: str) -> Iterator[tuple[str, int, int]]:
    """The characters of bytes, as `in_utf8`."""
    at = 0
    for char in data[: len(data) // 2 * 2].decode(codec, "replace"):
        last = at + (4 if char > "\uffff" else 2) - 1
        if last >= len(places):
            return
        yield char, places[at][0], places[last][1]
        at = last + 1
