"""Usual requests, read line by line from what was read before.

A client says most of its lines again and again, so looking a line up costs a tenth of reading it.
Only plain requests that came in one piece are read here, with a grammar that is a part of that of
`server_reader`; of anything else this reader says nothing, and the other one decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from trimtab.kit.http1.server_limits import FIELD_BYTES, ServerLimits
from trimtab.kit.http1.server_request import Request

_Field = tuple[bytes, bytes]
_LINES = 1024  # as many lines are remembered
_LINE_BYTES = 160  # and none that is longer
_OPENING = re.compile(rb"(DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) (/[!-\"$-~]*) HTTP/1\.1")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_NEVER = re.compile(rb"(?!)")
# These change how a request is read, or what happens to its connection: the values read here.
_MEANT = {
    b"connection": re.compile(rb"keep-alive", re.IGNORECASE),
    b"content-length": re.compile(rb"[0-9]{1,15}"),
    b"expect": _NEVER,
    b"host": re.compile(rb".*"),
    b"transfer-encoding": _NEVER,
    b"upgrade": _NEVER,
}
_COUNTED = frozenset({b"content-length", b"host"})
# Not kept longer than needed.
_SECRET = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"x-api-key"})


class _Opening(NamedTuple):
    method: str
    path: str
    raw_path: bytes
    query: bytes


class QuickReader:
    """Reads plain requests for all connections of a server."""

    __slots__ = ("_fields", "_head_bytes", "_most_fields", "_openings", "_told")

    def __init__(self, limits: ServerLimits) -> None:
        self._head_bytes = limits.head_bytes
        self._most_fields = limits.fields
        self._openings: dict[bytes, _Opening] = {}
        self._fields: dict[bytes, _Field] = {}  # those that are only passed on
        self._told: dict[bytes, _Field] = {}  # those that are looked at

    def read(self, data: bytes, scope: Mapping[str, Any]) -> tuple[Request, int] | None:
        """The whole request that `data` begins with and its size, or None for the other reader."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = data[:end].split(b"\r\n")
        if len(lines) > self._most_fields or end + len(lines) * FIELD_BYTES > self._head_bytes:
            return None
        opening = self._openings.get(lines[0]) or self._opening(lines[0])
        if opening is None:
            return None
        headers = list(map(self._fields.get, lines))
        body_bytes = self._complete(headers, lines)
        start = end + 4
        if body_bytes is None or start + body_bytes > len(data):
            return None
        del headers[0]
        request = Request(
            {
                **scope,
                "http_version": "1.1",
                "method": opening[0],
                "path": opening[1],
                "raw_path": opening[2],
                "query_string": opening[3],
                "headers": headers,
            },
            keep_alive=True,
            expects=False,
            complete=True,
        )
        if body_bytes:
            request.add(data[start : start + body_bytes])
        return request, start + body_bytes

    def _complete(self, headers: list[_Field | None], lines: list[bytes]) -> int | None:
        """Fill in the fields that are not simply known; the size of the body."""
        at, hosts, body_bytes = 0, 0, None
        for _ in range(headers.count(None) - 1):
            at = headers.index(None, at + 1)
            field = self._told.get(lines[at]) or self._field(lines[at])
            if field is None:
                return None
            headers[at] = field
            if field[0] == b"host":
                hosts += 1
            elif field[0] == b"content-length":
                if body_bytes is not None:
                    return None
                body_bytes = int(field[1])
        return (body_bytes or 0) if hosts == 1 else None

    def _opening(self, line: bytes) -> _Opening | None:
        found = _OPENING.fullmatch(line)
        if found is None:
            return None
        path, _, query = found[2].partition(b"?")
        opening = _Opening(found[1].decode(), unquote(path.decode()), path, query)
        _keep(self._openings, line, opening)
        return opening

    def _field(self, line: bytes) -> _Field | None:
        found = _FIELD.fullmatch(line)
        if found is None:
            return None
        field = name, value = found[1].lower(), found[2].rstrip(b" \t")
        meant = _MEANT.get(name)
        if meant is not None and not meant.fullmatch(value):
            return None
        if name not in _SECRET:
            _keep(self._told if name in _COUNTED else self._fields, line, field)
        return field


def _keep(known: dict[bytes, Any], line: bytes, meaning: object) -> None:
    if len(line) <= _LINE_BYTES:
        if len(known) >= _LINES:
            known.clear()
        known[line] = meaning
