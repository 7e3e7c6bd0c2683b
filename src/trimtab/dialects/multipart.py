"""multipart/form-data (RFC 7578) of a whole body: bytes in, named parts out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from trimtab.errors import InvalidRequest

_NAME = re.compile(rb'name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_LENGTH = re.compile(rb"^content-length:\s*(\d{1,15})\s*$", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^content-type:\s*([^\r\n]*?)\s*$", re.IGNORECASE | re.MULTILINE)


class Part(NamedTuple):
    """One part: its name, its media type and its bytes."""

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
    """The parts in order; what is malformed or torn off is left out.

    A part with a Content-Length ends there if the boundary follows, so its bytes may hold it too.

    >>> body = b'--b\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--b--\\r\\n'
    >>> [(part.name, part.data) for part in parts(body, b"b")]
    [('a', b'1')]
    """
    delimiter = b"--" + boundary
    at = body.find(delimiter)
    while at >= 0:
        start = at + len(delimiter)
        if body[start : start + 2] == b"--":
            return
        head_end = body.find(b"\r\n\r\n", start)
        if head_end < 0:
            return
        head, begin = body[start:head_end], head_end + 4
        end = _end(body, begin, head, b"\r\n" + delimiter)
        if end < 0:
            return
        if name := _NAME.search(head):
            media_type = _TYPE.search(head)
            yield Part(
                name[1].decode("utf-8", "replace"),
                media_type[1].decode("latin-1") if media_type else "text/plain",
                body[begin:end],
            )
        at = end + 2


def _end(body: bytes, begin: int, head: bytes, closing: bytes) -> int:
    length = _LENGTH.search(head)
    if length is not None:
        end = begin + int(length[1])
        if body.startswith(closing, end):
            return end
    return body.find(closing, begin)
