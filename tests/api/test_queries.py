"""Questions about recorded spans over HTTP: filters, figures, SQL, exports, the live tail."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.problems import problem
from tests.api.recorded import S, call, fill, judgement, store, trace_id
from tests.serving import Served, configured, served

from trimtab.client import Client
from trimtab.dialects.filter import matches, parse
from trimtab.errors import InvalidRequest, NotFound
from trimtab.ports import SpanQuery
from trimtab.records import Span
from trimtab.testing.telemetry_answers import attributed

COUNT = 30


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Read by the tests of this module; none of them writes to it."""
    with served(configured(tmp_path_factory.mktemp("shelf") / "data")) as running:
        fill(running, COUNT)
        yield running


def found(server: Served, filter: str) -> set[int]:
    """Which of the traces a filter finds, by their number."""
    return {int(row["trace_id"], 16) for row in server.client.traces(filter, limit=1000)}


EVERY = set(range(1, COUNT + 1))


# -- filters and pages -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("", EVERY),
        ("user:u1", {n for n in EVERY if n % 3 == 1}),
        ("-user:u1,u2", {n for n in EVERY if n % 3 == 0}),
        ("status:error", {10, 20, 30}),
        ("model:m0 user:u2", {n for n in EVERY if n % 2 == 0 and n % 3 == 2}),
        ("user:u1 kind:llm", {n for n in EVERY if n % 3 == 1}),
        ("cost_usd>0.028", {29, 30}),
        ("tokens<=22", {1, 2}),
        ("metadata.tenant:acme", {n for n in EVERY if n % 2}),
        ("tag:beta -user:u1", {n for n in EVERY if n % 2 and n % 3 != 1}),
        ('"question 7"', {7}),
        ('"7 about refunds"', {7, 17, 27}),
        ("error:timed", {10, 20, 30}),
        ("score.helpful<0.1", {1}),
        ("has:score.helpful", {n for n in EVERY if n % 2}),
        ("user:nobody", set()),
        ("user:u1 OR status:error", {n for n in EVERY if n % 3 == 1} | {10, 20, 30}),
        ("since:330s", {25, 26, 27, 28, 29, 30}),
        ("until:330s", set(range(1, 25))),
        (f"trace_id:{trace_id(5)}", {5}),
    ],
)
def test_a_filter_finds_the_traces_it_means(shelf: Served, filter: str, expected: set[int]) -> None:
    assert found(shelf, filter) == expected


def test_pages_follow_one_another_without_a_gap(shelf: Served) -> None:
    path = "/api/v1/traces"
    rows = list(shelf.client.each(path, {"limit": 7, "filter": "-status:error"}))
    assert [int(row["trace_id"], 16) for row in rows] == sorted(EVERY - {10, 20, 30}, reverse=True)
    first = shelf.client.get(path, {"limit": 7})
    assert len(first["data"]) == 7
    second = shelf.client.get(path, {"limit": 7, "page": first["next"]})
    assert {row["trace_id"] for row in first["data"]}.isdisjoint(
        row["trace_id"] for row in second["data"]
    )
    assert shelf.client.get(path, {"limit": COUNT})["next"] is None


def test_spans_are_found_by_what_they_are_themselves(shelf: Served) -> None:
    spans = list(shelf.client.each("/api/v1/spans", {"limit": 7, "filter": "kind:llm model:m1"}))
    assert len(spans) == COUNT // 2
    assert {span["model"] for span in spans} == {"m1"}
    assert spans[0]["input"][0]["content"] == "question 29 about refunds"
    mine = shelf.client.spans("kind:llm user:u1")
    assert {int(span["trace_id"], 16) for span in mine} == {n for n in EVERY if n % 3 == 1}
    assert {span["user"] for span in mine} == {None}, "their traces name the user"
    assert shelf.client.spans("status:error", limit=1)[0]["error"] == "Timed out after 30 s"


