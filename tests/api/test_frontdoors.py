"""Other platforms' SDKs at our door: what they send is kept, and answered as they expect."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.problems import problem
from tests.compat.emitters import story
from tests.compat.recording import Sent, recorded
from tests.serving import Reply, Served, configured, served

from trimtab.kit import zstd
from trimtab.kit.ids import uuid7

CONTENT = ("content-type", "content-encoding", "x-mlflow-experiment-id")
START, END = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Shared by the tests of this module, which only add records."""
    with served(configured(tmp_path_factory.mktemp("doors") / "data")) as running:
        yield running


def play(server: Served, sent: Sent) -> Reply:
    headers = {name: value for name, value in sent.headers.items() if name in CONTENT}
    path = f"{sent.path}?{sent.query}" if sent.query else sent.path
    return server.ask(sent.method, path, None if sent.method == "GET" else sent.body, headers)


def trace(server: Served, trace_id: str) -> dict[str, Any]:
    reply = server.ask("GET", f"/api/v1/traces/{trace_id}")
    assert reply.status == 200, reply.body
    return dict(reply.json)


def newest(server: Served, name: str) -> list[dict[str, Any]]:
    rows = server.ask("GET", "/api/v1/traces?limit=100").json["data"]
    return [row for row in rows if row["name"] == name]


# -- recorded from the real SDKs ---------------------------------------------------------------

STATUS = {
    "langfuse2": {207},
    "langsmith": {200, 202},
    "langsmith-plain": {200, 202},
    "langsmith-batch": {200, 202},
    "opik": {200, 204},
    "mlflow": {200},
}


@pytest.mark.parametrize("sdk", STATUS)
def test_the_story_an_sdk_tells_can_be_read_back(tmp_path: Path, sdk: str) -> None:
    with served(configured(tmp_path / "data")) as server:
        for sent in recorded(sdk):
            reply = play(server, sent)
            assert reply.status in STATUS[sdk], (sent.path, reply)
        (row,) = newest(server, story.AGENT)
        assert (row["user"], row["session"]) == (story.USER, story.SESSION)
        assert (row["input_tokens"], row["output_tokens"]) == (120, 30)
        assert story.ANSWER in row["output_preview"]
        found = trace(server, row["trace_id"])
        for again in recorded(sdk):
            assert play(server, again).status in STATUS[sdk]
        assert spans_of(trace(server, row["trace_id"])) == spans_of(found)
    names = {span["name"]: span for span in found["spans"]}
    assert {story.RETRIEVER, story.TOOL, story.FAILING} <= names.keys()
    assert names[story.FAILING]["status"] == "error"
    assert {span["session"] for span in found["spans"]} == {story.SESSION}
    assert not any(span["open"] for span in found["spans"])
    assert [(s["name"], s["value"], s["reason"]) for s in found["scores"]] == [
        ("helpful", 1.0, "short and right")
    ]


