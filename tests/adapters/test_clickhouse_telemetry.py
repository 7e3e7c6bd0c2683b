"""Telemetry on ClickHouse: errors, several writers, indexes, migrations, the move to it."""

from __future__ import annotations

import logging
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services import PASSWORD

from trimtab.errors import ConfigError, MissingExtra, NotDurable, StoreError, StoreTooNew
from trimtab.ports import Cost, Erasure, ScoreQuery, Sequenced, SpanQuery, Written
from trimtab.records import Condition, Target
from trimtab.stores.telemetry import queries
from trimtab.stores.telemetry.clickhouse import ClickHouseTelemetry
from trimtab.stores.telemetry.clickhouse import store as schema_in_use
from trimtab.stores.telemetry.clickhouse.connection import Connection, Place
from trimtab.stores.telemetry.clickhouse.dialect import transpiled
from trimtab.stores.telemetry.clickhouse.numbers import LAG_S, SLOT_BITS, Numbers
from trimtab.stores.telemetry.clickhouse.schema import migrations, statements, upgrade
from trimtab.stores.telemetry.clickhouse.search import on_payload
from trimtab.stores.telemetry.filters import Where
from trimtab.stores.telemetry.queries import Query
from trimtab.testing.telemetry import sample_score, sample_span
from trimtab.testing.telemetry_reads import HOUR_NS, NOON

pytestmark = pytest.mark.clickhouse


@pytest.fixture
def store(clickhouse_database: str) -> Iterator[ClickHouseTelemetry]:
    with closing(ClickHouseTelemetry.open(clickhouse_database)) as store:
        yield store


@pytest.fixture
def connection(clickhouse_database: str) -> Iterator[Connection]:
    with closing(Connection(Place.of(clickhouse_database))) as connection:
        yield connection


def add(store: ClickHouseTelemetry, *spans, scores=()) -> Written:
    return store.append(spans, scores).result(timeout=60)


# -- where it is -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("clickhouse://db", ("db", 8123, "default", "default", "", False, "")),
        ("clickhouse://ann:p%40s@db:9/t", ("db", 9, "t", "ann", "p@s", False, "")),
        ("clickhouse://db/t?secure=1", ("db", 8443, "t", "default", "", True, "")),
        ("clickhouse://db/t?cluster=main", ("db", 8123, "t", "default", "", False, "main")),
    ],
)
def test_a_url_says_where_the_database_is(url: str, expected: tuple) -> None:
    assert Place.of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/t",
        "clickhouse:///t",
        f"clickhouse://ann:{PASSWORD}@db:port/t",
        f"clickhouse://ann:{PASSWORD}@db/t?colour=red",
        f"clickhouse://ann:{PASSWORD}@db/t?secure",
        f"clickhouse://ann:{PASSWORD}@db/t?cluster=a'b",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Place.of(url)
    assert PASSWORD not in str(caught.value)


def test_a_place_shows_no_password() -> None:
    place = Place.of(f"clickhouse://ann:{PASSWORD}@db/t")
    assert PASSWORD not in f"{place} {place!r}"


# -- errors ----------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_without_it(clickhouse_database: str) -> None:
    wrong = clickhouse_database.replace(PASSWORD, "wrong-horse")
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        ClickHouseTelemetry.open(wrong)
    assert "wrong-horse" not in f"{caught.value} {caught.value.fields}"


def test_a_database_that_is_not_there_is_told(clickhouse_url: str) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        ClickHouseTelemetry.open(f"{clickhouse_url}/nowhere")


def test_a_server_that_is_not_there_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        ClickHouseTelemetry.open(f"clickhouse://a:{PASSWORD}@127.0.0.1:{port}/t")
    assert PASSWORD not in str(caught.value) + caplog.text


def test_a_missing_client_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "clickhouse_connect", None)
    with pytest.raises(MissingExtra, match=r"pip install 'trimtab\[clickhouse\]'"):
        ClickHouseTelemetry.open("clickhouse://db/t")


