"""multipart/form-data (RFC 7578) of a whole body: bytes in, named parts out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from trimtab.errors import InvalidRequest

_NAME = re.compile(rb'(?<![\w*])name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_LENGTH = re.compile(rb"^content-length:\s*(\d{1,15})\s*$", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^content-type:\s*([^\r\n]*?)\s*$", re.IGNORECASE | re.MULTILINE)


class Part(NamedTuple):
    """One part: its name ("" where it cannot be read), its media type and its bytes."""

    name: str
    media_type: str
    data: bytes


def boundary_of(content_type: str) -> bytes:
    """The boundary a content type names. Raises InvalidRequest when it is no multipart form."""
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_param("boundary")
    if message.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise InvalidRequest(
            "the body is not multipart/form-data with a boundary",
            where="content-type",
            fix="send `content-type: multipart/form-data; boundary=...`",
        )
    return boundary.encode("utf-8", "replace")


def parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """The parts in order.

    A part with a Content-Length ends there if the boundary follows, so its bytes may hold it too.

    Raises:
        InvalidRequest: the boundary never comes, or the last one, which ends the body, is missing.

    >>> body = b'--b\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--b--\\r\\n'
    >>> [(part.name, part.data) for part in parts(body, b"b")]
    [('a', b'1')]
    """
    closing = b"\r\n--" + boundary
    at = body.find(closing[2:])
    if at < 0:
        raise _torn("the body holds no part: the boundary that its content type names never comes")
    while True:
        start = at + len(closing) - 2
        if body.startswith(b"--", start):
            return
        part, end = _part(body, start, closing)
        if end < 0:
            raise _torn("the body ends within a part: its last boundary is missing")
        yield part
        at = end + 2


def _torn(what: str) -> InvalidRequest:
    return InvalidRequest(what, where="$", fix="send the whole form, up to `--BOUNDARY--`")


def _part(body: bytes, start: int, closing: bytes) -> tuple[Part, int]:
    """The part whose head begins here, and where it ends; -1 when it does not."""
    following = body.find(closing, start)
    head_end = body.find(b"\r\n\r\n", start)
    if head_end < 0 or 0 <= following < head_end:
        return Part("", "", body[start : max(start, following)]), following
    head, begin = body[start:head_end], head_end + 4
    name, media_type = _NAME.search(head), _TYPE.search(head)
    end = _end(body, begin, head, closing)
    part = Part(
        name[1].decode("utf-8", "replace") if name else "",
        media_type[1].decode("latin-1") if media_type else "text/plain",
        body[begin : max(begin, end)],
    )
    return part, end


def _end(body: bytes, begin: int, head: bytes, closing: bytes) -> int:
    length = _LENGTH.search(head)
    if length is not None:
        end = begin + int(length[1])
        if body.startswith(closing, end):
            return end
    return body.find(closing, begin - 2)  # Without data the boundary may follow the head at once.
