"""Bad input on every route: an answer that says what, where and what to do; never a 5xx."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.conftest import publish
from tests.api.problems import PRIVATE, problem
from tests.serving import Reply, Served, configured, served

from trimtab.api.table import TABLE
from trimtab.errors import StoreError

LIMIT_BYTES = 100_000
CHAT = "/v1/chat/completions"
# Bulk routes have media types, compression and errors of their own, tested with their dialects.
# What is passed on as it came is the provider's to judge.
OURS = [one for one in TABLE if one.described and "as it came" not in one.summary]
POSTS = [endpoint.path for endpoint in OURS if endpoint.method == "POST" and not endpoint.bulk]
GETS = [endpoint.path for endpoint in OURS if endpoint.method == "GET"]
MODEL_API = {endpoint.path for endpoint in TABLE if endpoint.dialect in ("openai", "anthropic")}
ENDLESS = {"/api/v1/traces/tail"}
MANAGED = [path for path in POSTS if path.startswith("/api/v1/")]
# What a body may be missing altogether, where nothing has to be chosen.
BODY_OPTIONAL = {
    "/api/v1/releases/{ref}/promote",
    "/api/v1/reprice",
    "/api/v1/admin/compact",
    "/api/v1/config/reload",
    "/api/v1/dataset-drafts/{draft}/commit",
    "/api/v1/keys/{ref}/rotate",
    "/api/v1/plan-runs/{plan_run_id}/cancel",
    "/api/v1/plan-runs/{plan_run_id}/replay",
    "/api/v1/plan-runs/{plan_run_id}/resume",
    "/api/v1/plans/{ref}/runs",
    "/api/v1/probes/{name}/looks",
    "/api/v1/probes/{name}/reference",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a low limit of bytes, a release, a dataset and a finished run."""
    data = tmp_path_factory.mktemp("bad") / "data"
    with served(configured(data, **{"limits.body_bytes": LIMIT_BYTES})) as running:
        publish(running)
        rows = {"name": "rows", "examples": [{"example_id": "1", "input": "port?"}]}
        running.client.post("/api/v1/datasets", rows)
        request = {"release": "widgets@1", "dataset": "rows", "name": "fixed"}
        run = running.client.post("/api/v1/runs", request)
        *_, _ = running.client.watch(run["run_id"])
        running.client.post("/api/v1/keys", {"name": "p"})
        running.client.put("/api/v1/routes/p", {})
        running.client.put("/api/v1/guards/policies/p", {})
        running.client.put("/api/v1/probes/p", {"ask": "trimtab/extract", "dataset": "rows"})
        step = {"name": "say", "inputs": {"words": "hello"}}
        running.client.post("/api/v1/plans", {"name": "p", "steps": [step]})
        running.client.post("/api/v1/plans/p/runs", {"wait": True})
        yield running


def filled(server: Served, path: str) -> str:
    """A path with parameters that exist."""
    known = {"datasets": "rows", "prompts": "widgets", "releases": "widgets@1", "keys": "p"}
    known["plans"] = "p"
    run_id = (
        "r" if "{run_id}" not in path else server.client.get("/api/v1/runs")["data"][-1]["run_id"]
    )
    noun = path.split("/")[3] if path.startswith("/api/v1/") else ""
    path = path.replace(":path}", "}")
    ids = {
        "model": "trimtab/extract",
        "run_id": run_id,
        "trace_id": "ab" * 16,
        "span_id": "ab" * 8,
        "id": "7",
        "name": "p",
        "draft": _draft(server) if "{draft}" in path else "",
        "judge": "faithfulness",
        "scorer": "exact",
        "signal": "pii",
        "label": "p",
        "stream": "s",
        "column": "1",
        "plan_run_id": _plan_run(server) if "{plan_run_id}" in path else "",
    }
    return path.format(ref=known.get(noun, ""), **ids)


def _plan_run(server: Served) -> str:
    return str(server.client.get("/api/v1/plan-runs")["data"][-1]["plan_run_id"])


def _draft(server: Served) -> str:
    return str(server.client.post("/api/v1/dataset-drafts", {"name": "drafted"})["draft"])