def test_writing_to_a_table_that_is_gone_is_not_durable_and_ready_again_after(
    store: ClickHouseTelemetry, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.run("RENAME TABLE spans TO spans_away")
    with caplog.at_level(logging.ERROR), pytest.raises(NotDurable):
        add(store, sample_span())
    with pytest.raises(StoreError):
        store.ping()
    connection.run("RENAME TABLE spans_away TO spans")
    store.ping()
    assert add(store, sample_span()) == Written(1, 0)


def test_a_store_of_a_newer_version_is_left_alone(
    store: ClickHouseTelemetry, connection: Connection, clickhouse_database: str
) -> None:
    columns = ("number", "name", "checksum", "applied_ns")
    connection.insert("schema_migrations", columns, [(9_999, "later", "x", 0)])
    with pytest.raises(StoreTooNew) as caught:
        ClickHouseTelemetry.open(clickhouse_database)
    assert caught.value.fields["found"] == 9_999


def test_an_applied_migration_with_another_text_is_refused(
    store: ClickHouseTelemetry, connection: Connection
) -> None:
    edited = [step._replace(sql=step.sql + "-- edited") for step in migrations()]
    with pytest.raises(StoreError, match="another text"):
        upgrade(connection, edited)


def test_migrations_for_a_cluster_are_valid_sql(connection: Connection) -> None:
    for step in migrations():
        for statement in statements(step.sql, "main"):
            assert "ON CLUSTER main" in statement
            assert connection.ask(f"EXPLAIN AST {statement}").rows
    assert any("ReplicatedReplacing" in one for one in statements(migrations()[0].sql, "main"))


# -- values ----------------------------------------------------------------------------------------


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(), number=st.integers(-(1 << 63), (1 << 63) - 1), flag=st.booleans())
def test_parameters_arrive_as_they_were(
    connection: Connection, text: str, number: int, flag: bool
) -> None:
    values = {"text": text, "number": number, "flag": flag, "texts": [text], "numbers": [number]}
    query = Query("SELECT $text, $number, $flag, $texts, $numbers", values)
    assert connection.fetch(query) == [(text, number, flag, [text], [number])]


def test_a_query_is_transpiled_with_what_sqlglot_does_not_know() -> None:
    sql = """SELECT bool_or(a), quantile_cont(b, 0.5) FILTER (WHERE c), d // 2,
        try_cast(json_extract_string(m, $key) AS DOUBLE) FROM spans, unnest(tags) AS one(one_tag)
        WHERE seq IN (SELECT unnest($seqs::BIGINT[])) AND x >= $from"""
    found = transpiled(Query(sql, {"key": '$."a.b"', "seqs": [1], "from": 2}))
    assert "max(a), quantileExactInclusive(0.5)(b) FILTER(WHERE c), intDiv(d, 2)" in found.sql
    assert "ARRAY JOIN tags AS one_tag" in found.sql
    assert "seq IN {seqs:Array(Int64)} AND x >= {from:Int64}" in found.sql
    assert found.parameters == {"key": "a.b", "seqs": [1], "from": 2}


# -- indexes ---------------------------------------------------------------------------------------


def plan(connection: Connection, query: Query) -> str:
    statement = transpiled(query)
    explained = connection.ask(f"EXPLAIN indexes = 1 {statement.sql}", statement.parameters)
    return "\n".join(line for (line,) in explained.rows)


def test_whole_words_are_looked_up_in_the_text_index(
    store: ClickHouseTelemetry, connection: Connection
) -> None:
    spans = [sample_span(start_ns=NOON + n * 800 * HOUR_NS, input=f"is {n} here") for n in range(8)]
    spans += [sample_span(output="it is 77 here"), sample_span(error="not 77 here")]
    for span in spans:
        add(store, span)
    said = Condition(field="text", op="contains", values=("is 7 here",))
    where = Where()
    sql = f"SELECT seq FROM spans WHERE {on_payload(where, said)}"
    found = plan(connection, Query(sql, where.parameters))
    for column in ("input", "output", "name", "error"):
        assert f"Name: words_of_{column}" in found
    # Of the granules, at least one for each month, only the one that holds the words is read.
    _, _, combined = found.partition("<Combined skip indexes>")
    assert re.search(r"Granules: 1/(\d\d|[89])\s", combined), found
    assert store.spans(SpanQuery(where=said)) == [spans[7]]
    either = Condition(field="text", op="contains", values=(" 77 here",))
    assert {span.span_id for span in store.spans(SpanQuery(where=either))} == {
        spans[8].span_id,
        spans[9].span_id,
    }


