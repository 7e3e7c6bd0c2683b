"""The short fields of a multipart form, found without copying the files between them.

Stricter than `trimtab.dialects.multipart`: whatever two readers could take differently is refused,
because what is admitted here must be what the provider reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from trimtab.errors import InvalidRequest

MAX_PARTS = 1_000
MAX_VALUE_BYTES = 64 << 10
"""Of a field; what is longer is no name of a model."""
_MAX_HEAD_BYTES = 8 << 10

_OPENING = re.compile(rb"[ \t]*\r\n")
_DISPOSITION = re.compile(rb"^content-disposition[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(
    rb';\s*(name|filename)(\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE
)


class Span(NamedTuple):
    """Where the value of a field lies in the body."""

    name: str
    start: int
    end: int


def spans(body: bytes, boundary: bytes) -> Iterator[Span]:
    """The fields that are not files, in order.

    Parts end at the boundary and nowhere else: a length that a part claims could hide the next one
    from us, but not from the provider.

    Raises:
        InvalidRequest: not a whole form, or a part whose name is missing or told twice.

    >>> body = b'--b\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--b--\\r\\n'
    >>> [(span.name, body[span.start : span.end]) for span in spans(body, b"b")]
    [('a', b'1')]
    """
    delimiter = b"\r\n--" + boundary
    if not body.startswith(delimiter[2:]):
        raise _torn("it does not begin with its boundary")
    at = len(delimiter) - 2
    for _ in range(MAX_PARTS):
        if body.startswith(b"--", at):
            return
        opening = _OPENING.match(body, at)
        end = body.find(delimiter, at)
        if opening is None or end < 0:
            raise _torn("it ends within a part")
        yield from _span(body, opening.end(), end)
        at = end + len(delimiter)
    raise _torn(f"it has more than {MAX_PARTS:,} parts")


def text_at(body: bytes, span: Span) -> str:
    """The value of a field. Raises InvalidRequest when it is not UTF-8."""
    try:
        return body[span.start : span.end].decode()
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"the form field {span.name!r} is not valid UTF-8",
            where=span.name,
            fix="encode the value as UTF-8",
        ) from None


def _span(body: bytes, start: int, end: int) -> Iterator[Span]:
    head_end = body.find(b"\r\n\r\n", start, min(end + 2, start + _MAX_HEAD_BYTES))
    if head_end < 0:
        raise _torn("a part has no head, or one that is too large")
    name, is_file = _disposition(body[start:head_end])
    begin = min(head_end + 4, end)
    if name == "model" and (is_file or end - begin > MAX_VALUE_BYTES):
        raise InvalidRequest("the form field 'model' is no name", where="model", fix="send text")
    if not is_file and end - begin <= MAX_VALUE_BYTES:
        yield Span(name, begin, end)


def _disposition(head: bytes) -> tuple[str, bool]:
    """The name of a part, and whether it is a file."""
    said = _DISPOSITION.findall(head)
    if len(said) != 1:
        raise _torn("a part has no Content-Disposition, or two")
    names, is_file = [], False
    for kind, extended, quoted, plain in _PARAMETER.findall(said[0]):
        if kind.lower() == b"filename":
            is_file = True
        elif extended:
            raise _torn("a part has a name in the extended notation (RFC 7578 forbids it)")
        else:
            names.append(quoted or plain)
    if len(names) != 1:
        raise _torn("a part has no name, or two")
    return names[0].decode("utf-8", "replace"), is_file


def _torn(what: str) -> InvalidRequest:
    return InvalidRequest(
        f"the form cannot be read: {what}",
        where="$",
        fix="send a whole multipart/form-data body, from `--BOUNDARY` to `--BOUNDARY--`",
    )