BODIES: dict[str, bytes] = {
    "null": b"null",
    "a number": b"7",
    "text": b'"widgets"',
    "a list of numbers": b"[1, 2]",
    "cut": b'{"name": "a',
    "two values": b"{} {}",
    "not JSON": b"name=a",
    "broken UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "half a surrogate pair": b'{"name": "\\ud83d"}',
    "deep": b'{"name": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "a huge number": b'{"name": ' + b"9" * 20_000 + b"}",
    "out of range": b'{"name": 1e999}',
    "NaN": b'{"name": NaN}',
    "an unknown field": b'{"nonsense": 1}',
}


@pytest.mark.parametrize("path", MANAGED)
@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_not_what_the_route_takes_is_a_400(
    small: Served, path: str, case: str
) -> None:
    found = problem(small.ask("POST", filled(small, path), BODIES[case]), 400)
    assert found["fix"]


@pytest.mark.parametrize("path", sorted(set(MANAGED) - BODY_OPTIONAL))
@pytest.mark.parametrize("body", [b"", b" \n\t "], ids=["empty", "blank"])
def test_an_empty_body_is_said_to_be_empty(small: Served, path: str, body: bytes) -> None:
    assert (
        "empty" in problem(small.ask("POST", filled(small, path), body), 400, where="$")["detail"]
    )


@pytest.mark.parametrize("path", MANAGED)
def test_an_unknown_field_is_named(small: Served, path: str) -> None:
    found = problem(small.ask("POST", filled(small, path), {"nonsense": 1}), 400, where="$")
    assert "nonsense" in found["detail"] or "missing" in found["detail"]


@pytest.mark.parametrize("path", [CHAT, "/v1/traces", "/api/v1/scores", "/nowhere"])
def test_a_refusal_reaches_a_caller_that_sends_everything_first_and_then_closes(
    small: Served, path: str
) -> None:
    """As urllib does; a connection closed with unread bytes would be reset instead."""
    asked = urllib.request.Request(small.url + path, b" " * (21 << 20), method="POST")
    for _ in range(5):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(asked, timeout=30)
        with caught.value as reply:
            assert reply.code == (404 if path == "/nowhere" else 413)
            assert reply.read()


@pytest.mark.parametrize("path", POSTS)
def test_an_oversized_body_is_refused_declared_or_not(small: Served, path: str) -> None:
    path = filled(small, path)
    declared = small.ask("POST", path, b"", {"content-length": str(LIMIT_BYTES + 1)})
    real = small.ask("POST", path, b" " * (LIMIT_BYTES + 1))
    for reply in (declared, real):
        assert reply.status == 413
        assert str(LIMIT_BYTES) in reply.body.decode()
    if path not in MODEL_API:
        assert problem(real, 413)["limit_bytes"] == LIMIT_BYTES


@pytest.mark.parametrize("path", POSTS)
def test_a_compressed_body_is_refused(small: Served, path: str) -> None:
    reply = small.ask("POST", filled(small, path), b"x", {"content-encoding": "gzip"})
    assert reply.status == 400
    assert b"gzip" in reply.body


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in OURS}))
def test_another_method_is_a_405_that_names_those_that_work(small: Served, path: str) -> None:
    # LangSmith's PATCH /runs/{run_id} takes a run called "batch" as well.
    methods = {
        one.method
        for one in TABLE
        if re.fullmatch(re.sub(r"{\w+(?::path)?}", "[^/]+", one.path), path)
    }
    other = "PATCH" if "DELETE" in methods else "DELETE"
    reply = small.ask(other, filled(small, path))
    assert reply.status == 405
    assert set(reply.headers["allow"].split(", ")) == methods
    if not path.startswith("/v1/"):
        assert problem(reply, 405)["fix"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/api/v1", "/api/v1/nothing", "//", "/%00", "/..%2f.."]
)
def test_a_path_that_is_not_there_is_a_404(small: Served, path: str) -> None:
    assert "openapi.json" in problem(small.ask("GET", path), 404)["fix"]


@pytest.mark.parametrize("path", [path for path in GETS if "{" in path])
@pytest.mark.parametrize(
    "name", ["no such", "a\0b", "x" * 8_000, "日本", "<script>", "..%2f", "@", "a@b@c"]
)
def test_a_name_that_is_not_there_is_answered_as_such(small: Served, path: str, name: str) -> None:
    encoded = quote(name, safe="%")
    reply = small.ask("GET", re.sub(r"{\w+(?::path)?}", lambda _: encoded, path))
    assert reply.status in (400, 404)
    if path not in MODEL_API:
        problem(reply, reply.status)
    assert len(reply.body) < 20_000


@pytest.mark.parametrize("path", GETS)
def test_a_query_that_is_not_text_is_refused(small: Served, path: str) -> None:
    reply = small.ask("GET", f"{filled(small, path)}?limit=%ff")
    assert reply.status == 400
    if path.startswith("/api/v1/"):
        found = problem(small.ask("GET", f"{filled(small, path)}?nonsense=1"), 400)
        assert found["where"] == "query parameter nonsense"


def test_a_head_request_is_answered_without_a_body(small: Served) -> None:
    for path in ("/status", "/healthz", "/api/v1/traces"):
        reply = small.ask("HEAD", path)
        assert (reply.status, reply.body) == (200, b"")


# -- what only the operator may see --------------------------------------------------------------


