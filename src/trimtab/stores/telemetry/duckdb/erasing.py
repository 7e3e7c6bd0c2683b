"""Taking spans out: their rows, their share of rollups, their lines in packs, their blobs.

A pack that loses lines is written anew without them and its old bytes are garbage; a pack without
spans is garbage as a whole. It all happens inside a transaction that the caller begins and ends;
garbage is overwritten afterwards, by `PackFiles.wipe`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import duckdb

from trimtab.errors import StoreError
from trimtab.stores.telemetry.duckdb import packs, statements
from trimtab.stores.telemetry.duckdb.connection import execute, fetch
from trimtab.stores.telemetry.duckdb.files import Extent, PackFiles
from trimtab.stores.telemetry.rows import Row

_log = logging.getLogger("trimtab.telemetry")

_Lines = dict[int, list[tuple[int, int]]]


class Taken(NamedTuple):
    """What was taken out; `unreferenced` are blobs that nothing needs any more, `files` those
    pack files that hold garbage now."""

    spans: int
    payload_bytes: int
    unreferenced: list[str]
    files: set[int]


def take_out(connection: duckdb.DuckDBPyConnection, seqs: Sequence[int], files: PackFiles) -> Taken:
    """Remove spans of one project by their numbers, and what earlier versions of them left."""
    found = fetch(connection, statements.spans_by_seq(seqs))
    if not found:
        return Taken(0, 0, [], set())
    project, traces = found[0][1], {row[2] for row in found}
    lines: _Lines = defaultdict(list)
    for *_, pack, place, size in found:
        lines[pack].append((place, size))
    for pack, place, size in fetch(connection, statements.stale_of(project, traces)):
        lines[pack].append((place, size))
    _remove_rows(connection, seqs)
    execute(connection, statements.delete_stale(project, traces))
    return Taken(
        spans=len(found),
        payload_bytes=sum(size for *_, size in found),
        unreferenced=_unreferenced(connection, found),
        files=_blank(connection, lines, files),
    )


def replace(connection: duckdb.DuckDBPyConnection, seqs: Sequence[int]) -> list[str]:
    """Remove versions of spans of which newer ones come; blobs that nothing needs any more.

    Their lines stay until the spans are erased: writing packs anew for each would be dear.
    """
    found = fetch(connection, statements.spans_by_seq(seqs))
    execute(connection, statements.make_stale(seqs))
    _remove_rows(connection, seqs)
    return _unreferenced(connection, found)


def unneeded(connection: duckdb.DuckDBPyConnection, blobs: Sequence[str]) -> list[str]:
    """Those of some blobs that no span refers to."""
    if not blobs:
        return []
    needed = {digest for (digest,) in fetch(connection, statements.still_referenced(blobs))}
    return [digest for digest in blobs if digest not in needed]


def _remove_rows(connection: duckdb.DuckDBPyConnection, seqs: Sequence[int]) -> None:
    execute(connection, statements.take_from_rollups(seqs))
    execute(connection, statements.delete_spans(seqs))


def _unreferenced(connection: duckdb.DuckDBPyConnection, found: Sequence[Row]) -> list[str]:
    identities = [(row[1], row[2], row[3]) for row in found]
    blobs = [digest for (digest,) in fetch(connection, statements.blobs_of(identities))]
    if not blobs:
        return []
    execute(connection, statements.delete_blob_refs(identities))
    return unneeded(connection, blobs)


def _blank(connection: duckdb.DuckDBPyConnection, lines: _Lines, files: PackFiles) -> set[int]:
    """Drop packs that hold nothing else, and write the others anew; the files with garbage."""
    homes = {pack: (home, base) for pack, home, base in _homes(connection, lines)}
    numbers = {home for home, _ in homes.values()}
    before = {row[0]: Extent(*row[1:]) for row in fetch(connection, statements.extents(numbers))}
    for candidates in (list(lines), list(numbers)):
        execute(connection, statements.delete_unused_packs(candidates))
    erased: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pack, places in lines.items():
        home, base = homes[pack]
        erased[home] += [(base + place, size) for place, size in places]
    # One at a time: a pack is a megabyte once it is decompressed.
    for home, *at in fetch(connection, statements.extents(numbers)):
        try:
            raw = packs.blank(files.unpacked(Extent(*at)), erased[home])
        except StoreError as error:
            # Damage cannot be told apart: what is erased goes, and with it what was lost anyway.
            _log.error("a damaged pack is given up: %s", error)
            moved = Extent(at[0], at[1], 0)
        else:
            [moved] = files.append([packs.compress(raw)])
        execute(connection, statements.move_pack(home, *moved))
    return {extent.file for extent in before.values()}


def _homes(connection: duckdb.DuckDBPyConnection, ids: Iterable[int]) -> list[tuple[int, int, int]]:
    return fetch(connection, statements.packs_by_id(ids))
