"""Search of what only payloads hold: text that was said, and raw attributes.

Packs of the period are decompressed one after the other and searched as bytes; only lines that may
match are read. Numbers of the spans that do match come back. Letters match whatever their case.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb

from trimtab.errors import StoreError
from trimtab.kit import jsonx
from trimtab.records import Condition
from trimtab.stores.telemetry.duckdb import packs, statements
from trimtab.stores.telemetry.duckdb.connection import execute, fetch
from trimtab.stores.telemetry.duckdb.files import Extent, PackFiles
from trimtab.stores.telemetry.filters import Where, number, text_of_value
from trimtab.stores.telemetry.queries import Query, fill
from trimtab.stores.telemetry.rows import PAYLOAD_FIELDS

_log = logging.getLogger("trimtab.telemetry")

_PORTION = 20_000
_LIFTED = b'"]]]'  # how a line ends that left a value to the blob store
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda mine, theirs: mine > theirs,
    ">=": lambda mine, theirs: mine >= theirs,
    "<": lambda mine, theirs: mine < theirs,
    "<=": lambda mine, theirs: mine <= theirs,
}

Payload = list[Any]
# seq, pack, place, size, name, error
_Candidate = tuple[int, int, int, int, str, str | None]


class PayloadSearch:
    """Answers conditions on payloads, over the spans of a project in a period.

    Args:
        cursor: for the candidates; the packs are read through another one.
        blob: a value of the blob store by its digest.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        files: PackFiles,
        blob: Callable[[str], bytes],
        *,
        project: str,
        since: int | None,
        until: int | None = None,
    ) -> None:
        self._cursor = cursor
        self._files = files
        self._blob = blob
        self._where = Where()
        self._where.equal("project", project)
        self._where.compare("start_ns", ">=", "since", since)
        self._where.compare("start_ns", "<", "until", until)

    def __call__(self, where: Where, condition: Condition) -> str:
        """The condition that a span is one of those that meet it."""
        return where.numbered(self.matches(condition))

    def matches(self, condition: Condition) -> list[int]:
        """Numbers of the spans that meet a condition on text or attributes."""
        test = _Text(condition) if condition.field == "text" else _Attribute(condition)
        return [seq for portion in self._portions() for seq in self._search(portion, test)]

    def _portions(self) -> Iterator[list[_Candidate]]:
        sql = """
            SELECT seq, pack, place, size, name, error FROM spans WHERE {where} ORDER BY pack"""
        query = Query(fill(sql, where=self._where.text), self._where.parameters)
        with self._cursor.cursor() as own:
            own.execute("USE telemetry")
            execute(own, query)
            while portion := own.fetchmany(_PORTION):
                yield portion

    def _search(self, portion: Sequence[_Candidate], test: _Text | _Attribute) -> Iterator[int]:
        by_pack = {pack: list(found) for pack, found in groupby(portion, key=itemgetter(1))}
        for pack, raw, base in open_packs(self._cursor, self._files, list(by_pack)):
            window = test.prepared(raw or b"")
            hopeful = window.any
            for seq, _, place, size, name, error in by_pack[pack]:
                start, end = base + place, base + place + size
                if test.named(name, error):
                    yield seq
                    continue
                if raw is None or not (
                    (hopeful and window.has(start, end)) or raw[end - 4 : end] == _LIFTED
                ):
                    continue
                if self._holds(raw[start:end], test):
                    yield seq

    def _holds(self, body: bytes, test: _Text | _Attribute) -> bool:
        try:
            return test.holds(packs.read(body, self._blob, fields=len(PAYLOAD_FIELDS)))
        except StoreError as error:
            _log.error("a payload cannot be searched: %s", error)
            return False


def open_packs(
    cursor: duckdb.DuckDBPyConnection, files: PackFiles, ids: Sequence[int]
) -> Iterator[tuple[int, bytes | None, int]]:
    """Each pack with the decompressed bytes it is in, and where it begins there.

    None instead of the bytes of a pack that is damaged or missing, which the log names.
    """
    if not ids:
        return
    homes: dict[int, list[tuple[int, int]]] = {}
    for pack, home, base in fetch(cursor, statements.packs_by_id(ids)):
        homes.setdefault(home, []).append((pack, base))
    for home, *at in fetch(cursor, statements.extents(homes)):
        raw: bytes | None = None
        try:
            raw = files.unpacked(Extent(*at))
        except StoreError as error:
            _log.error("payloads cannot be read: %s", error)
        for pack, base in homes[home]:
            yield pack, raw, base


class _Window:
    """Where in a pack any of some byte strings can be found."""

    def __init__(self, raw: bytes, needles: Sequence[bytes]) -> None:
        self._raw = raw
        self._needles = [needle for needle in needles if needle in raw]
        self.any = bool(self._needles)

    def has(self, start: int, end: int) -> bool:
        return any(self._raw.find(needle, start, end) >= 0 for needle in self._needles)


class _Text:
    """Text in input, output, name or error."""

    def __init__(self, condition: Condition) -> None:
        self._texts = [text_of_value(value).lower() for value in condition.values]
        self._needles = [jsonx.encode(text)[1:-1] for text in self._texts]
        # Lower-casing bytes is right for ASCII and leaves other scripts alone; where those have
        # cases, lines are told apart by reading them.
        self._ascii = all(text.isascii() or text == text.upper() for text in self._texts)

    def prepared(self, raw: bytes) -> _Window:
        if self._ascii:
            return _Window(raw.lower(), self._needles)
        return _Window(raw, [b"["])

    def named(self, name: str, error: str | None) -> bool:
        said = f"{name}\n{error or ''}".lower()
        return any(text in said for text in self._texts)

    def holds(self, line: Payload) -> bool:
        said = jsonx.encode(line[:2]).decode().lower()
        return any(needle.decode() in said for needle in self._needles)


class _Attribute:
    """A raw attribute of the span or of its resource."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._key = condition.key or ""
        self._needle = jsonx.encode(self._key)

    def prepared(self, raw: bytes) -> _Window:
        return _Window(raw, [self._needle])

    def named(self, name: str, error: str | None) -> bool:
        del name, error  # not attributes
        return False

    def holds(self, line: Payload) -> bool:
        for entries in (line[2], line[5]):
            if self._key in entries:
                return self._compare(entries[self._key])
        return False

    def _compare(self, value: Any) -> bool:
        op, wanted = self._condition.op, self._condition.values
        if op == "exists":
            return value is not None
        text = value if isinstance(value, str) else jsonx.encode(value).decode()
        if op == "=":
            return text in {text_of_value(one) for one in wanted}
        if op == "contains":
            return any(text_of_value(one).lower() in text.lower() for one in wanted)
        mine = _as_number(value)
        return mine is not None and any(
            _SIGNS[op](mine, number(one)) for one in wanted if isinstance(one, int | Decimal)
        )


def _as_number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