def test_sums_by_hour_are_read_from_the_projection_also_after_spans_were_replaced(
    store: ClickHouseTelemetry, connection: Connection
) -> None:
    spans = [sample_span(start_ns=NOON + n, kind="llm", run=None) for n in range(20_000)]
    for start in range(0, 20_000, 4_000):
        add(store, *spans[start : start + 4_000])
    store.compact()
    hours = queries.Period("default", NOON, NOON + 4 * HOUR_NS).hours((1 << 63) - 1)
    assert "ReadFromMergeTree (hourly)" in plan(connection, hours)
    assert add(store, replace(spans[7], revision=1, status="error")) == Written(1, 0)
    assert "ReadFromMergeTree (hourly)" in plan(connection, hours)
    overview = store.overview("default", since_ns=NOON, until_ns=NOON + HOUR_NS)
    assert (overview.spans, overview.errors) == (20_000, 1)
    sums = connection.ask(
        "SELECT sum(rows) FROM system.projection_parts"
        " WHERE active AND database = currentDatabase() AND name = 'hourly'"
    ).rows[0][0]
    assert 0 < sums < 100, "one row for each hour and step of latency in each part"


def test_calls_that_failed_were_counted_as_unpriced_and_are_not_after_the_upgrade(
    connection: Connection, clickhouse_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"status": "error", "usage": None, "cost_usd": None}
    kinds = [{}, failed, failed | {"status": "ok"}, failed | {"run": "r1"}, {"cost_usd": None}]
    spans = [
        replace(sample_span(start_ns=NOON + hour * HOUR_NS + n), **kind)
        for hour in range(3)
        for n, kind in enumerate(kinds)
    ]

    def unpriced(store: ClickHouseTelemetry) -> int:
        found = store.overview("default", since_ns=NOON, until_ns=NOON + 4 * HOUR_NS)
        return found.unpriced

    with monkeypatch.context() as earlier:
        earlier.setattr(schema_in_use, "migrations", lambda: migrations()[:1])
        with closing(ClickHouseTelemetry.open(clickhouse_database)) as store:
            add(store, *spans)
            assert unpriced(store) == 9
    for _ in range(2):  # two processes may take the step at once
        connection.run("TRUNCATE TABLE schema_migrations")
        with closing(ClickHouseTelemetry.open(clickhouse_database)) as store:
            assert unpriced(store) == 6
    with closing(ClickHouseTelemetry.open(clickhouse_database)) as store:
        later = [replace(span, revision=1) for span in spans[:5]]
        assert add(store, *later) == Written(5, 0)
        assert unpriced(store) == 6
        store.compact()
        assert unpriced(store) == 6
        paid = [Cost(span.trace_id, span.span_id, Decimal(1)) for span in spans if span.run is None]
        assert store.set_costs("default", paid) == 12
        assert unpriced(store) == 0
    waiting = "SELECT count(*) FROM system.mutations WHERE NOT is_done"
    assert connection.ask(f"{waiting} AND database = currentDatabase()").rows == [(0,)]


# -- several writers -------------------------------------------------------------------------------


def test_two_writers_give_different_numbers_and_know_each_others_spans(
    clickhouse_database: str,
) -> None:
    with (
        closing(ClickHouseTelemetry.open(clickhouse_database)) as one,
        closing(ClickHouseTelemetry.open(clickhouse_database)) as other,
    ):
        spans = [sample_span() for _ in range(20)]
        for n in range(0, 20, 2):
            assert add(one, spans[n]) == Written(1, 0)
            assert add(other, spans[n + 1]) == Written(1, 0)
        assert add(one, *spans) == add(other, *spans) == Written(0, 0)
        assert one.span_count() == 20
        changed = replace(spans[0], revision=1, name="changed")
        assert add(other, changed) == Written(1, 0)
        assert one.trace("default", changed.trace_id) == [changed]


def test_a_reader_waits_for_inserts_of_others_that_may_be_under_way(
    store: ClickHouseTelemetry, clickhouse_database: str
) -> None:
    add(store, sample_span())
    assert len(store.spans_after(0, limit=10)) == 1
    with closing(ClickHouseTelemetry.open(clickhouse_database)) as other:
        add(other, sample_span())
        assert store.spans_after(0, limit=10) == []
        assert other.spans_after(0, limit=10) == []
    assert len(store.spans_after(0, limit=10)) == 2