def test_a_filter_that_cannot_be_read_is_refused_with_its_column(shelf: Served) -> None:
    reply = shelf.ask("GET", f"/api/v1/traces?filter={quote('model:x cosst>1')}")
    said = problem(reply, 400, where="filter, column 9")
    assert said["column"] == 9
    assert said["pointer"] == "model:x cosst>1\n        ^^^^^"
    assert "did you mean cost" in said["detail"]
    with pytest.raises(InvalidRequest, match="no field"):
        shelf.client.traces("cosst>1")


@pytest.mark.parametrize("page", ["", "x", "1", "1.", ".1", "1.2.3", "9" * 30 + ".a", "1.\x00"])
def test_what_is_no_page_is_refused(shelf: Served, page: str) -> None:
    for path in ("traces", "spans"):
        reply = shelf.ask("GET", f"/api/v1/{path}?{urlencode({'page': page})}")
        problem(reply, 400, where="query parameter page")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)
@given(texts)
def test_no_filter_makes_the_server_fail(shelf: Served, text: str) -> None:
    for path in ("traces", "spans", "facets", "metrics/series", "metrics/counts"):
        reply = shelf.ask("GET", f"/api/v1/{path}?{urlencode({'filter': text})}")
        assert reply.status in (200, 400), reply.body


@pytest.mark.parametrize(
    "text",
    [
        "kind:llm",
        "user:u1",
        "model~M1",
        "refunds",
        '"question 3"',
        "cost>0.01",
        "tokens>100 tokens<200",
        "latency>500ms",
        "-tag:beta",
        "metadata.tenant:acme",
        "metadata.tenant~GLO",
        "has:user",
        "-has:error",
        "error:TIMED",
        "since:10m -root:true",
        "root:true OR model:m0",
        "priced:true",
        "-(user:u1 OR kind:llm)",
    ],
)
def test_the_store_and_the_tail_agree_on_what_a_filter_means(shelf: Served, text: str) -> None:
    where = parse(text, now_ns=shelf.app.clock.now_ns())
    stored = shelf.app.telemetry.spans(SpanQuery(where=where, limit=1000))
    every = attributed(shelf.app.telemetry.spans(SpanQuery(limit=1000)))
    ids = {span.span_id for span in stored}
    assert ids == {span.span_id for span in every if matches(where, span)}
    assert ids


# -- one trace ---------------------------------------------------------------------------------


def test_a_trace_can_be_read_without_what_was_said(shelf: Served) -> None:
    whole = shelf.client.trace(trace_id(3))
    bones = shelf.client.trace(trace_id(3), payloads=False)
    assert [span["span_id"] for span in bones["spans"]] == [s["span_id"] for s in whole["spans"]]
    assert "input" not in bones["spans"][0]
    assert bones["scores"] == whole["scores"] != []
    llm = bones["spans"][1]
    assert (llm["kind"], llm["model"], llm["input_tokens"]) == ("llm", "m1", 30)


def test_one_span_can_be_read_with_what_was_said(shelf: Served) -> None:
    first = shelf.client.trace(trace_id(3))["spans"][1]
    assert shelf.client.span(trace_id(3), first["span_id"]) == first
    with pytest.raises(NotFound, match="no span"):
        shelf.client.span(trace_id(3), "ab" * 8)
    problem(shelf.ask("GET", f"/api/v1/traces/{trace_id(3)}?payloads=no"), 400)


# -- figures -----------------------------------------------------------------------------------


def test_groups_add_up_to_everything(shelf: Served) -> None:
    rows = shelf.client.groups("model", "kind:llm")
    assert [row["key"] for row in rows] == ["m0", "m1"], "the most expensive first"
    assert sum(row["calls"] for row in rows) == COUNT
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(sum(EVERY)) / 1000
    assert rows[0]["errors"] == 3


def test_sessions_and_users_come_newest_first_and_only_by_name(shelf: Served) -> None:
    users = shelf.client.get("/api/v1/users")["data"]
    assert [row["key"] for row in users] == ["u0", "u2", "u1"]
    assert [row["traces"] for row in users] == [10, 10, 10]
    sessions = shelf.client.get("/api/v1/sessions", {"filter": "user:u1", "limit": 2})["data"]
    assert len(sessions) == 2
    assert None not in {row["key"] for row in sessions}


