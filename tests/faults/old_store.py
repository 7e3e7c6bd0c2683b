"""A data directory as the first schema of telemetry left it."""

from __future__ import annotations

from pathlib import Path

import duckdb

from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.telemetry.duckdb.files import PackFiles
from trimtab.stores.telemetry.duckdb.schema import migrations, upgrade

SPANS = 3_000
LARGE = "x" * 70_000

_PAYLOADS = """
    INSERT INTO payloads
    SELECT n, md5(n::VARCHAR)::BLOB, to_json({'role': 'user', 'content': 'question ' || n})
    FROM range(1, $count + 1) AS r(n)
    UNION ALL SELECT 0, unhex($digest), NULL"""
_SPANS = """
    INSERT INTO spans (seq, identity, trace_id, span_id, project, name, kind, start_ns, end_ns,
        status, model, input_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, audio_input_tokens, output_tokens, reasoning_tokens,
        audio_output_tokens, usage_estimated, cost_usd, input_payloads, input_is_list,
        output_payloads, output_is_list, input_preview, output_preview, tags, attributes, events)
    SELECT n, uuid(), lpad((1 + n // 5)::VARCHAR, 32, '0'), lpad(n::VARCHAR, 16, '0'), 'default',
        'span ' || n, 'llm', 10 ** 18 + n, 10 ** 18 + n + 1, 'ok', 'model-a', 1, 2, 0, 0, 0, 3, 0,
        0, false, 0.5, [n], true,
        [CASE WHEN n % 100 = 0 THEN 0 ELSE n END], false, 'question', 'x', ['t'], '{"a":1}', '[]'
    FROM range(1, $count + 1) AS r(n)"""


def write_old_store(data: Path) -> None:
    """SPANS spans, of which each asks something else, and some were answered at length."""
    blobs = FileBlobs(data / "blobs")
    digest = blobs.put(f'"{LARGE}"'.encode())
    with duckdb.connect(str(data / "telemetry.duckdb")) as connection:
        first = migrations()[:1]
        upgrade(connection, first, place="old", blobs=blobs, files=PackFiles(data / "none"))
        connection.execute(_PAYLOADS, {"count": SPANS, "digest": digest})
        connection.execute(_SPANS, {"count": SPANS})