def test_numbers_grow_though_the_clock_goes_back(
    store: ClickHouseTelemetry, connection: Connection
) -> None:
    times = iter([5 * 10**18, *[4 * 10**18] * 9])
    numbers = Numbers(connection, now_ns=lambda: next(times))
    first, second = numbers.take(3), numbers.take(2)
    assert first + second == sorted({*first, *second})
    assert len({number % (1 << SLOT_BITS) for number in first + second}) == 1


def test_what_others_may_still_write_is_beyond_the_lag(
    store: ClickHouseTelemetry, connection: Connection
) -> None:
    now = 2 * 10**18
    ours = Numbers(connection, now_ns=lambda: now)
    assert ours.settled(now) is None
    theirs = Numbers(connection, now_ns=lambda: now)
    theirs.take(1)
    settled = ours.settled(now)
    assert settled is not None
    assert settled >> SLOT_BITS == now // 1000 - LAG_S * 10**6
    assert ours.settled(now + 120 * 10**9) is None
    theirs.tell(closed=True)
    assert ours.settled(now) is None


def test_of_what_two_writers_wrote_at_once_one_version_stays(
    store: ClickHouseTelemetry, clickhouse_database: str
) -> None:
    """Both look, find nothing, and write; here their looks before the insert are held together."""
    spans = [sample_span() for _ in range(30)]
    with closing(ClickHouseTelemetry.open(clickhouse_database)) as other:
        both = Barrier(2)
        for one in (store, other):
            meet_after_first_look(one, both)
        first = store.append(spans)
        second = other.append([replace(span, revision=n % 2) for n, span in enumerate(spans)])
        first.result(timeout=60), second.result(timeout=60)
        assert store.span_count() == 30
        for n, span in enumerate(spans):
            assert [one.revision for one in store.trace("default", span.trace_id)] == [n % 2]


def meet_after_first_look(store: ClickHouseTelemetry, both: Barrier) -> None:
    batch = store._writer._batch
    look = batch._versions

    def looked(spans):
        found = look(spans)
        if not both.broken and both.n_waiting < 2 and not met:
            met.append(True)
            both.wait(timeout=30)
        return found

    met: list[bool] = []
    batch._versions = looked


def test_what_a_writer_left_that_was_killed_before_it_deleted_is_cleared_by_the_next(
    store: ClickHouseTelemetry,
) -> None:
    begun = sample_span(open=True, revision=-1)
    ended = replace(begun, open=False, revision=0, name="newer")
    store.restore([Sequenced(1, begun), Sequenced(2, ended)])
    assert [one.name for one in store.trace("default", begun.trace_id)] == ["newer"]
    assert [head.name for head in store.skeleton("default", begun.trace_id)] == ["newer"]
    assert add(store, ended) == Written(0, 0)
    assert store.span_count() == 1


# -- erasing ---------------------------------------------------------------------------------------


def test_what_is_erased_is_gone_from_the_disk(
    store: ClickHouseTelemetry, connection: Connection
) -> None:
    gone, kept = sample_span(user="ada"), sample_span()
    score = sample_score(target=Target(kind="trace", id=gone.trace_id))
    add(store, gone, kept, scores=[score, replace(score, value=0.5)])
    store.erase(Erasure(project="default", users=("ada",)))
    assert store.scores(ScoreQuery()) == []
    masked = {"apply_deleted_mask": 0}
    assert connection.ask("SELECT span_id FROM spans", None, masked).rows == [(kept.span_id,)]
    assert connection.ask("SELECT score_id FROM score_versions", None, masked).rows == []


def test_a_score_of_another_project_with_the_same_id_is_not_erased(
    store: ClickHouseTelemetry,
) -> None:
    gone = sample_span()
    score = sample_score(target=Target(kind="trace", id=gone.trace_id))
    theirs = replace(score, project="other")
    add(store, gone, scores=[score, theirs])
    assert store.erase(Erasure(project="default", trace_ids=(gone.trace_id,))).scores == 1
    assert store.scores(ScoreQuery()) == []
    assert store.scores(ScoreQuery(project="other")) == [theirs]


def test_prices_of_many_calls_are_set_at_once(store: ClickHouseTelemetry) -> None:
    spans = [sample_span() for _ in range(2_500)]
    add(store, *spans)
    costs = [Cost(span.trace_id, span.span_id, Decimal(n)) for n, span in enumerate(spans)]
    assert store.set_costs("default", costs) == 2_500
    overview = store.overview("default", since_ns=NOON, until_ns=NOON + HOUR_NS)
    assert overview.cost_usd == sum(range(2_500))