def test_where_the_store_keeps_its_files_is_in_the_log_and_not_in_an_error(
    small: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise StoreError("telemetry cannot be read", where="/var/lib/trimtab/t.db", fix="wait")

    monkeypatch.setattr(small.app.telemetry, "traces", broken)
    monkeypatch.setattr(small.app.telemetry, "ping", broken)
    found = problem(small.ask("GET", "/api/v1/traces"), 503)
    assert (found["detail"], found["fix"]) == ("telemetry cannot be read", "wait")
    assert "where" not in found
    assert "/var/lib/trimtab/t.db" in caplog.text
    ready = small.ask("GET", "/readyz")
    assert ready.status == 503
    assert ready.json["failures"]["telemetry"] == "telemetry cannot be read; wait"
    assert b"/var" not in ready.body


def test_a_defect_is_a_500_that_says_nothing_and_a_traceback_in_the_log(
    small: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: Any) -> None:
        raise ZeroDivisionError("sk-secret in /var/lib/trimtab")

    monkeypatch.setattr(small.app.telemetry, "span_count", defect)
    found = problem(small.ask("GET", "/api/v1/spans/count"), 500)
    assert found["title"] == "internal error"
    assert "secret" not in json.dumps(found)
    assert "ZeroDivisionError" in caplog.text


# -- fuzzing -----------------------------------------------------------------------------------

NAMES = "widgets widgets@1 rows rows@1 trimtab/extract answer_correct latency user system ../.."
ODD = ["\0", "ab" * 16, "cd" * 8, "a" * 300, "{{ passages }}", "{% if %}", "{{ x | y }}"]
TEXT = st.text(max_size=20) | st.sampled_from([*NAMES.split(), *ODD])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FUZZED = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def shaped(schema: dict[str, Any], schemas: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema describes, with something else in a few places."""
    if "$ref" in schema:
        return shaped(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return st.one_of(*(shaped(one, schemas) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        members = {name: shaped(one, schemas) | JSON for name, one in schema["properties"].items()}
        required = {name: members.pop(name) for name in schema.get("required", [])}
        return st.fixed_dictionaries(required, optional=members)
    if kind == "array":
        items = schema.get("items", {})  # False after the places of a tuple: nothing more
        return st.lists(shaped(items, schemas) if isinstance(items, dict) else JSON, max_size=3)
    plain = {"string": TEXT, "integer": st.integers(), "boolean": st.booleans()}
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    return {**plain, "number": numbers, "null": st.none()}.get(str(kind), JSON)


def bodies(server: Served, path: str) -> st.SearchStrategy[Any]:
    """Bodies like those a route takes, and bodies like nothing."""
    description = server.client.get("/api/v1/openapi.json")
    operation = description["paths"][path]["post"]
    if "requestBody" not in operation:
        message = st.fixed_dictionaries({"role": TEXT, "content": JSON})
        chat = {"model": TEXT, "messages": st.lists(message | JSON, max_size=2), "stream": JSON}
        return st.fixed_dictionaries(chat) | JSON
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return shaped(schema, description["components"]["schemas"]) | JSON


def assert_answered(reply: Reply, path: str) -> None:
    """Any status below 500, in the shape of its API, without anything of the server's inside."""
    assert reply.status < 500, reply.body[:500]
    if reply.status < 400:
        return
    assert not PRIVATE.search(reply.body.decode())
    if path.startswith("/v1/messages"):
        assert set(reply.json["error"]) == {"message", "type", "code"}
    elif path.startswith("/v1/"):
        assert set(reply.json["error"]) == {"message", "type", "param", "code"}
    else:
        problem(reply, reply.status)


@pytest.mark.parametrize("path", POSTS)
def test_whatever_json_is_posted_there_is_an_answer_below_500(small: Served, path: str) -> None:
    target = filled(small, path)
    examples = max(20, FUZZED.max_examples // len(POSTS))

    @settings(FUZZED, max_examples=examples)
    @given(body=bodies(small, path))
    def fuzz(body: Any) -> None:
        assert_answered(small.ask("POST", target, json.dumps(body).encode()), path)

    fuzz()


PARAMETERS = "limit hours route release run name source trace_id target_kind target_id nonsense"
QUERIES = st.dictionaries(
    st.sampled_from(PARAMETERS.split()),
    TEXT | st.integers().map(str) | st.sampled_from(["span", "user", "1", "100"]),
    max_size=4,
)


@FUZZED
@given(path=st.sampled_from(GETS), query=QUERIES, name=TEXT, raw=st.binary(max_size=12))
def test_whatever_is_asked_for_there_is_an_answer_below_500(
    small: Served, path: str, query: dict[str, str], name: str, raw: bytes
) -> None:
    target = re.sub(r"{\w+}", lambda _: quote(name, safe="") or "x", path)
    for asked in (urlencode(query), quote(raw, safe="&=%")):
        reply = small.ask("GET", f"{target}?{asked}", whole=path not in ENDLESS)
        assert_answered(reply, path)
