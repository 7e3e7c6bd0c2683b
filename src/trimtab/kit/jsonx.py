"""JSON at the edge: bytes to values once, with errors that say where and what.

Rejects what would break later: invalid UTF-8, lone surrogates, nesting past the limit. Never raises
anything but `InvalidRequest` for bad input.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from typing import Any, TypeVar, overload

import msgspec

from trimtab.errors import InvalidRequest

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
T = TypeVar("T")

MAX_DEPTH = 100
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF_PAIR = re.compile(_HIGH + rb"(?!" + _LOW + rb")|(?<!\\u[dD][89abAB]..)" + _LOW)
_PATH = re.compile(r" - at `(\$[^`]*)`$")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPEN = ord("[")
_USUAL_DEPTH = 12
_SQUARE = bytes.maketrans(b"{}", b"[]")

encode = msgspec.json.Encoder(decimal_format="string").encode


@overload
def decode(data: bytes, type: type[T], *, what: str = ...) -> T: ...
@overload
def decode(data: bytes, *, what: str = ...) -> Any: ...


def decode(data: bytes, type: Any = Any, *, what: str = "the request body") -> Any:
    """Decode JSON bytes into `type`.

    Args:
        data: UTF-8 JSON.
        type: anything msgspec can decode into; the default keeps plain values.
        what: the name of the thing decoded, for the error.
    Raises:
        InvalidRequest: not JSON, not UTF-8, nested deeper than `MAX_DEPTH`, or not of `type`;
            `where` is the JSON path.

    >>> decode(b'{"n": 1}', dict[str, int])
    {'n': 1}
    """
    _check_text(data, what)
    try:
        return _decoder(type)(data)
    except msgspec.ValidationError as error:
        text, where = reason(error)
        raise InvalidRequest(
            f"{what} has a wrong value: {text}",
            where=where,
            fix="send the type the API reference names (GET /api/v1/openapi.json)",
        ) from None
    except (msgspec.DecodeError, RecursionError) as error:
        cause = str(error)
        # An escaped backslash escapes nothing: what follows it is text.
        if half := _HALF_PAIR.search(data.replace(b"\\\\", b"  ")):
            cause = f"{half[0].decode()} is half of a surrogate pair, which is no character"
        raise InvalidRequest(
            f"{what} is not valid JSON: {cause}", fix="send one JSON value, encoded as UTF-8"
        ) from None


@cache
def _decoder(type: Any) -> Callable[[bytes], Any]:
    """Made once for a type: they are those of the code, so their number is bounded."""
    return msgspec.json.Decoder(type).decode


def reason(error: msgspec.DecodeError | RecursionError) -> tuple[str, str]:
    """What msgspec says is wrong, and the JSON path of it (`$` when it names none).

    >>> try:
    ...     msgspec.json.decode(b'{"n": ["x"]}', type=dict[str, list[int]])
    ... except msgspec.DecodeError as error:
    ...     reason(error)
    ('expected `int`, got `str`', '$[...][0]')
    """
    said = str(error)
    path = _PATH.search(said)
    text = said[: path.start()] if path else said
    return f"{text[:1].lower()}{text[1:]}", path[1] if path else "$"


def _check_text(data: bytes, what: str) -> None:
    """Refuse broken UTF-8 and runaway nesting before the parser sees them."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"{what} is not valid UTF-8: byte 0x{data[error.start]:02x}",
            where=f"byte {error.start}",
            fix="encode the JSON as UTF-8",
        ) from None
    if _may_be_deep(data) and depth(data) > MAX_DEPTH:
        raise InvalidRequest(
            f"{what} is nested deeper than {MAX_DEPTH} levels", fix="send a flatter value"
        )


def depth(data: bytes) -> int:
    """Deepest nesting of arrays and objects in a JSON text, ignoring brackets inside strings.

    >>> depth(b'{"a": ["[[["]}')
    2
    """
    unescaped = data
    if b"\\" in data:
        unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    brackets = outside_strings.translate(_SQUARE, delete=_NOT_BRACKETS)
    # Taking away the innermost pairs, level by level, is far faster than counting them one by one,
    # as long as there are few levels.
    rest = brackets
    for level in range(_USUAL_DEPTH):
        if not rest:
            return level
        rest = rest.replace(b"[]", b"")
    return max(accumulate(1 if bracket == _OPEN else -1 for bracket in brackets), default=0)


def _may_be_deep(data: bytes) -> bool:
    """Whether there are more opening brackets than `MAX_DEPTH`, in strings or outside of them."""
    left = MAX_DEPTH
    for bracket in b"[{":
        place = data.find(bracket)
        while place >= 0:
            if not left:
                return True
            left -= 1
            place = data.find(bracket, place + 1)
    return False