def test_a_series_has_a_point_for_each_step_and_value(shelf: Served) -> None:
    points = shelf.client.series("kind:llm", step="10m", by="model")
    assert sum(point["calls"] for point in points) == COUNT
    assert [point["start_ns"] for point in points] == sorted(point["start_ns"] for point in points)
    assert all(point["start_ns"] % (600 * S) == 0 for point in points)
    assert {point["key"] for point in points} == {"m0", "m1"}


@pytest.mark.parametrize("step", ["", "0s", "1ms", "5", "fast", "-1h"])
def test_a_step_that_is_none_is_refused(shelf: Served, step: str) -> None:
    reply = shelf.ask("GET", f"/api/v1/metrics/series?step={step}")
    problem(reply, 400, where="query parameter step")


def test_facets_count_traces(shelf: Served) -> None:
    query = {"fields": "user,tag", "filter": "status:error"}
    by_user, by_tag = shelf.client.get("/api/v1/facets", query)["data"]
    assert by_user["field"] == "user"
    assert by_tag["field"] == "tag"
    assert problem(shelf.ask("GET", "/api/v1/facets?fields=user,shoe"), 400)
    whole = shelf.client.get("/api/v1/facets", {"fields": "model", "filter": "kind:llm"})["data"]
    assert whole == [
        {
            "field": "model",
            "values": [{"value": "m0", "traces": 15}, {"value": "m1", "traces": 15}],
        }
    ]


def test_a_facet_has_no_value_of_what_has_none(shelf: Served) -> None:
    query = {"fields": "model", "filter": "kind:chain"}
    [models] = shelf.client.get("/api/v1/facets", query)["data"]
    assert models == {"field": "model", "values": []}


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("traces", "filter", "kind:llm"),
        ("traces", "limit", "1"),
        ("metrics/overview", "hours", "24"),
        ("scores", "name", "helpful"),
        ("traces/tail", "what", "spans"),
    ],
)
def test_a_parameter_that_is_sent_twice_is_refused(
    shelf: Served, path: str, name: str, value: str
) -> None:
    query = urlencode([(name, value), (name, value)])
    reply = shelf.ask("GET", f"/api/v1/{path}?{query}", whole=False)
    assert name in problem(reply, 400, where=f"query parameter {name}")["detail"]


def test_completion_knows_the_values_that_were_recorded(shelf: Served) -> None:
    def completed(text: str) -> list[str]:
        rows = shelf.client.get("/api/v1/filter/complete", {"text": text})["data"]
        return [row["text"] for row in rows]

    assert completed("user:") == ["u0", "u1", "u2"]
    assert completed("status:err") == ["error"]
    assert completed("sta") == ["status:"]
    assert completed("status:ok model:m1") == ["m1"]


# -- SQL ---------------------------------------------------------------------------------------


def test_a_select_is_answered_over_the_spans_of_the_project(shelf: Served) -> None:
    table = shelf.client.sql("SELECT model, count(*) AS n FROM spans WHERE kind = 'llm' GROUP BY 1")
    assert table["columns"] == ["model", "n"]
    assert sorted(table["rows"]) == [["m0", 15], ["m1", 15]]
    assert shelf.client.sql("SELECT span_id FROM spans", max_rows=5)["truncated"]


@pytest.mark.parametrize(
    "text", ["DELETE FROM spans", "SELECT 1; SELECT 2", "SELEC", "", "ATTACH 'x'", "PRAGMA version"]
)
def test_anything_but_one_select_is_refused(shelf: Served, text: str) -> None:
    problem(shelf.ask("POST", "/api/v1/sql", {"sql": text}), 400)


