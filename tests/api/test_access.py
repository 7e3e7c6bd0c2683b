"""Who may do what: routes have permissions, local mode is for this machine, keys are checked."""

from __future__ import annotations

import base64
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.api.conftest import BUNDLE
from tests.serving import Served, configured, served

from trimtab.api import llm
from trimtab.api.table import TABLE
from trimtab.client import Client
from trimtab.errors import Forbidden, InvalidRequest, Unauthenticated
from trimtab.records.principal import PERMISSIONS

PUBLIC = {"/healthz", "/readyz", "/api/v1/openapi.json"}
# What an SDK of another platform asks before it sends: nothing recorded is in the answers.
PROBES = {"/info", "/version", "/api/public/health", "/api/is-alive/ping"}
ANY_KEY = {"/api/v1/caller"}  # What a caller is told about itself.
KEY_CHECKS = {
    "/api/public/projects",
    "/api/v1/private/auth/workspace",
    "/api/2.0/mlflow/experiments/get",
    "/api/2.0/mlflow/experiments/get-by-name",
}
SECRET = "tt-" + "s3cret" * 5


# Bodies that are looked at, rendered or compared, and kept nowhere.
STORES_NOTHING = {
    "/api/v1/plans/check",
    "/api/v1/playground/render",
    "/api/v1/prompt-drafts/lint",
    "/api/v1/prompt-drafts/preview",
    "/api/v1/prompts/{ref}/preview",
}


def test_every_route_declares_its_permission() -> None:
    without = {one.path for one in TABLE if one.permission is None and one.described}
    assert without == PUBLIC | PROBES
    assert {one.path for one in TABLE if one.permission == ""} == ANY_KEY
    for endpoint in TABLE:
        if endpoint.permission:
            noun, _, verb = endpoint.permission.partition(":")
            assert noun, endpoint.path
            assert verb, endpoint.path


def test_reading_never_needs_more_than_reading_and_writing_never_less() -> None:
    for endpoint in TABLE:
        if endpoint.path in KEY_CHECKS:
            assert endpoint.permission == "traces:write"
            continue
        if endpoint.path in STORES_NOTHING:
            assert str(endpoint.permission).endswith(":read")
            continue
        if endpoint.permission == "gateway:pass":
            assert endpoint.handler is llm.pass_on, "whatever it does, it does to the provider"
            continue
        verb = (endpoint.permission or ":read").partition(":")[2]
        allowed = (
            {"read", "call"}
            if endpoint.method == "GET"
            else {"write", "approve", "promote", "call", "delete", "run"}
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
    - {{name: writer, key: {SECRET}-writer, permissions: ["prompts:write"]}}
    - {{name: mover, key: {SECRET}-mover, permissions: ["prompts:write", "prompts:promote"]}}
    - {{name: router, key: {SECRET}-router, permissions: ["routes:*", "gateway:call"]}}
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


def test_a_key_is_told_whose_it_is_whatever_it_may_do(guarded: Served) -> None:
    assert request(guarded, "/api/v1/caller", {})[0] == 401
    assert request(guarded, "/api/v1/caller", {"x-api-key": SECRET + "x"})[0] == 401
    told = {
        "name": "writer",
        "project": "default",
        "permissions": ["prompts:write"],
        "key_id": None,
        "user": None,
        "team": None,
    }
    asked = request(guarded, "/api/v1/caller", {"x-api-key": f"{SECRET}-writer"})
    assert asked == (200, told)
    other = request(guarded, "/api/v1/caller", {"x-api-key": f"{SECRET}-other"})[1]
    assert (other["name"], other["project"]) == ("other", "elsewhere")


def test_who_may_not_read_prompts_reads_none_by_saving_it_under_another_name(
    guarded: Served,
) -> None:
    words = {"name": "p", "messages": [{"role": "system", "content": "Be brief."}]}
    Client(guarded.url, key=SECRET).post("/api/v1/prompts", words)
    column = {"model": "trimtab/extract", "prompt": "p"}
    writer = Client(guarded.url, key=f"{SECRET}-writer")
    with pytest.raises(Forbidden, match="may not prompts:read"):
        writer.post("/api/v1/playground/save", {"column": column, "name": "q"})


def test_a_protected_label_is_moved_by_whoever_may_promote_prompts(guarded: Served) -> None:
    writer, mover = (Client(guarded.url, key=f"{SECRET}-{who}") for who in ("writer", "mover"))
    draft = {"name": "p", "messages": [{"role": "system", "content": "Be brief."}]}
    writer.post("/api/v1/prompts", draft | {"labels": ["staging"]})
    mine = "/api/v1/prompts/p/labels/production"
    for move in (
        lambda: writer.put(mine, {"version": 1}),
        lambda: writer.delete(mine),
        lambda: writer.post("/api/v1/prompts", draft | {"labels": ["staging", "production"]}),
    ):
        with pytest.raises(Forbidden, match=r"'production' is protected.*may not prompts:promote"):
            move()
    assert writer.put("/api/v1/prompts/p/labels/eu", {"version": 1})["labels"].keys() == {
        "eu",
        "staging",
    }
    assert "production" in mover.put(mine, {"version": 1})["labels"]
    assert "production" not in mover.delete(mine)["labels"]
    admin = Client(guarded.url, key=SECRET)
    assert "production" in admin.put(mine, {"version": 1})["labels"], "* grants it"


@pytest.mark.parametrize(("protected", "refused"), [("[]", ""), ("[live]", "live")])
def test_which_labels_are_protected_is_configured(
    tmp_path: Path, protected: str, refused: str
) -> None:
    text = f"""
access: {{keys: [{{name: writer, key: {SECRET}, permissions: ["prompts:write"]}}]}}
prompts: {{protected_labels: {protected}}}
"""
    with served(configured(tmp_path / "data", text)) as running:
        writer = Client(running.url, key=SECRET)
        message = {"role": "system", "content": "Be brief."}
        for label in ("production", "live"):
            prompt = {"name": label, "messages": [message], "labels": [label]}
            if label == refused:
                with pytest.raises(Forbidden, match="'live' is protected"):
                    writer.post("/api/v1/prompts", prompt)
            else:
                assert writer.post("/api/v1/prompts", prompt)["labels"] == [label]


def test_a_split_is_no_way_round_a_promotion(guarded: Served) -> None:
    admin, router = (Client(guarded.url, key=f"{SECRET}{who}") for who in ("", "-router"))
    message = {"role": "system", "content": "Answer from these.\n{{ passages }}"}
    admin.post("/api/v1/prompts", {"name": "widgets", "messages": [message]})
    live, _ = (
        admin.post("/api/v1/releases", {**BUNDLE, "parameters": {"seed": n}})["release_id"]
        for n in range(2)
    )
    admin.post(f"/api/v1/releases/{live}/promote", {"force": True, "reason": "the first"})

    def split(who: Client, *weights: float) -> Any:
        shares = [{"version": n, "weight": one} for n, one in enumerate(weights, start=1)]
        return who.put("/api/v1/routes/widgets", {"split": shares})

    with pytest.raises(Forbidden, match="may not releases:promote"):
        split(router, 0.9, 0.1)
    with pytest.raises(InvalidRequest, match=r"that are not live have 60% .* may have 50%"):
        split(admin, 0.4, 0.6)
    assert split(admin, 0.5, 0.5)["split"][1]["weight"] == 0.5
    assert split(router, 0.5, 0.5), "who changes something else leaves the shares as they are"


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
    asked.add("prompts:promote")  # besides prompts:write, for labels that are protected
    assert sorted(asked) == sorted(PERMISSIONS)
