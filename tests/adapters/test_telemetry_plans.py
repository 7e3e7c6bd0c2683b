"""How DuckDB goes about a question, where that decides how long it takes."""

from __future__ import annotations

import duckdb

from trimtab.ports.telemetry import SpanQuery
from trimtab.stores.telemetry import queries

COLUMNS = "project VARCHAR, trace_id VARCHAR, tags VARCHAR[], start_ns BIGINT"


def test_tags_are_counted_without_a_join() -> None:
    asked = queries.facet(SpanQuery(project="default"), "tag", 6, lambda *_: "true")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE spans ({COLUMNS})")
        found = connection.execute(f"EXPLAIN {asked.sql}", dict(asked.parameters)).fetchall()
    plan = str(found).casefold()
    assert "unnest" in plan
    assert "join" not in plan