@pytest.mark.parametrize(
    "text",
    [
        "select " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT list_sum(range(1000000000))",
        "WITH rollups AS (SELECT * FROM rollups) SELECT * FROM rollups",
        "SELECT name->>'plan' FROM spans",
    ],
)
def test_what_cannot_be_answered_is_told_how_it_can(shelf: Served, text: str) -> None:
    told = problem(shelf.ask("POST", "/api/v1/sql", {"sql": text}), 400)
    assert told["type"] == "urn:trimtab:error:invalid_request"
    assert told["fix"]


def test_decimals_are_spelt_in_plain_digits(shelf: Served) -> None:
    table = shelf.client.sql(
        "SELECT 0::DECIMAL(18, 9), 0.00000015::DECIMAL(18, 9), [0.25::DECIMAL(18, 9)]"
    )
    assert table["rows"] == [["0.000000000", "0.000000150", ["0.250000000"]]]


def test_sql_takes_a_bounded_number_of_rows(shelf: Served) -> None:
    problem(shelf.ask("POST", "/api/v1/sql", {"sql": "SELECT 1", "max_rows": 10_001}), 400)


# -- exports -----------------------------------------------------------------------------------


def exported(server: Served, filter: str = "", **query: Any) -> bytes:
    return b"".join(server.client.export(filter, **query))


def test_an_export_holds_every_span_as_it_was_recorded(shelf: Served) -> None:
    lines = [json.loads(line) for line in exported(shelf).splitlines()]
    assert len(lines) == 2 * COUNT
    by_id = {line["span_id"]: line for line in lines}
    for span in shelf.client.trace(trace_id(3))["spans"]:
        assert by_id[span["span_id"]] == span


