"""Recorded calls over HTTP: listed newest first, read whole, counted."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
from tests.api.problems import problem
from tests.serving import Served

from trimtab.records import Span

PORT = "Which port does the widget server listen on?"
PAINT = "How long does green paint take to dry?"


def test_the_newest_traces_come_first_with_their_sums(widgets: Served) -> None:
    asked = [widgets.client.chat("widgets", PORT)["trace_id"] for _ in range(3)]
    rows = widgets.client.traces(limit=3)
    assert [row["trace_id"] for row in rows] == asked[::-1]
    spans = widgets.client.trace(asked[-1])["spans"]
    (model,) = [span for span in spans if span["kind"] == "llm"]
    newest = rows[0]
    assert newest["spans"] == len(spans) == 3
    assert newest["output_tokens"] == model["usage"]["output"] > 0
    assert newest["input_tokens"] == model["usage"]["input"] > 0
    assert (newest["name"], newest["route"], newest["status"]) == ("widgets", "widgets", "ok")
    assert newest["input_preview"] == PORT
    assert "7711" in newest["output_preview"]
    assert newest["duration_ms"] > 0


def test_a_trace_is_read_with_its_spans_in_order_and_its_scores(widgets: Served) -> None:
    trace_id = widgets.client.chat("widgets", PORT)["trace_id"]
    widgets.client.score(trace_id, "thumb", passed=True)
    trace = widgets.client.trace(trace_id)
    assert trace["trace_id"] == trace_id
    starts = [span["start_ns"] for span in trace["spans"]]
    assert starts == sorted(starts)
    assert set(trace["spans"][0]) == set(Span.__struct_fields__)
    assert "thumb" in [score["name"] for score in trace["scores"]]


def test_a_trace_id_is_read_in_either_case(widgets: Served) -> None:
    trace_id = widgets.client.chat("widgets", PORT)["trace_id"]
    assert widgets.client.trace(trace_id.upper())["trace_id"] == trace_id


def test_traces_can_be_narrowed_by_route_release_and_run(widgets: Served) -> None:
    by_route = widgets.client.chat("widgets", PORT)["trace_id"]
    direct = widgets.client.chat("trimtab/extract", PAINT)["trace_id"]
    release = widgets.client.get("/api/v1/releases/widgets@1")["release_id"]
    for query in ({"route": "widgets"}, {"release": release}):
        found = [row["trace_id"] for row in widgets.client.traces(**query)]
        assert by_route in found
        assert direct not in found
    assert widgets.client.traces(run="no such run") == []
    assert widgets.client.traces(route="no such route\0") == []


@pytest.mark.parametrize("sort", ["duration", "tokens"])
def test_traces_are_sorted_over_all_their_pages(widgets: Served, sort: str) -> None:
    for question in (PORT, PAINT, PORT):
        widgets.client.chat("widgets", question)
    known = {row["trace_id"]: row for row in widgets.client.traces(limit=1000)}
    listed: list[str] = []
    page: str | None = None
    while page or not listed:
        following = f"&page={page}" if page else ""
        answer = widgets.client.get(f"/api/v1/traces?limit=2&sort={sort}{following}")
        listed += [row["trace_id"] for row in answer["data"]]
        page = answer["next"]

    def measure(trace_id: str) -> float:
        row = known[trace_id]
        return float(
            row["duration_ms"] if sort == "duration" else row["input_tokens"] + row["output_tokens"]
        )

    assert listed == sorted(known, key=lambda trace_id: (-measure(trace_id), trace_id))


def test_what_people_write_in_headers_comes_back_as_they_wrote_it(widgets: Served) -> None:
    trace_id = widgets.client.chat("widgets", PORT, user="Zoë 日本", session="s-1")["trace_id"]
    (row,) = [row for row in widgets.client.traces() if row["trace_id"] == trace_id]
    assert (row["user"], row["session"]) == ("Zoë 日本", "s-1")


def test_a_header_in_latin_1_is_read_too(widgets: Served) -> None:
    connection = http.client.HTTPConnection(urlsplit(widgets.url).netloc, timeout=10)
    body = {"model": "widgets", "messages": [{"role": "user", "content": PORT}]}
    headers = {"x-trimtab-user": "Zo\xeb", "x-trimtab-environment": "staging"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    trace_id = connection.getresponse().headers["x-trimtab-trace-id"]
    connection.close()
    root = widgets.client.trace(trace_id)["spans"][0]
    assert (root["user"], root["environment"]) == ("Zoë", "staging")


def test_every_span_of_the_project_is_counted(widgets: Served) -> None:
    before = widgets.client.get("/api/v1/spans/count")["count"]
    widgets.client.chat("widgets", PORT)
    widgets.client.chat("trimtab/extract", PORT)
    assert widgets.client.get("/api/v1/spans/count") == {"count": before + 3 + 1}


@pytest.mark.parametrize(
    "trace_id", ["x", "0" * 32, "g" * 32, "a" * 31, "a" * 20_000, "%00", "%ff"]
)
def test_what_is_no_trace_id_is_refused(widgets: Served, trace_id: str) -> None:
    found = problem(widgets.ask("GET", f"/api/v1/traces/{trace_id}"), 400, where="trace_id")
    assert "GET /api/v1/traces" in found["fix"]


def test_an_unknown_trace_is_not_found(widgets: Served) -> None:
    found = problem(widgets.ask("GET", f"/api/v1/traces/{'ab' * 16}"), 404)
    assert found["detail"] == f"no trace {'ab' * 16}"
    assert "GET /api/v1/traces" in found["fix"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=+5", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("rout=widgets", "rout"),
        ("sort=price", "sort"),
        ("limit=5&offset=5", "offset"),
    ],
)
def test_a_query_out_of_range_or_unknown_is_refused_by_name(
    widgets: Served, query: str, parameter: str
) -> None:
    problem(
        widgets.ask("GET", f"/api/v1/traces?{query}"), 400, where=f"query parameter {parameter}"
    )


@pytest.mark.parametrize("query", ["limit=%F0%28", "&".join(f"a{n}=1" for n in range(101))])
def test_a_query_string_that_cannot_be_read_is_refused(widgets: Served, query: str) -> None:
    found = problem(widgets.ask("GET", f"/api/v1/traces?{query}"), 400)
    assert "query string" in found["detail"]
