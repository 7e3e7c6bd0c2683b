"""SQL of users on a real store: what it may not reach, what it may not take, what it is told."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from threading import Thread

import duckdb
import pytest
from tests.services import clickhouse_database_of
from tests.waiting import until

from trimtab.errors import InvalidRequest, Overloaded
from trimtab.ports import Table, TelemetryStore
from trimtab.stores.blobs.files import FileBlobs
from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry
from trimtab.stores.telemetry.duckdb import DuckDBTelemetry
from trimtab.stores.telemetry.readonly_answer import ANSWER_BYTES
from trimtab.stores.telemetry.readonly_sql import checked
from trimtab.testing.telemetry import sample_score, sample_span

SPANS = 3_000
TIMEOUT_S = 1.0
CROSSED = "spans a, spans b, spans c, spans d"


@pytest.fixture(scope="module")
def duckdb_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBTelemetry]:
    place = tmp_path_factory.mktemp("sql")
    blobs = FileBlobs(place / "blobs")
    with closing(DuckDBTelemetry.open(place / "telemetry.duckdb", blobs=blobs)) as store:
        filled(store)
        yield store


def filled(store: TelemetryStore) -> None:
    spans = [
        sample_span(tags=("red",), metadata={} if n % 2 else {"plan": "pro"}, cost_usd=Decimal(0))
        for n in range(SPANS)
    ]
    store.append(spans, [sample_score()]).result(timeout=60)
    store.append([sample_span(project="other")]).result(timeout=60)


@pytest.fixture(scope="module")
def clickhouse_store(clickhouse_url: str) -> Iterator[ClickHouseTelemetry]:
    with (
        clickhouse_database_of(clickhouse_url) as database,
        closing(ClickHouseTelemetry.open(database)) as store,
    ):
        filled(store)
        yield store


CLICKHOUSE = pytest.param(
    "clickhouse_store", marks=[pytest.mark.clickhouse, pytest.mark.slow], id="clickhouse"
)


@pytest.fixture(params=[pytest.param("duckdb_store", id="duckdb"), CLICKHOUSE])
def store(request: pytest.FixtureRequest) -> TelemetryStore:
    found: TelemetryStore = request.getfixturevalue(request.param)
    return found


def ask(store: TelemetryStore, text: str, *, max_rows: int = 100, timeout_s: float = 60) -> Table:
    return store.sql("default", text, max_rows=max_rows, timeout_s=timeout_s)


# -- what is out of reach --------------------------------------------------------------------------

ESCAPES = [
    'SELECT * FROM "{file}" o, (WITH "{file}" AS (SELECT 1 z) SELECT 1) i',
    "SELECT * FROM '{file}' o, (WITH \"{file}\" AS (SELECT 1 z) SELECT 1) i",
    'SELECT (WITH "{file}" AS (SELECT 1 z) SELECT 1), o.* FROM "{file}" o',
    'WITH "{file}" AS (SELECT * FROM "{file}") SELECT * FROM "{file}"',
    'WITH a AS (WITH "{file}" AS (SELECT 1) SELECT * FROM "{file}") SELECT * FROM "{file}"',
    'WITH "{file}" AS (SELECT 1) SELECT * FROM "{file}"',
    'WITH RECURSIVE "{file}" AS (SELECT 1) SELECT * FROM "{file}"',
    "SELECT * FROM '{file}'",
    "SELECT * FROM '{folder}/*.parquet'",
    "SELECT * FROM read_text('{file}')",
    "SELECT (SELECT content FROM read_text('{file}'))",
    "WITH {table} AS (SELECT * FROM {table}) SELECT * FROM {table}",
    "WITH a AS (SELECT * FROM {table}), {table} AS (SELECT 1) SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT * FROM {table} UNION ALL SELECT * FROM a) SELECT * FROM a",
    "SELECT * FROM {table}, (WITH {table} AS (SELECT 1) SELECT 1) i",
    "SELECT * FROM {table} WHERE 1 IN (WITH {table} AS (SELECT 1) SELECT * FROM {table})",
    "(WITH {table} AS (SELECT 1) SELECT 1) UNION ALL SELECT 1 FROM {table}",
    "SELECT * FROM spans JOIN {table} ON true",
    "SELECT * FROM (spans JOIN {table} ON true)",
    "SELECT * FROM main.spans",
    "SELECT * FROM telemetry.main.spans",
    "TABLE {table}",
    "SELECT (TABLE {table})",
    "SELECT * FROM (DESCRIBE {table})",
    "SELECT * FROM (SUMMARIZE {table})",
    "SELECT * FROM (SHOW TABLES)",
    "PIVOT {table} ON hour USING count(*)",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('{table}')",
    "SELECT 1 INTO spans2",
    "WITH a AS (DELETE FROM spans RETURNING *) SELECT * FROM a",
]
TABLES = [
    "rollups",
    "score_versions",
    "packs",
    "writers",
    "schema_migrations",
    "pragma_database_list",
    "duckdb_databases",
    "duckdb_settings",
    "sqlite_master",
    "pg_tables",
]


@pytest.mark.parametrize("text", [text for text in ESCAPES if "{table}" not in text])
def test_no_file_can_be_read(store: TelemetryStore, text: str, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,secret\n")
    with pytest.raises(InvalidRequest):
        ask(store, text.format(file=file, folder=tmp_path))


@pytest.mark.parametrize("table", TABLES)
def test_no_table_but_spans_and_scores_can_be_read(store: TelemetryStore, table: str) -> None:
    for text in ESCAPES:
        if "{table}" in text:
            with pytest.raises(InvalidRequest):
                ask(store, text.format(table=table))


def test_a_common_table_may_not_hide_another(store: TelemetryStore) -> None:
    for text in (
        "WITH spans AS (SELECT 1) SELECT * FROM spans",
        "WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a",
        "WITH a AS (SELECT 1) SELECT * FROM (WITH A AS (SELECT 2) SELECT * FROM a) b",
        "WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a",
        "WITH a AS (SELECT * FROM a) SELECT * FROM a",
    ):
        with pytest.raises(InvalidRequest):
            ask(store, text)


def test_every_way_to_a_table_leads_to_the_rows_of_the_project(store: TelemetryStore) -> None:
    for text in (
        "SELECT count(*) FROM spans",
        "SELECT count(*) FROM SPANS AS rollups",
        "SELECT count(*) FROM (SELECT * FROM spans) AS s",
        "WITH a AS (SELECT * FROM spans), b AS (SELECT * FROM a) SELECT count(*) FROM b",
        "SELECT count(*) FROM (WITH a AS (SELECT * FROM spans) SELECT * FROM a) AS s",
        "SELECT max((SELECT count(*) FROM spans)) FROM scores",
        "SELECT count(*) FROM (SELECT span_id FROM spans UNION SELECT span_id FROM spans) AS s",
    ):
        assert ask(store, text).rows == [[SPANS]], text


def test_the_database_itself_opens_no_other_file(
    duckdb_store: DuckDBTelemetry, tmp_path: Path
) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    with duckdb_store._engine.reading() as cursor:
        for text in (f"SELECT * FROM '{file}'", f"ATTACH '{tmp_path}/y.duckdb'"):
            with pytest.raises(duckdb.PermissionException):
                cursor.execute(text)
            cursor.rollback()
            cursor.begin()
        for setting in ("enable_external_access = true", "memory_limit = '9GB'"):
            with pytest.raises(duckdb.Error):
                cursor.execute(f"SET {setting}")


# -- what may be used ------------------------------------------------------------------------------

REFUSED = [
    "list_sum(range(1000000000))",
    "unnest(range(200000000))",
    "unnest(generate_series(1, 200000000))",
    "lpad('a', 2000000000, 'b')",
    "rpad('a', 2000000000, 'b')",
    "repeat('a', 2000000000)",
    "'a'.repeat(2000000000)",
    "array_resize([1], 1000000000)",
    "list_resize([1], 1000000000)",
    "[x for x in tags]",
    "list_transform(tags, x -> x)",
    "format('{:1000000000d}', 1)",
    "printf('%1000000000d', 1)",
    "bitstring('1', 1000000000)",
    "NULL::INTEGER[100000]",
    "list(name)",
    "array_agg(name)",
    "histogram(name)",
    "levenshtein(name, name)",
    "pg_sleep(100)",
    "sleep_ms(100000)",
    "sleep(3)",
    "write_log('x')",
    "getvariable('x')",
    "current_setting('temp_directory')",
    "getenv('HOME')",
    "current_user",
    "current_database()",
    "current_query()",
    "version()",
    "hostName()",
    "file('/etc/passwd')",
    "nextval('payload_id')",
    "$1",
    "?",
    "replace(name, 'a', repeat('b', 1000))",
    "replace(name, 'a', name)",
    "regexp_replace(name, '', '" + "b" * 100 + "', 'g')",
    "length(" + "||".join(["name"] * 40) + ")",
    "concat(" + ", ".join(["name"] * 40) + ")",
    "metadata->'$..*'",
]


@pytest.mark.parametrize("term", REFUSED)
def test_what_reaches_out_or_makes_much_of_little_is_refused_at_once(
    store: TelemetryStore, term: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ask(store, f"SELECT {term} FROM spans")
    assert not re.search(r"takes (longer|more memory)", str(refused.value)), "it was tried"


def test_text_cannot_be_doubled_again_and_again() -> None:
    doubled = "SELECT name AS s FROM spans"
    for _ in range(6):
        doubled = f"SELECT s || s AS s FROM ({doubled}) t"
    with pytest.raises(InvalidRequest, match="64 times as long"):
        checked(doubled)
    with pytest.raises(InvalidRequest, match="4 times is the limit"):
        checked(
            "WITH RECURSIVE t AS (SELECT 'aa' s UNION ALL SELECT s||s||s||s||s FROM t) SELECT 1"
        )


USEFUL = [
    "SELECT count(*) FROM (spans)",
    "SELECT model, count(*) AS n, sum(cost_usd) FROM spans GROUP BY model ORDER BY n DESC LIMIT 3",
    "SELECT count(DISTINCT model), count_if(status = 'error'), avg(duration_ms) FROM spans",
    "SELECT median(duration_ms), quantile_cont(duration_ms, 0.95) FROM spans",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms) FROM spans",
    "SELECT date_trunc('hour', started) AS hour, count(*) FROM spans GROUP BY 1 ORDER BY 1",
    "SELECT strftime(started, '%Y-%m'), extract(hour FROM started), dayname(started) FROM spans",
    "SELECT provider || '/' || model || ' ' || kind, upper(name), left(name, 3) FROM spans",
    "SELECT replace(name, 'a', 'bb'), regexp_replace(name, '[0-9]+', '#') FROM spans",
    "SELECT metadata->>'plan', json_extract_string(metadata, '$.a.b') FROM spans",
    "SELECT tag, count(*) FROM spans, unnest(tags) AS t(tag) GROUP BY tag",
    "SELECT unnest(tags) FROM spans",
    "SELECT tags[1], len(tags), array_to_string(tags, ','), list_contains(tags, 'a') FROM spans",
    "SELECT * EXCLUDE (tags) FROM spans WHERE name LIKE 'a%' OR name ILIKE '%b' OR name ~ 'c'",
    "SELECT CASE WHEN cost_usd > 0 THEN 'paid' ELSE 'free' END, coalesce(model, '-') FROM spans",
    "SELECT start_ns::DOUBLE, TRY_CAST(name AS INTEGER), '5'::DECIMAL(10, 2) FROM spans",
    "SELECT row_number() OVER (PARTITION BY kind ORDER BY start_ns) AS n FROM spans QUALIFY n = 1",
    "SELECT sum(cost_usd) FILTER (WHERE kind = 'llm') FROM spans HAVING count(*) > 1",
    "SELECT s.name, p.name FROM scores s LEFT JOIN spans AS p ON s.target_id = p.span_id",
    "SELECT kind FROM spans UNION ALL SELECT status FROM scores EXCEPT SELECT 'x'",
    "SELECT started > now() - INTERVAL 7 DAY, (started AT TIME ZONE 'UTC')::DATE FROM spans",
    "SELECT string_agg(DISTINCT model, ', ') FROM spans",
    "SELECT arg_max(name, duration_ms), any_value(kind), mode(kind), stddev(start_ns) FROM spans",
    "SELECT a.x, b FROM (VALUES (1), (2)) AS a(x), (SELECT 3 AS b) AS c",
    "SELECT name FROM spans WHERE trace_id IN (SELECT target_id FROM scores)",
    "SELECT 1 FROM spans WHERE EXISTS (SELECT 1 FROM scores s WHERE s.target_id = spans.span_id)",
    "SELECT kind, status, count(*) FROM spans GROUP BY ROLLUP (kind, status)",
    """WITH RECURSIVE down AS (
        SELECT span_id, name AS path FROM spans WHERE parent_id IS NULL
        UNION ALL
        SELECT s.span_id, down.path || '/' || s.name FROM spans s JOIN down
        ON s.parent_id = down.span_id
    ) SELECT * FROM down LIMIT 5""",
    "FROM spans SELECT name WHERE kind = 'llm'",
]


@pytest.mark.parametrize("text", USEFUL)
def test_what_people_ask_is_answered(duckdb_store: DuckDBTelemetry, text: str) -> None:
    assert ask(duckdb_store, text).columns


@pytest.mark.parametrize(
    "text",
    ["SELECT 1;", "SELECT 1; -- note", "SELECT 1 /* one */ -- two\n ;\n", "-- first\nSELECT 1;;"],
)
def test_semicolons_and_comments_are_taken(store: TelemetryStore, text: str) -> None:
    assert ask(store, text).rows == [[1]]


DEEP = [
    "select " + "(" * 3000 + "1" + ")" * 3000,
    "SELECT " + "abs(" * 2000 + "1" + ")" * 2000,
    "SELECT " + "(SELECT " * 1500 + "1" + ")" * 1500,
    "SELECT " + "NOT " * 4000 + "true",
    "SELECT " + "- " * 4000 + "1",
    "SELECT 1" + "+1" * 9000,
    "SELECT 1" + " OR x" * 3500,
    "SELECT name" + "||name" * 2000 + " FROM spans",
    "SELECT " + "CASE WHEN true THEN " * 700 + "1" + " END" * 700,
    "SELECT * FROM " + "(" * 5000 + "spans" + ")" * 5000,
    "SELECT [" + "[" * 5000 + "]" * 5001,
    "SELECT 'a" + "a" * 20_000 + "'",
]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_what_is_too_long_or_too_deep_is_refused(store: TelemetryStore, text: str) -> None:
    # As in the server, with little of the stack in use.
    with ThreadPoolExecutor(1) as other, pytest.raises(InvalidRequest) as caught:
        other.submit(ask, store, text).result()
    assert caught.value.fix


@pytest.mark.parametrize("depth", [10, 30, 45, 60, 80, 100, 150, 250])
def test_any_depth_is_answered_or_refused(duckdb_store: DuckDBTelemetry, depth: int) -> None:
    limit = sys.getrecursionlimit()
    for opening, closing_ in (
        ("(", ")"),
        ("abs(", ")"),
        ("(SELECT ", ")"),
        ("NOT ", ""),
        ("- ", ""),
    ):
        try:
            assert ask(duckdb_store, f"SELECT {opening * depth}1{closing_ * depth}").rows
        except InvalidRequest:
            assert depth > 10
    assert sys.getrecursionlimit() == limit


# -- what it may take ------------------------------------------------------------------------------

SLOW = {
    "cross join": f"SELECT max(a.duration_ms * b.duration_ms + c.start_ns) FROM {CROSSED}",
    "filter": f"SELECT a.name FROM {CROSSED} WHERE a.span_id || b.span_id || c.span_id = 'z'",
    "recursion": "WITH RECURSIVE t AS (SELECT 1::BIGINT AS n UNION ALL SELECT n + 1 FROM t)"
    " SELECT count(*) FROM t",
    "sort": f"SELECT a.span_id || b.span_id AS t FROM {CROSSED} ORDER BY t DESC",
    "group": f"SELECT a.span_id || b.span_id || c.span_id, count(*) FROM {CROSSED} GROUP BY 1",
    "mode": f"SELECT mode(a.span_id || b.span_id) FROM {CROSSED}",
    "median": f"SELECT median(a.start_ns + b.start_ns) FROM {CROSSED}",
    "gathered": f"SELECT length(string_agg(a.span_id || b.span_id, ',')) FROM {CROSSED}",
    "doubled": "WITH RECURSIVE t AS (SELECT 'aaaaaaaaaaaaaaaa' AS s UNION ALL SELECT s || s FROM t)"
    " SELECT max(length(s)) FROM t",
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW.keys())
def test_what_takes_too_much_is_stopped_and_nobody_else_waits(
    duckdb_store: DuckDBTelemetry, text: str
) -> None:
    start = time.monotonic()
    peak_bytes, before = 0, resident_bytes()
    slowest = 0.0
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(ask, duckdb_store, text, timeout_s=TIMEOUT_S)
        while not asked.done():
            began = time.monotonic()
            duckdb_store.append([sample_span(project="aside")]).result(timeout=30)
            duckdb_store.span_count("aside")
            slowest = max(slowest, time.monotonic() - began)
            peak_bytes = max(peak_bytes, resident_bytes() - before)
        with pytest.raises(InvalidRequest, match=r"takes (longer|more memory)") as caught:
            asked.result()
    assert "start_ns" in (caught.value.fix or "")
    took_s = time.monotonic() - start
    assert took_s < TIMEOUT_S + 30
    assert slowest < max(2, 0.8 * took_s)
    assert peak_bytes < 2_500 << 20
    assert ask(duckdb_store, "SELECT count(*) FROM scores").rows == [[1]]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_upkeep_does_not_wait_for_a_slow_select(duckdb_store: DuckDBTelemetry) -> None:
    stopped: list[BaseException] = []

    def slowly() -> None:
        try:
            duckdb_store.sql("default", SLOW["cross join"], max_rows=1, timeout_s=60)
        except Overloaded as error:
            stopped.append(error)

    thread = Thread(target=slowly)
    thread.start()
    until(lambda: duckdb_store._engine._stops, "no statement is under way")
    start = time.monotonic()
    duckdb_store.compact()
    assert time.monotonic() - start < 30, "it waited for the statement"
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert [error.fields["retry_after_s"] for error in stopped] == [1]
    assert ask(duckdb_store, "SELECT count(*) FROM scores").rows == [[1]]


def test_few_selects_run_at_once(duckdb_store: DuckDBTelemetry) -> None:
    def slowly() -> Table:
        return duckdb_store.sql("default", SLOW["cross join"], max_rows=1, timeout_s=30)

    with ThreadPoolExecutor(3) as others:
        asked = [others.submit(slowly) for _ in range(3)]
        refused, running = wait(asked, timeout=60, return_when=FIRST_COMPLETED)
        duckdb_store.compact()  # which stops those that run
    assert len(refused) == 1
    with pytest.raises(Overloaded, match="2 SELECTs are being answered already"):
        refused.pop().result()
    for one in running:
        with pytest.raises((Overloaded, InvalidRequest), match=r"was stopped|takes longer"):
            one.result()


def test_an_answer_has_a_most_of_bytes(store: TelemetryStore) -> None:
    cell = "'" + "a" * 15_000 + "'"
    with pytest.raises(InvalidRequest, match=f"more than {ANSWER_BYTES >> 20} MiB"):
        ask(store, f"SELECT {cell} AS a FROM spans", max_rows=10_000)
    with pytest.raises(InvalidRequest, match="a cell has more than 1 MiB"):
        ask(store, f"SELECT string_agg({cell}, ',') FROM spans")


# -- what is answered ------------------------------------------------------------------------------


def test_metadata_that_is_not_there_is_null(store: TelemetryStore) -> None:
    found = ask(
        store,
        "SELECT count(*), count(metadata) FROM spans WHERE metadata->>'plan' = 'pro'"
        " OR metadata IS NULL",
    )
    assert found.rows == [[SPANS, SPANS // 2]]


FIXES = {
    "SELECT nonsense FROM spans": "SELECT * FROM spans LIMIT 1",
    "SELECT name->>'plan' FROM spans": "json_valid",
    "SELECT '1'::BIGINT + 9223372036854775807": "cast them to DOUBLE",
    "SELECT CAST(span_id || 'x' AS INTEGER) FROM spans": "TRY_CAST",
}


@pytest.mark.parametrize("text", FIXES)
def test_an_error_says_what_to_do_about_it(duckdb_store: DuckDBTelemetry, text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ask(duckdb_store, text)
    assert FIXES[text] in (caught.value.fix or "")


def test_what_is_wrong_with_a_statement_is_not_logged(
    duckdb_store: DuckDBTelemetry, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for text in ("CALL something(1)", "ALTER x y z", "SELECT random(1), last_day(a, 'b', 'c')"):
            with pytest.raises(InvalidRequest):
                ask(duckdb_store, text)
    assert not [record for record in caplog.records if record.name.startswith("sqlglot")]


def test_the_columns_of_a_view_can_be_renamed_and_joined(store: TelemetryStore) -> None:
    found = ask(store, "SELECT s.a FROM (SELECT kind FROM spans) AS s(a) GROUP BY s.a")
    assert found.rows
    found = ask(store, "WITH k(a) AS (SELECT kind FROM spans) SELECT k.a FROM k GROUP BY k.a")
    assert found.rows
