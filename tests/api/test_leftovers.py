"""Spans that a worker left in its spool, found by a server that has no such worker."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.serving import configured, served
from tests.stations.recording import span

from trimtab.kit import jsonx
from trimtab.records import Span
from trimtab.tracing.spool import Spool


async def left(directory: Path, spans: list[Span]) -> None:
    spool = Spool.open(directory)
    await spool.append([jsonx.encode(one) for one in spans])
    spool.close()


def test_what_a_worker_left_is_stored_and_counted_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    spans = [span() for _ in range(3)]
    asyncio.run(left(data / "spool-4", spans))
    for _ in range(2):
        with served(configured(data)) as server:
            found = {row["span_id"] for row in server.client.spans(limit=10)}
            assert found == {one.span_id for one in spans}
            assert server.app.telemetry.ping() is None
    asyncio.run(left(data / "spool-4", [span()]))
    with served(configured(data)) as server:
        assert server.client.get("/api/v1/spans/count")["count"] == 4


def test_a_spool_that_a_process_still_has_is_taken_when_it_is_let_go(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    asyncio.run(left(data / "spool-4", [span()]))
    held = Spool.open(data / "spool-4")
    with served(configured(data)) as server:
        assert server.client.get("/api/v1/spans/count")["count"] == 0
        held.close()
    with served(configured(data)) as server:
        assert server.client.get("/api/v1/spans/count")["count"] == 1