def test_an_export_goes_over_many_pages(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data")) as server:
        now_ns = server.app.clock.now_ns()
        store(server, [span for n in range(1, 1201) for span in call(n, now_ns - n * S)])
        assert len(exported(server).splitlines()) == 2400
        assert len(exported(server, what="traces").splitlines()) == 1200
        assert len(exported(server, what="spans", limit=700).splitlines()) == 700


def test_a_csv_has_a_line_for_each_record_under_its_header(shelf: Served) -> None:
    text = exported(shelf, "user:u1", what="traces", format="csv").decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 10
    assert rows[0]["user"] == "u1"
    assert rows[0]["input_preview"] == "question 28"
    spans = exported(shelf, "kind:llm", format="csv").decode()
    first = next(csv.DictReader(io.StringIO(spans, newline="")))
    assert json.loads(first["input"])[0]["content"] == "question 30 about refunds"
    assert first["input_tokens"] == "300"
    assert first["user"] == ""


def test_a_parquet_file_can_be_read_by_a_database(shelf: Served, tmp_path: Path) -> None:
    path = tmp_path / "spans.parquet"
    path.write_bytes(exported(shelf, "kind:llm", format="parquet"))
    with duckdb.connect() as connection:
        [(count, cost, tokens)] = connection.execute(
            "SELECT count(*), sum(cost_usd), max(input_tokens) FROM read_parquet(?)", [str(path)]
        ).fetchall()
    assert (count, cost, tokens) == (COUNT, Decimal(sum(EVERY)) / 1000, 10 * COUNT)
    empty = tmp_path / "empty.parquet"
    empty.write_bytes(exported(shelf, "user:nobody", format="parquet"))
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT count(*) FROM '{empty}'").fetchall() == [(0,)]


def test_scores_are_exported_all_or_those_of_traces(shelf: Served) -> None:
    assert len(exported(shelf, what="scores").splitlines()) == COUNT // 2
    [line] = exported(shelf, f"trace_id:{trace_id(3)}", what="scores").splitlines()
    assert json.loads(line)["target"]["id"] == trace_id(3)
    header, *rows = exported(shelf, what="scores", format="csv").decode().splitlines()
    assert {"target_kind", "trace_id", "value"} <= set(header.split(","))
    assert len(rows) == COUNT // 2


def test_an_export_says_what_it_is(shelf: Served) -> None:
    reply = shelf.ask("GET", "/api/v1/export?what=traces&format=csv")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="traces.csv"'
    problem(shelf.ask("GET", "/api/v1/export?format=xlsx"), 400, where="query parameter format")
    problem(shelf.ask("GET", "/api/v1/export?filter=x:y"), 400, where="filter, column 1")


# -- the live tail -----------------------------------------------------------------------------


class Follower:
    """Reads a tail in a thread of its own, from its first byte on."""

    def __init__(self, server: Served, filter: str = "", *, what: str = "traces", since: str = ""):
        self._client = Client(server.url, timeout_s=30)
        if since:
            self._client._connections._headers["last-event-id"] = since
        self._server, self._query = server, {"filter": filter, "what": what}
        self.events: list[Any] = []
        self._arrived = threading.Condition()
        self._started = threading.Event()
        self._stream = self._client.stream("/api/v1/traces/tail", self._query)
        self._thread = threading.Thread(target=self._follow, name="follower")

    def __enter__(self) -> Follower:
        self._thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.run(self._end)
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def _end(self) -> None:
        self._server.app.draining.set()

    def _follow(self) -> None:
        pending = b""
        for chunk in self._stream:
            *blocks, pending = (pending + chunk).split(b"\n\n")
            with self._arrived:
                self.events += [block for block in blocks if not block.startswith(b":")]
                self._arrived.notify_all()
            self._started.set()

    def wait(self, count: int) -> list[tuple[int, str, Any]]:
        """The first events, each with its id, name and data."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.events) >= count, 60), self.events
            return [parsed(block) for block in self.events]


def parsed(block: bytes) -> tuple[int, str, Any]:
    fields = dict(line.split(": ", 1) for line in block.decode().split("\n"))
    return int(fields["id"]), fields["event"], json.loads(fields["data"])


def test_a_trace_is_told_when_it_is_recorded(server: Served) -> None:
    now_ns = server.app.clock.now_ns()
    store(server, call(1, now_ns))
    with Follower(server, "user:u2") as follower:
        store(server, call(2, now_ns))
        store(server, call(3, now_ns))
        store(server, call(5, now_ns))
        events = follower.wait(2)
    assert [(name, int(data["trace_id"], 16)) for _, name, data in events] == [
        ("trace", 2),
        ("trace", 5),
    ]
    assert events[0][2]["spans"] == 2


def test_spans_are_told_one_by_one(server: Served) -> None:
    with Follower(server, "kind:llm", what="spans") as follower:
        store(server, call(7, server.app.clock.now_ns()))
        [(_, name, data)] = follower.wait(1)
    assert (name, data["model"]) == ("span", "m1")
    assert set(data) == set(Span.__struct_fields__)


def test_spans_are_told_of_whoever_their_traces_name(server: Served) -> None:
    with Follower(server, "kind:llm user:u1", what="spans") as follower:
        for n in (6, 7, 8):
            store(server, call(n, server.app.clock.now_ns()))
        store(server, call(10, server.app.clock.now_ns()))
        events = follower.wait(2)
    assert [int(data["trace_id"], 16) for _, _, data in events] == [7, 10]


@pytest.mark.parametrize("id", ["x", "-1", "1.5", "1 2", "9" * 19, "\xb2"])
def test_an_id_of_no_event_is_refused(shelf: Served, id: str) -> None:
    reply = shelf.ask("GET", "/api/v1/traces/tail", headers={"last-event-id": id}, whole=False)
    problem(reply, 400, where="last-event-id")


def test_a_reader_that_comes_back_goes_on_where_it_was(server: Served) -> None:
    now_ns = server.app.clock.now_ns()
    for n in (1, 2, 3):
        store(server, call(n, now_ns + n))
    first = server.app.telemetry.spans_after(0, limit=2)[-1].seq
    with Follower(server, since=str(first)) as follower:
        events = follower.wait(2)
    assert [int(data["trace_id"], 16) for _, _, data in events] == [2, 3]


def test_a_reader_that_is_far_behind_is_told_what_it_missed(server: Served) -> None:
    now_ns = server.app.clock.now_ns()
    store(server, [span for n in range(1, 3001) for span in call(n, now_ns + n)])
    with Follower(server, since="0") as follower:
        events = follower.wait(2501)
        store(server, call(3001, now_ns))
        follower.wait(2502)
    assert [name for _, name, _ in events] == ["trace"] * 2500 + ["missed"]
    assert events[-1][2] == {"spans": 6000 - 5000, "at_least": False}
    assert parsed(follower.events[-1])[2]["trace_id"] == trace_id(3001)


def test_other_projects_are_not_told(server: Served) -> None:
    from msgspec.structs import replace

    now_ns = server.app.clock.now_ns()
    with Follower(server) as follower:
        store(server, [replace(span, project="other") for span in call(1, now_ns)])
        store(server, call(2, now_ns))
        [(_, _, data)] = follower.wait(1)
    assert data["trace_id"] == trace_id(2)


def test_a_tail_cannot_wait_for_scores_of_spans(server: Served) -> None:
    path = f"/api/v1/traces/tail?what=spans&filter={quote('score.x>1')}"
    problem(server.ask("GET", path), 400, where="filter")


# -- what becomes of records -------------------------------------------------------------------


def test_an_erasure_is_counted_first_and_then_leaves_nothing(server: Served) -> None:
    fill(server, 12)
    foreseen = server.client.erase(users=["u1"], sessions=["s0"], dry_run=True)
    gone = {n for n in range(1, 13) if n % 3 == 1 or n % 5 == 0}
    assert (foreseen["traces"], foreseen["spans"]) == (len(gone), 2 * len(gone))
    assert found(server, "") == set(range(1, 13))
    report = server.client.erase(users=["u1"], sessions=["s0"])
    assert (report["traces"], report["spans"]) == (len(gone), 2 * len(gone))
    assert report["remaining"] == 0
    assert report["scores"] == len({n for n in gone if n % 2})
    assert found(server, "") == set(range(1, 13)) - gone
    assert server.client.traces('"question 7"') == []


def test_an_erasure_by_trace_and_by_time(server: Served) -> None:
    now_ns = fill(server, 10)
    assert server.client.erase(trace_ids=[trace_id(3).upper()])["traces"] == 1
    before_ns = now_ns - 5 * 60 * S
    assert server.client.erase(before_ns=before_ns, dry_run=True)["traces"] == 3
    report = server.client.erase(before_ns=before_ns)
    assert (report["traces"], report["spans"], report["remaining"]) == (3, 6, 0)
    assert found(server, "") == {5, 6, 7, 8, 9, 10}


def test_an_erasure_names_something(server: Served) -> None:
    problem(server.ask("POST", "/api/v1/erase", {"dry_run": True}), 400)
    problem(server.ask("POST", "/api/v1/erase", {"user": "u1"}), 400)


def test_costs_are_computed_anew(server: Served) -> None:
    done = server.client.post("/api/v1/reprice", {"since_ns": 0})
    assert done == {"calls": 0, "changed": 0}


def test_a_store_is_compacted_and_copied_while_in_use(server: Served, tmp_path: Path) -> None:
    fill(server, 5)
    assert server.client.post("/api/v1/admin/compact")["after_bytes"] > 0
    into = tmp_path / "copy"
    assert server.client.post("/api/v1/admin/backup", {"directory": str(into)}) == {
        "directory": str(into)
    }
    assert any(into.iterdir())
    for directory in (str(into), "relative", str(tmp_path / "copy" / "telemetry.duckdb")):
        reply = server.ask("POST", "/api/v1/admin/backup", {"directory": directory})
        problem(reply, 400, where="directory")


def test_a_judgement_of_a_trace_goes_with_it(server: Served) -> None:
    now_ns = server.app.clock.now_ns()
    store(server, call(1, now_ns), [judgement(1, "thumb", passed=True)])
    assert server.client.erase(trace_ids=[trace_id(1)])["scores"] == 1
    assert server.client.get("/api/v1/scores")["data"] == []