def spans_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Spans without what tells a repeated one from the first."""
    return [{k: v for k, v in span.items() if k != "revision"} for span in found["spans"]]


# -- Langfuse ----------------------------------------------------------------------------------


def test_langfuse_is_told_of_each_event_what_became_of_it(door: Served) -> None:
    trace_id = uuid7()
    good = {"id": "g", "type": "trace-create", "body": {"id": trace_id, "name": "mixed"}}
    events = [
        good,
        {"id": "b", "type": "nonsense", "body": {}},
        {"id": "lost", "type": "span-update", "body": {"id": uuid7()}},
        {"id": "s", "type": "score-create", "body": {"traceId": trace_id, "name": "n", "value": 1}},
        {"id": "log", "type": "sdk-log", "body": {"log": "x"}},
        "nothing",
    ]
    reply = door.ask("POST", "/api/public/ingestion", {"batch": events})
    assert reply.status == 207
    assert [each["id"] for each in reply.json["successes"]] == ["g", "s", "log"]
    assert [(e["id"], e["status"]) for e in reply.json["errors"]] == [
        ("b", 400),
        ("lost", 404),
        ("", 400),
    ]
    assert len(trace(door, trace_id.replace("-", ""))["scores"]) == 1


def test_langfuse_scores_come_singly_or_in_lists(door: Served) -> None:
    score = {"id": "s1", "traceId": "a" * 32, "name": "n", "value": 0.5}
    one = door.ask("POST", "/api/public/scores", score)
    assert (one.status, one.json) == (200, {"id": "s1"})
    nameless = {name: value for name, value in score.items() if name != "id"}
    stored = door.ask("POST", "/api/public/scores", nameless).json["id"]
    assert stored in {found["score_id"] for found in door.client.get("/api/v1/scores")["data"]}
    many = door.ask("POST", "/api/public/scores", [score, {"name": "n"}])
    assert (many.status, many.json["accepted"], many.json["rejected"]) == (207, 1, 1)
    assert door.ask("POST", "/api/public/scores", [score]).status == 202
    assert door.ask("POST", "/api/public/scores", {"name": "n"}).status == 400


def test_langfuse_reads_prompts_by_version_and_label(door: Served) -> None:
    for text, labels in (("one", ["staging"]), ("two", [])):
        message = {"role": "user", "content": text}
        prompt = {"name": "greet", "messages": [message], "labels": labels}
        assert door.ask("POST", "/api/v1/prompts", prompt).status == 201

    def get(query: str = "") -> Any:
        return door.ask("GET", f"/api/public/v2/prompts/greet{query}")

    assert [get(q).json["prompt"] for q in ("", "?label=latest", "?version=1")] == [
        "two",
        "two",
        "one",
    ]
    assert get("?label=staging").json["version"] == 1
    assert get("?label=missing").status == 404
    assert door.ask("GET", "/api/public/v2/prompts/unknown").status == 404


def test_langfuse_finds_its_project_and_the_server_well(door: Served) -> None:
    (project,) = door.ask("GET", "/api/public/projects").json["data"]
    assert project["name"] == "default"
    assert door.ask("GET", "/api/public/health").json["status"] == "OK"


# -- LangSmith ---------------------------------------------------------------------------------


def test_langsmith_runs_come_singly_and_are_patched(door: Served) -> None:
    run, child = uuid7(), uuid7()
    root = {"id": run, "trace_id": run, "name": "r", "run_type": "chain", "start_time": START}
    assert door.ask("POST", "/runs", root).status == 202
    below = {"trace_id": run, "parent_run_id": run, "name": "c", "run_type": "tool"}
    assert door.ask("POST", "/runs", {**below, "id": child, "start_time": START}).status == 202
    opened = trace(door, run.replace("-", ""))["spans"]
    assert [span["open"] for span in opened] == [True, True]
    for each in (run, child):  # known by its id alone
        ended = {"end_time": END, "outputs": {"output": "ok"}}
        assert door.ask("PATCH", f"/runs/{each}", ended).status == 202
    spans = trace(door, run.replace("-", ""))["spans"]
    assert [(span["open"], span["output"]) for span in spans] == [(False, "ok")] * 2
    assert spans[0]["span_id"] in {span["parent_id"] for span in spans}


def test_langsmith_is_asked_to_try_again_where_a_run_is_not_known_yet(door: Served) -> None:
    run = uuid7()
    feedback = {"run_id": run, "key": "k", "score": True}
    assert door.ask("POST", "/feedback", feedback).status == 404
    assert door.ask("PATCH", f"/runs/{run}", {"end_time": END}).status == 404
    assert door.ask("POST", "/runs", {"id": run, "start_time": START}).status == 202
    assert door.ask("POST", "/feedback", feedback).status == 200
    (score,) = trace(door, run.replace("-", ""))["scores"]
    assert (score["passed"], score["target"]["kind"]) == (True, "span")


def test_a_bad_run_does_not_take_its_batch_with_it(door: Served) -> None:
    run = uuid7()
    batch = {"post": [{"name": "no id"}, {"id": run, "name": "kept", "start_time": START}]}
    reply = door.ask("POST", "/runs/batch", batch)
    assert reply.status == 202
    assert len(reply.json["errors"]) == 1
    assert len(trace(door, run.replace("-", ""))["spans"]) == 1


def form(**parts: bytes) -> bytes:
    pieces = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in parts.items()
    ]
    return b"".join(pieces) + b"--b--\r\n"


@pytest.mark.parametrize("encoding", ["", "zstd", "gzip"])
def test_langsmith_forms_come_compressed_or_plain(door: Served, encoding: str) -> None:
    run = uuid7()
    parts = {f"post.{run}": b'{"name": "f"}', f"post.{run}.inputs": b'{"x": NaN}'}
    parts |= {f"attachment.{run}.photo": b"12345", "broken": b"{"}
    body = form(**parts, **{f"post.{run}.extra": b"{"})
    packed = {"": bytes, "zstd": zstd.compress, "gzip": gzip.compress}[encoding](body)
    headers = {"content-type": "multipart/form-data; boundary=b"}
    if encoding:
        headers["content-encoding"] = encoding
    # A run that says neither its trace nor its times is known by its id only once it was begun.
    begun = {"id": run, "trace_id": run, "start_time": START, "name": "f"}
    assert door.ask("POST", "/runs", begun).status == 202
    reply = door.ask("POST", "/runs/multipart", packed, headers)
    assert reply.status == 202
    assert set(reply.json["errors"]) == {"attachments", "broken", f"post.{run}.extra"}
    (span,) = trace(door, run.replace("-", ""))["spans"]
    assert span["input"] == {"x": None}
    left_out = span["attributes"]["langsmith.attachments_left_out"]
    assert left_out["photo"]["size_bytes"] == 5


def test_a_form_that_is_torn_or_none_is_refused_and_nothing_of_it_kept(door: Served) -> None:
    run = uuid7()
    begun = {"id": run, "trace_id": run, "start_time": START, "name": "f"}
    whole = form(**{f"post.{run}": json.dumps(begun).encode()})
    headers = {"content-type": "multipart/form-data; boundary=b"}
    before = door.app.telemetry.span_count()
    for body in (whole.removesuffix(b"--\r\n"), whole[:40], b"garbage", b""):
        problem(door.ask("POST", "/runs/multipart", body, headers), 400, where="$")
    assert door.app.telemetry.span_count() == before
    broken = whole.removesuffix(b"--b--\r\n") + whole.replace(b'name="', b"name=")
    reply = door.ask("POST", "/runs/multipart", broken, headers)
    assert (reply.status, set(reply.json["errors"])) == (202, {"part 2"})
    assert len(trace(door, run.replace("-", ""))["spans"]) == 1


def test_a_form_without_its_boundary_is_refused(door: Served) -> None:
    for content_type in ("multipart/form-data", "application/json", "text/plain; boundary=b"):
        headers = {"content-type": content_type}
        assert door.ask("POST", "/runs/multipart", b"--b--", headers).status == 400


# -- Opik --------------------------------------------------------------------------------------


def test_opik_spans_are_changed_singly_and_in_batches(door: Served) -> None:
    trace_id, spans = uuid7(), [uuid7(), uuid7()]
    private = "/api/v1/private"
    whole = {"id": trace_id, "name": "o", "start_time": START, "end_time": END}
    assert door.ask("POST", f"{private}/traces", whole).status == 201
    begun = [{"id": each, "trace_id": trace_id, "start_time": START} for each in spans]
    assert door.ask("POST", f"{private}/spans/batch", {"spans": [*begun, None]}).status == 204
    ended = {"trace_id": trace_id, "end_time": END, "output": {"output": "ok"}}
    assert door.ask("PATCH", f"{private}/spans/{spans[0]}", ended).status == 204
    change = {"ids": spans, "update": {"tags": ["t"]}}
    assert door.ask("PATCH", f"{private}/spans/batch", change).status == 204
    score = {"name": "n", "value": 1, "source": "sdk"}
    scored = door.ask("PUT", f"{private}/spans/{spans[0]}/feedback-scores", score)
    assert scored.status == 204
    batch = {"scores": [{**score, "id": spans[1]}, {**score, "id": uuid7()}, {}]}
    assert door.ask("PUT", f"{private}/spans/feedback-scores", batch).status == 204
    session = {"scores": [{**score, "thread_id": "s1"}]}
    assert door.ask("PUT", f"{private}/traces/threads/feedback-scores", session).status == 204
    found = trace(door, trace_id.replace("-", ""))
    root, *below = sorted(found["spans"], key=lambda span: span["parent_id"] or "")
    assert (root["name"], root["open"]) == ("o", False)
    assert {span["parent_id"] for span in below} == {root["span_id"]}
    assert sorted((span["open"], tuple(span["tags"])) for span in below) == [
        (False, ("t",)),
        (True, ("t",)),
    ]
    assert len(found["scores"]) == 2
    assert door.ask("PATCH", f"{private}/spans/{uuid7()}", {"end_time": END}).status == 404


def test_opik_finds_its_key_good(door: Served) -> None:
    assert door.ask("POST", "/api/v1/private/auth", {}).status == 200
    assert door.ask("GET", "/api/v1/private/auth/workspace").json["workspaceName"] == "default"


# -- MLflow ------------------------------------------------------------------------------------


def test_mlflow_judgements_within_a_trace_are_kept_once(door: Served) -> None:
    trace_id = uuid7().replace("-", "")
    judgement = {
        "assessment_name": "polite",
        "source": {"source_type": "LLM_JUDGE", "source_id": "judge-1"},
        "create_time": START,
        "feedback": {"value": True},
    }
    info = {"trace_id": f"tr-{trace_id}", "request_time": START, "execution_duration": "1s"}
    told = {"trace": {"trace_info": {**info, "assessments": [judgement, {"feedback": 1}]}}}
    for _ in range(2):
        assert door.ask("POST", "/api/3.0/mlflow/traces", told).status == 200
        path = f"/api/3.0/mlflow/traces/tr-{trace_id}/assessments"
        assert door.ask("POST", path, {"assessment": judgement}).status == 200
    [score] = trace(door, trace_id)["scores"]
    assert (score["name"], score["passed"], score["source"]) == ("polite", True, "judge")


def test_mlflow_experiments_are_there_without_being_created(door: Served) -> None:
    path = "/api/2.0/mlflow/experiments"
    named = door.ask("GET", f"{path}/get-by-name?experiment_name={quote('my app')}").json
    created = door.ask("POST", f"{path}/create", {"name": "my app"}).json
    assert named["experiment"]["experiment_id"] == created["experiment_id"]
    found = door.ask("GET", f"{path}/get?experiment_id={created['experiment_id']}").json
    assert found["experiment"]["lifecycle_stage"] == "active"
    assert door.ask("GET", f"{path}/get-by-name").status == 400


# -- credentials, limits, faults ---------------------------------------------------------------

SECRET = "tt-" + "s3cret" * 5
DOORS = [
    ("POST", "/api/public/ingestion", {"batch": []}),
    ("POST", "/runs/batch", {"post": []}),
    ("POST", "/api/v1/private/spans/batch", {"spans": []}),
    ("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", None),
]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Served]:
    text = f"""
