"""What only the DuckDB store asks of its tables: writing, packs, rollups, erasing.

A number of a span (`seq`) is unique, so sets of spans are named by their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zlib import crc32

from trimtab.stores.telemetry.queries import MAX_NS, ROLLUP_SUMS, Query, fill

_REACH_NS = 3_600_000_000_000


def last_numbers() -> Query:
    """The last number of a span and of a pack."""
    return Query(
        """SELECT greatest((SELECT coalesce(max(seq), 0) FROM spans),
                           (SELECT max(seq) FROM rollup_mark)),
                  (SELECT coalesce(max(id), 0) FROM packs)""",
        {},
    )


def trace_places(trace_id: str) -> Query:
    """Between which numbers the spans of a trace are; both NULL where there is none."""
    sql = "SELECT min(first_seq), max(last_seq) FROM trace_places WHERE mark = $mark"
    return Query(sql, {"mark": trace_mark(trace_id)})


def trace_mark(trace_id: str) -> int:
    return crc32(trace_id.encode())


def versions(trace_ids: Iterable[str], first_ns: int, last_ns: int) -> Query:
    """Stored versions of spans of these traces that started within an hour of the period.

    The same span sent again starts when it did, so most of the table is not looked at.
    """
    sql = """
        SELECT seq, project, trace_id, span_id, revision FROM spans
        WHERE trace_id IN (SELECT unnest($ids::VARCHAR[])) AND start_ns BETWEEN $first AND $last"""
    return Query(
        sql,
        {
            "ids": list(trace_ids),
            "first": max(first_ns - _REACH_NS, -MAX_NS),
            "last": min(last_ns + _REACH_NS, MAX_NS),
        },
    )


def heartbeat(now_ns: int) -> Query:
    return Query("UPDATE heartbeat SET time_ns = $now WHERE id = 1", {"now": now_ns})


# -- packs -------------------------------------------------------------------------------------


def packs_by_id(ids: Iterable[int]) -> Query:
    """Id, and where its lines are: the pack that has a file, and from which byte on."""
    sql = """
        SELECT id, coalesce(parent, id), base FROM packs
        WHERE id IN (SELECT unnest($ids::BIGINT[]))"""
    return Query(sql, {"ids": list(ids)})


def extents(ids: Iterable[int]) -> Query:
    """Id and extent of the packs that have a file, as they lie there."""
    sql = """
        SELECT id, file, at_byte, length FROM packs
        WHERE id IN (SELECT unnest($ids::BIGINT[])) AND file IS NOT NULL
        ORDER BY file, at_byte"""
    return Query(sql, {"ids": list(ids)})


def extents_of_file(file: int) -> Query:
    return Query("SELECT id, file, at_byte, length FROM packs WHERE file = $file", {"file": file})


def last_extent() -> Query:
    """The last file and its last byte in use; no row without a pack."""
    return Query(
        """SELECT file, max(at_byte + length) FROM packs
        WHERE file = (SELECT max(file) FROM packs) GROUP BY file""",
        {},
    )


def last_bytes() -> Query:
    """The last byte in use of every file."""
    return Query(
        "SELECT file, max(at_byte + length) FROM packs WHERE file IS NOT NULL GROUP BY file", {}
    )


def spans_beyond(file: int, end: int) -> Query:
    """How many spans have their lines in packs that reach beyond a byte of a file."""
    sql = """
        WITH lost AS (SELECT id FROM packs WHERE file = $file AND at_byte + length > $end)
        SELECT count(*) FROM spans WHERE pack IN (
            SELECT id FROM packs WHERE id IN (FROM lost) OR parent IN (FROM lost))"""
    return Query(sql, {"file": file, "end": end})


def live_bytes() -> Query:
    """Bytes in use by file."""
    return Query("SELECT file, sum(length) FROM packs WHERE file IS NOT NULL GROUP BY file", {})


def move_pack(number: int, file: int, at_byte: int, length: int) -> Query:
    sql = "UPDATE packs SET file = $file, at_byte = $at, length = $length WHERE id = $id"
    return Query(sql, {"id": number, "file": file, "at": at_byte, "length": length})


def small_packs(below_bytes: int) -> Query:
    sql = """
        SELECT id, raw_bytes, file, at_byte, length FROM packs
        WHERE file IS NOT NULL AND raw_bytes < $below ORDER BY id"""
    return Query(sql, {"below": below_bytes})


def count_small_packs(below_bytes: int) -> Query:
    sql = "SELECT count(*) FROM packs WHERE file IS NOT NULL AND raw_bytes < $below"
    return Query(sql, {"below": below_bytes})


def make_stale(seqs: Sequence[int]) -> Query:
    sql = """
        INSERT INTO stale SELECT project, trace_id, pack, place, size FROM spans
        WHERE seq IN (SELECT unnest($seqs::BIGINT[]))"""
    return Query(sql, {"seqs": list(seqs)})


def stale_of(project: str, trace_ids: Iterable[str]) -> Query:
    sql = """
        SELECT pack, place, size FROM stale WHERE project = $project
        AND trace_id IN (SELECT unnest($ids::VARCHAR[]))"""
    return Query(sql, {"project": project, "ids": list(trace_ids)})


def delete_stale(project: str, trace_ids: Iterable[str]) -> Query:
    sql = """
        DELETE FROM stale WHERE project = $project
        AND trace_id IN (SELECT unnest($ids::VARCHAR[]))"""
    return Query(sql, {"project": project, "ids": list(trace_ids)})


def delete_packs(ids: Iterable[int]) -> Query:
    sql = "DELETE FROM packs WHERE id IN (SELECT unnest($ids::BIGINT[]))"
    return Query(sql, {"ids": list(ids)})


def delete_unused_packs(ids: Iterable[int]) -> Query:
    """Of these packs those that hold no span, themselves or for another."""
    sql = """
        DELETE FROM packs WHERE id IN (SELECT unnest($ids::BIGINT[]))
        AND id NOT IN (SELECT pack FROM spans WHERE pack IN (SELECT unnest($ids::BIGINT[])))
        AND id NOT IN (SELECT parent FROM packs WHERE parent IN (SELECT unnest($ids::BIGINT[])))"""
    return Query(sql, {"ids": list(ids)})


# -- rollups -----------------------------------------------------------------------------------


def add_rollups(first_seq: int, last_seq: int) -> Query:
    """Sums of the spans after `first_seq` up to `last_seq`."""
    sql = """
        INSERT INTO rollups SELECT project, start_ns // 3600000000000 AS hour, {sums} FROM spans
        WHERE seq > $first AND seq <= $last AND run IS NULL GROUP BY ALL"""
    return Query(fill(sql, sums=ROLLUP_SUMS), {"first": first_seq, "last": last_seq})


def take_from_rollups(seqs: Sequence[int]) -> Query:
    """What these spans added, as rows with the opposite sign."""
    sql = """
        INSERT INTO rollups SELECT project, hour, bucket, -spans, -roots, -errors, -unpriced,
            -input_tokens, -output_tokens, -cost_usd
        FROM (SELECT project, start_ns // 3600000000000 AS hour, {sums} FROM spans
            WHERE seq IN (SELECT unnest($seqs::BIGINT[])) AND run IS NULL
            AND seq <= (SELECT seq FROM rollup_mark) GROUP BY ALL)"""
    return Query(fill(sql, sums=ROLLUP_SUMS), {"seqs": list(seqs)})


def put_into_rollups(seqs: Sequence[int]) -> Query:
    """The opposite of `take_from_rollups`, after the spans have changed."""
    sql = """
        INSERT INTO rollups SELECT project, start_ns // 3600000000000 AS hour, {sums} FROM spans
        WHERE seq IN (SELECT unnest($seqs::BIGINT[])) AND run IS NULL
        AND seq <= (SELECT seq FROM rollup_mark) GROUP BY ALL"""
    return Query(fill(sql, sums=ROLLUP_SUMS), {"seqs": list(seqs)})


def rollup_mark() -> Query:
    return Query("SELECT max(seq) FROM rollup_mark", {})


def set_rollup_mark(seq: int) -> Query:
    return Query("UPDATE rollup_mark SET seq = $seq", {"seq": seq})


def merge_rollups() -> list[Query]:
    """One row for each project, hour and bucket."""
    merged = """
        CREATE OR REPLACE TEMP TABLE merged AS
        SELECT project, hour, bucket, sum(spans), sum(roots), sum(errors), sum(unpriced),
            sum(input_tokens), sum(output_tokens), sum(cost_usd)
        FROM rollups GROUP BY project, hour, bucket HAVING sum(spans) <> 0
        ORDER BY project, hour, bucket"""
    return [
        Query(merged, {}),
        Query("DELETE FROM rollups", {}),
        Query("INSERT INTO rollups FROM merged", {}),
        Query("DROP TABLE merged", {}),
    ]


# -- erasing and pricing -----------------------------------------------------------------------


def spans_by_seq(seqs: Sequence[int]) -> Query:
    sql = """
        SELECT seq, project, trace_id, span_id, pack, place, size FROM spans
        WHERE seq IN (SELECT unnest($seqs::BIGINT[]))"""
    return Query(sql, {"seqs": list(seqs)})


def delete_spans(seqs: Sequence[int]) -> Query:
    sql = "DELETE FROM spans WHERE seq IN (SELECT unnest($seqs::BIGINT[]))"
    return Query(sql, {"seqs": list(seqs)})


def seqs_of_calls(project: str, span_ids: Sequence[str]) -> Query:
    sql = """
        SELECT seq, trace_id, span_id FROM spans
        WHERE project = $project AND span_id IN (SELECT unnest($ids::VARCHAR[]))"""
    return Query(sql, {"project": project, "ids": list(span_ids)})


_REFS = """
    SELECT DISTINCT r.digest FROM blob_refs AS r JOIN (
        SELECT unnest($projects::VARCHAR[]) AS project, unnest($traces::VARCHAR[]) AS trace_id,
            unnest($spans::VARCHAR[]) AS span_id
    ) AS gone USING (project, trace_id, span_id)"""


def blobs_of(identities: Sequence[tuple[str, str, str]]) -> Query:
    """Digests of the blobs that these spans need."""
    return Query(_REFS, _identities(identities))


def delete_blob_refs(identities: Sequence[tuple[str, str, str]]) -> Query:
    sql = """
        DELETE FROM blob_refs USING (
            SELECT unnest($projects::VARCHAR[]) AS project, unnest($traces::VARCHAR[]) AS trace_id,
                unnest($spans::VARCHAR[]) AS span_id
        ) AS gone
        WHERE blob_refs.project = gone.project AND blob_refs.trace_id = gone.trace_id
            AND blob_refs.span_id = gone.span_id"""
    return Query(sql, _identities(identities))


def still_referenced(digests: Sequence[str]) -> Query:
    sql = """
        SELECT DISTINCT digest FROM blob_refs
        WHERE digest IN (SELECT unnest($digests::VARCHAR[]))"""
    return Query(sql, {"digests": list(digests)})


def _identities(identities: Sequence[tuple[str, str, str]]) -> dict[str, list[str]]:
    return {
        "projects": [project for project, _, _ in identities],
        "traces": [trace_id for _, trace_id, _ in identities],
        "spans": [span_id for _, _, span_id in identities],
    }
