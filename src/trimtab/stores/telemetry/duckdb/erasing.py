"""Taking spans out: their rows, their share of rollups, their lines in packs, their blobs.

A line is overwritten where it lies and the pack compressed again; a pack without spans goes whole.
All of it happens inside a transaction that the caller begins and ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import duckdb

from trimtab.stores.telemetry.duckdb import packs, statements
from trimtab.stores.telemetry.duckdb.connection import execute, fetch


class Taken(NamedTuple):
    """What was taken out; `unreferenced` are blobs that nothing needs any more."""

    spans: int
    payload_bytes: int
    unreferenced: list[str]


def take_out(connection: duckdb.DuckDBPyConnection, seqs: Sequence[int]) -> Taken:
    """Remove spans by their numbers."""
    found = fetch(connection, statements.spans_by_seq(seqs))
    identities = [(trace_id, span_id) for _, _, trace_id, span_id, *_ in found]
    lines: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for *_, pack, place, size in found:
        lines[pack].append((place, size))
    execute(connection, statements.take_from_rollups(seqs))
    execute(connection, statements.delete_spans(seqs))
    _blank(connection, lines)
    blobs = [digest for (digest,) in fetch(connection, statements.blobs_of(identities))]
    execute(connection, statements.delete_blob_refs(identities))
    needed = {digest for (digest,) in fetch(connection, statements.still_referenced(blobs))}
    return Taken(
        spans=len(found),
        payload_bytes=sum(size for *_, size in found),
        unreferenced=[digest for digest in blobs if digest not in needed],
    )


def _blank(connection: duckdb.DuckDBPyConnection, lines: dict[int, list[tuple[int, int]]]) -> None:
    """Overwrite lines in their packs, after the packs that hold nothing else are gone."""
    homes = {pack: (home, base) for pack, home, base in _homes(connection, lines)}
    for candidates in (list(lines), [home for home, _ in homes.values()]):
        execute(connection, statements.delete_unused_packs(candidates))
    erased: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pack, places in lines.items():
        home, base = homes[pack]
        erased[home] += [(base + place, size) for place, size in places]
    # One at a time: a body is a megabyte once it is decompressed.
    for home, places in erased.items():
        for number, body in fetch(connection, statements.pack_bodies([home])):
            raw = packs.blank(packs.decompress(body), places)
            connection.execute(
                "UPDATE packs SET body = ? WHERE id = ?", [packs.compress(raw), number]
            )


def _homes(connection: duckdb.DuckDBPyConnection, ids: Iterable[int]) -> list[tuple[int, int, int]]:
    return fetch(connection, statements.packs_by_id(ids))