access:
  keys:
    - {{name: admin, key: {SECRET}}}
    - {{name: app, key: {SECRET}-app, permissions: ["traces:write"]}}
    - {{name: reader, key: {SECRET}-reader, permissions: ["traces:read"]}}
"""
    with served(configured(tmp_path / "data", text)) as running:
        yield running


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {SECRET}-{name}"}


def test_every_door_wants_a_key_that_may_write(guarded: Served) -> None:
    for method, path, body in DOORS:
        assert guarded.ask(method, path, body).status == 401, path
        assert guarded.ask(method, path, body, bearer("reader")).status == 403, path
        assert guarded.ask(method, path, body, bearer("app")).status < 300, path


def test_a_key_that_may_only_write_spans_writes_no_scores(guarded: Served) -> None:
    score = {"traceId": "a" * 32, "name": "n", "value": 1}
    assert guarded.ask("POST", "/api/public/scores", score, bearer("app")).status == 403
    events = [
        {"id": "t", "type": "trace-create", "body": {"id": "a" * 32, "name": "t"}},
        {"id": "s", "type": "score-create", "body": score},
    ]
    reply = guarded.ask("POST", "/api/public/ingestion", {"batch": events}, bearer("app"))
    assert [each["id"] for each in reply.json["successes"]] == ["t"]
    assert [each["status"] for each in reply.json["errors"]] == [403]
    assert guarded.ask("GET", "/info").status == 200


@pytest.mark.parametrize(("method", "path", "body"), DOORS[:3])
@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 200])
def test_what_is_no_batch_is_refused_with_a_reason(
    door: Served, method: str, path: str, body: Any, broken: bytes
) -> None:
    reply = door.ask(method, path, broken)
    assert reply.status == 400
    assert reply.json["detail"]


def test_a_door_asks_to_be_tried_again_while_nothing_can_be_made_durable(tmp_path: Path) -> None:
    with served(configured(tmp_path / "data")) as server:
        server.app.telemetry.close()
        server.run(server.app.tracing.stop)
        body = {"batch": [{"id": "t", "type": "trace-create", "body": {"id": "a", "name": "t"}}]}
        reply = server.ask("POST", "/api/public/ingestion", body)
        assert (reply.status, "retry-after" in reply.headers) == (503, True)
        assert json.loads(reply.body)["status"] == 503
