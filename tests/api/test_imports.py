"""What other tools exported is recorded; what cannot be understood is left out and said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.api.problems import problem
from tests.api.recorded import call, fill, judgement, store, trace_id
from tests.serving import Served, configured, served

from trimtab.kit import jsonx
from trimtab.records import Usage

LANGFUSE = {
    "id": "lf-trace",
    "name": "support",
    "timestamp": "2026-11-20T10:00:00.000Z",
    "userId": "zoe",
    "sessionId": "s1",
    "tags": ["beta"],
    "input": "Where is my parcel?",
    "output": "On its way",
    "observations": [
        {
            "id": "lf-call",
            "traceId": "lf-trace",
            "type": "GENERATION",
            "name": "answer",
            "startTime": "2026-11-20T10:00:00.100Z",
            "endTime": "2026-11-20T10:00:01.000Z",
            "model": "gpt-4o",
            "usageDetails": {"input": 12, "output": 3},
            "input": [{"role": "user", "content": "Where is my parcel?"}],
            "output": {"role": "assistant", "content": "On its way"},
        }
    ],
    "scores": [
        {
            "id": "lf-score",
            "traceId": "lf-trace",
            "name": "helpful",
            "value": 1,
            "dataType": "NUMERIC",
        }
    ],
}
LANGSMITH = [
    {
        "id": "0193de5b-98a0-7d4c-8f1e-0123456789ab",
        "trace_id": "0193de5b-98a0-7d4c-8f1e-0123456789ab",
        "name": "chain",
        "run_type": "chain",
        "start_time": "2026-11-20T10:00:00.000000",
        "end_time": "2026-11-20T10:00:02.000000",
        "inputs": {"question": "Where is my parcel?"},
        "outputs": {"answer": "On its way"},
    },
    {
        "id": "0193de5b-98a0-7d4c-8f1e-0123456789ac",
        "trace_id": "0193de5b-98a0-7d4c-8f1e-0123456789ab",
        "parent_run_id": "0193de5b-98a0-7d4c-8f1e-0123456789ab",
        "name": "ChatOpenAI",
        "run_type": "llm",
        "start_time": "2026-11-20T10:00:00.500000",
        "end_time": "2026-11-20T10:00:01.500000",
        "inputs": {"messages": [{"role": "user", "content": "Where is my parcel?"}]},
        "outputs": {"choices": [{"message": {"role": "assistant", "content": "On its way"}}]},
    },
]
PHOENIX_API = {
    "id": "U3Bhbjox",
    "name": "ChatCompletion",
    "context": {"trace_id": "ab" * 16, "span_id": "cd" * 8},
    "span_kind": "LLM",
    "parent_id": None,
    "start_time": "2026-11-20T10:00:00.000000+00:00",
    "end_time": "2026-11-20T10:00:01.500000+00:00",
    "status_code": "ERROR",
    "status_message": "quota",
    "attributes": {
        "llm.model_name": "gpt-4o",
        "llm.token_count.prompt": 12,
        "llm.token_count.completion": 3,
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Where is my parcel?",
    },
    "events": [{"name": "exception", "timestamp": "2026-11-20T10:00:01Z", "attributes": {}}],
}
PHOENIX_FRAME = {
    "name": "ChatCompletion",
    "span_kind": "LLM",
    "parent_id": None,
    "start_time": 1795514400000,
    "end_time": 1795514401500,
    "status_code": "OK",
    "context.trace_id": "ef" * 16,
    "context.span_id": "12" * 8,
    "attributes.llm.model_name": "gpt-4o",
    "attributes.llm.token_count.prompt": 12,
    "attributes.llm.token_count.completion": 3,
    "attributes.llm.input_messages": [
        {"message.role": "user", "message.content": "Where is my parcel?"}
    ],
    "attributes.llm.output_messages": None,
}


def brought(server: Served, tool: str, rows: Any) -> dict[str, Any]:
    report: dict[str, Any] = server.client.post(f"/api/v1/import?from={tool}", rows)
    return report


def test_an_export_of_one_server_is_read_by_another_exactly(server: Served, tmp_path: Path) -> None:
    fill(server, 8)
    spans = b"".join(server.client.export(what="spans"))
    scores = b"".join(server.client.export(what="scores"))
    with served(configured(tmp_path / "other")) as other:
        for _ in range(2):  # once more changes nothing
            reply = other.ask("POST", "/api/v1/import", spans + scores)
            assert reply.json == {"rows": 16 + 4, "refused": 0, "refusals": []}
        assert other.app.telemetry.span_count() == 16
        for n in range(1, 9):
            assert other.client.trace(trace_id(n)) == server.client.trace(trace_id(n))


def test_what_is_imported_into_another_project_stays_in_the_first_one_too(tmp_path: Path) -> None:
    keys = {name: {"authorization": f"Bearer {'tt-' + 's3cret' * 5}-{name}"} for name in "ab"}
    text = "access:\n  keys:\n" + "".join(
        f"    - {{name: {name}, key: {'tt-' + 's3cret' * 5}-{name}, project: {name}}}\n"
        for name in keys
    )
    with served(configured(tmp_path / "data", text)) as server:

        def told(name: str, path: str) -> bytes:
            return server.ask("GET", path, headers=keys[name]).body

        judged = judgement(1, "helpful", value=0.5)
        spans = [replace(span, project="a") for span in call(1, server.app.clock.now_ns())]
        store(server, spans, [replace(judged, project="a")])
        whole = told("a", "/api/v1/export?what=spans") + told("a", "/api/v1/export?what=scores")
        before = told("a", f"/api/v1/traces/{trace_id(1)}"), told("a", "/api/v1/scores")
        assert b"helpful-1" in before[1]
        taken = server.ask("POST", "/api/v1/import", whole, keys["b"])
        assert taken.json == {"rows": 3, "refused": 0, "refusals": []}
        assert b"helpful-1" in told("b", "/api/v1/scores")
        after = told("a", f"/api/v1/traces/{trace_id(1)}"), told("a", "/api/v1/scores")
        assert after == before


def test_a_trace_of_langfuse_comes_with_its_observations_and_scores(server: Served) -> None:
    assert brought(server, "langfuse", [LANGFUSE])["refused"] == 0
    [row] = server.client.traces("user:zoe tag:beta score.helpful:1")
    assert (row["name"], row["session"], row["spans"]) == ("support", "s1", 2)
    call = server.client.trace(row["trace_id"])["spans"][1]
    assert (call["kind"], call["model"], call["usage"]["input"]) == ("llm", "gpt-4o", 12)


def test_rows_of_langfuse_may_come_apart(server: Served) -> None:
    trace = {k: v for k, v in LANGFUSE.items() if k not in ("observations", "scores")}
    apart = [*LANGFUSE["observations"], *LANGFUSE["scores"], trace | {"observations": ["lf-call"]}]
    assert brought(server, "langfuse", apart)["refused"] == 0
    [row] = server.client.traces("user:zoe score.helpful:1")
    assert (row["name"], row["spans"]) == ("support", 2)


def test_a_run_that_langsmith_counted_has_its_tokens_and_cost(server: Served) -> None:
    counted = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    call = LANGSMITH[1] | {"extra": {"metadata": {"ls_model_name": "gpt-4o"}}} | counted
    assert brought(server, "langsmith", [LANGSMITH[0] | counted, call])["refused"] == 0
    [row] = server.client.traces()
    assert (row["input_tokens"], row["output_tokens"], row["unpriced"]) == (100, 10, 0)
    assert row["cost_usd"] is not None, "priced by the table"


def test_a_negative_count_is_no_count(server: Served) -> None:
    spans = [replace(span, cost_usd=None) for span in call(1, server.app.clock.now_ns())]
    spans = [
        replace(span, model="gpt-4o", usage=Usage(input=-5, output=3)) if span.usage else span
        for span in spans
    ]
    body = b"\n".join(jsonx.encode(span) for span in spans)
    assert server.ask("POST", "/api/v1/import", body).json["refused"] == 0
    attributes = PHOENIX_API["attributes"] | {"llm.token_count.prompt": -5}
    answered = {"status_code": "OK", "attributes": attributes}  # a failed call costs nothing
    assert brought(server, "phoenix", [PHOENIX_API | answered])["refused"] == 0
    for row in server.client.traces():
        assert (row["output_tokens"], row["cost_usd"], row["unpriced"]) == (0, None, 1)
    assert len(server.client.traces("priced:false")) == 2


def test_runs_of_langsmith_become_a_trace(server: Served) -> None:
    lines = b"\n".join(json.dumps(run).encode() for run in reversed(LANGSMITH))
    assert server.ask("POST", "/api/v1/import?from=langsmith", lines).json["refused"] == 0
    [row] = server.client.traces()
    assert (row["name"], row["spans"], row["duration_ms"]) == ("chain", 2, 2000.0)
    assert [span["kind"] for span in server.client.trace(row["trace_id"])["spans"]] == [
        "chain",
        "llm",
    ]


@pytest.mark.parametrize(
    ("span", "status"), [(PHOENIX_API, "error"), (PHOENIX_FRAME, "ok")], ids=["api", "data frame"]
)
def test_spans_of_phoenix_are_understood(server: Served, span: dict[str, Any], status: str) -> None:
    assert brought(server, "phoenix", {"data": [span]})["refused"] == 0
    [row] = server.client.traces('model:gpt-4o "my parcel"')
    assert (row["status"], row["input_tokens"], row["output_tokens"]) == (status, 12, 3)
    assert row["duration_ms"] == 1500.0
    assert row["cost_usd"] is not None, "priced by the table"


def test_rows_that_cannot_be_understood_are_named_and_the_others_taken(server: Served) -> None:
    rows = [PHOENIX_API, {"name": "no ids"}, 7, PHOENIX_FRAME]
    report = brought(server, "phoenix", rows)
    assert (report["rows"], report["refused"]) == (4, 2)
    assert [refusal["row"] for refusal in report["refusals"]] == [2, 3]
    assert "start_time" in report["refusals"][0]["reason"]
    assert len(server.client.traces()) == 2


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": 1}\n{', b"\xff"])
def test_what_is_no_json_is_refused(server: Served, body: bytes) -> None:
    problem(server.ask("POST", "/api/v1/import", body), 400)


def test_an_unknown_tool_is_refused(server: Served) -> None:
    reply = server.ask("POST", "/api/v1/import?from=notepad", [])
    problem(reply, 400, where="query parameter from")
