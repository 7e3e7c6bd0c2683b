"""Who may do what: routes have permissions, local mode is for this machine, keys are checked."""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.serving import Served, configured, served

from trimtab.api import llm
from trimtab.api.table import TABLE
from trimtab.client import Client
from trimtab.errors import Forbidden, Unauthenticated
from trimtab.records.principal import PERMISSIONS

PUBLIC = {"/healthz", "/readyz", "/api/v1/openapi.json"}
# What an SDK of another platform asks before it sends: nothing recorded is in the answers.
PROBES = {"/info", "/version", "/api/public/health", "/api/is-alive/ping"}
KEY_CHECKS = {
    "/api/public/projects",
    "/api/v1/private/auth/workspace",
    "/api/2.0/mlflow/experiments/get",
    "/api/2.0/mlflow/experiments/get-by-name",
}
SECRET = "tt-" + "s3cret" * 5


def test_every_route_declares_its_permission() -> None:
    without = {endpoint.path for endpoint in TABLE if endpoint.permission is None}
    assert without == PUBLIC | PROBES
    for endpoint in TABLE:
        if endpoint.permission is not None:
            noun, _, verb = endpoint.permission.partition(":")
            assert noun, endpoint.path
            assert verb, endpoint.path


def test_reading_never_needs_more_than_reading_and_writing_never_less() -> None:
    for endpoint in TABLE:
        if endpoint.path in KEY_CHECKS:
            assert endpoint.permission == "traces:write"
            continue
        if endpoint.permission == "gateway:pass":
            assert endpoint.handler is llm.pass_on, "whatever it does, it does to the provider"
            continue
        verb = (endpoint.permission or ":read").partition(":")[2]
        allowed = (
            {"read", "call"} if endpoint.method == "GET" else {"write", "promote", "call", "delete"}
        )
        assert verb in allowed, f"{endpoint.method} {endpoint.path}"


def request(server: Served, path: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    return response.status, body


@pytest.mark.parametrize(
    "headers",
    [{"host": "rebound.example:8321"}, {"origin": "https://evil.example"}, {"host": "["}],
    ids=["DNS rebinding", "a foreign page", "a broken host"],
)
def test_local_mode_refuses_what_a_browser_was_tricked_into(
    widgets: Served, headers: dict[str, str]
) -> None:
    status, body = request(widgets, "/api/v1/traces", headers)
    assert status == 403
    assert body["title"] == "forbidden"


@pytest.fixture
def guarded(tmp_path: Path) -> Any:
    text = f"""
access:
  keys:
    - {{name: admin, key: {SECRET}}}
    - {{name: reader, key: {SECRET}-reader, permissions: ["traces:read"]}}
    - {{name: other, key: {SECRET}-other, project: elsewhere}}
    - {{name: operator, key: {SECRET}-operator, permissions: ["admin:write"]}}
"""
    with served(configured(tmp_path / "data", text)) as running:
        yield running


def test_with_keys_a_request_needs_one(guarded: Served) -> None:
    with pytest.raises(Unauthenticated, match="needs a key"):
        guarded.client.traces()
    with pytest.raises(Unauthenticated, match="not known"):
        Client(guarded.url, key=SECRET + "x").traces()
    assert Client(guarded.url, key=SECRET).traces() == []
    status, body = request(guarded, "/api/v1/traces", {"x-api-key": SECRET})
    assert (status, body) == (200, {"data": [], "next": None})
    assert request(guarded, "/healthz", {})[0] == 200


def test_a_key_can_do_what_it_is_permitted_and_no_more(guarded: Served) -> None:
    reader = Client(guarded.url, key=f"{SECRET}-reader")
    assert reader.traces() == []
    with pytest.raises(Forbidden, match="may not gateway:call"):
        reader.chat("trimtab/extract", "hello")
    with pytest.raises(Forbidden, match="may not releases:read"):
        reader.get("/api/v1/releases")


def test_what_concerns_all_projects_needs_a_key_that_names_it(
    guarded: Served, tmp_path: Path
) -> None:
    """A key without permissions may do everything, in its project."""
    asked = [("compact", None), ("backup", {"directory": str(tmp_path / "copy")})]
    for path, body in asked:
        with pytest.raises(Forbidden, match="may not admin:write"):
            Client(guarded.url, key=SECRET).post(f"/api/v1/admin/{path}", body)
    assert not (tmp_path / "copy").exists()
    for path, body in asked:
        assert Client(guarded.url, key=f"{SECRET}-operator").post(f"/api/v1/admin/{path}", body)


def test_projects_do_not_see_each_other(guarded: Served) -> None:
    admin, other = Client(guarded.url, key=SECRET), Client(guarded.url, key=f"{SECRET}-other")
    trace_id = admin.chat("trimtab/extract", "Which port is the default?")["trace_id"]
    assert len(admin.traces()) == 1
    assert other.traces() == []
    assert other.get("/api/v1/spans/count") == {"count": 0}
    with pytest.raises(Exception, match="no trace"):
        other.trace(trace_id)


def test_an_unauthenticated_answer_names_no_key(guarded: Served) -> None:
    for path in ("/api/v1/traces", "/v1/models"):
        _, body = request(guarded, path, {"authorization": f"Bearer {SECRET}-wrong"})
        assert SECRET not in json.dumps(body)


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": SECRET},
        {"x-api-key": SECRET},
        {"wandb-api-key": SECRET},
        basic("pk-lf-public", SECRET),
        basic(SECRET, ""),
        basic("api", SECRET),
        {**basic("user", "of another kind"), "x-api-key": SECRET},
    ],
    ids=["Bearer", "bare", "x-api-key", "wandb", "public:secret", "user", "api", "two"],
)
def test_a_key_is_taken_where_other_platforms_sdks_put_it(
    guarded: Served, headers: dict[str, str]
) -> None:
    assert request(guarded, "/api/v1/traces", headers)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": SECRET[:-1]},
        {"authorization": f"Token {SECRET}"},
        {"authorization": f"Basic {SECRET}"},
        {"authorization": "Basic"},
        basic("pk-lf-public", SECRET[:-1]),
        basic(SECRET[:5], SECRET[5:]),
        {"wandb-api-key": ""},
    ],
)
def test_nothing_else_is_a_key(guarded: Served, headers: dict[str, str]) -> None:
    status, body = request(guarded, "/api/v1/traces", headers)
    assert status == 401
    assert SECRET[:-1] not in json.dumps(body)


def test_no_credential_is_logged(guarded: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for headers in (
        basic("pk", SECRET),
        basic("pk", SECRET + "x"),
        {"authorization": SECRET + "y"},
    ):
        request(guarded, "/api/v1/traces", headers)
    assert SECRET not in caplog.text
    assert basic("pk", SECRET)["authorization"] not in caplog.text


def test_the_permissions_that_can_be_given_are_those_that_something_asks_for() -> None:
    asked = {endpoint.permission for endpoint in TABLE if endpoint.permission}
    assert sorted(asked) == sorted(PERMISSIONS)
