"""GET /api/v1/openapi.json: structurally valid OpenAPI 3.1 that describes every route truly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.serving import Served

from trimtab.api.table import TABLE

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
# Ours, and what foreign SDKs ask before they send their key.
PUBLIC = {"/healthz", "/readyz", "/api/v1/openapi.json"}
PUBLIC |= {"/api/public/health", "/info", "/api/is-alive/ping", "/version"}


@pytest.fixture(scope="module")
def description(widgets: Served) -> dict[str, Any]:
    reply = widgets.ask("GET", "/api/v1/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    found: dict[str, Any] = reply.json
    return found


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def within(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a value."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for child in children:
            yield from within(child)


def test_the_document_has_what_the_specification_requires(description: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", description["openapi"])
    assert description["info"]["title"]
    assert description["info"]["version"]
    assert set(description) <= {"openapi", "info", "paths", "components", "servers", "tags"}
    for path, method, operation in operations(description):
        assert path.startswith("/")
        assert method in METHODS
        assert operation["responses"], path
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5](XX|\d\d)|default", status)
            assert response["description"]


def test_every_reference_resolves(description: dict[str, Any]) -> None:
    references = [part["$ref"] for part in within(description) if "$ref" in part]
    assert references
    for reference in references:
        target: Any = description
        assert reference.startswith("#/"), "nothing is looked up elsewhere"
        for part in reference.removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        assert isinstance(target, dict)


def test_every_schema_that_is_described_is_used(description: dict[str, Any]) -> None:
    references = {part["$ref"].rpartition("/")[2] for part in within(description) if "$ref" in part}
    assert set(description["components"]["schemas"]) == references


def test_the_table_and_the_description_have_the_same_routes(description: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, method, _ in operations(description)}
    assert described == {(e.method, e.path.replace(":path}", "}")) for e in TABLE if e.described}


def test_operation_ids_are_unique_and_are_identifiers(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(ids)) == len(ids)
    assert all(one.isidentifier() for one in ids)


def test_parameters_are_declared_once_and_path_parameters_are_all_there(
    description: dict[str, Any],
) -> None:
    for path, _, operation in operations(description):
        parameters = operation.get("parameters", [])
        names = [(parameter["in"], parameter["name"]) for parameter in parameters]
        assert len(set(names)) == len(names)
        in_path = {name for place, name in names if place == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), path
        for parameter in parameters:
            assert parameter["schema"]
            assert parameter["in"] in {"path", "query"}
            assert parameter.get("required", False) is (parameter["in"] == "path")


def test_every_operation_says_who_may_call_it(description: dict[str, Any]) -> None:
    (scheme,) = description["components"]["securitySchemes"]
    permissions = {
        (e.method, e.path.replace(":path}", "}")): e.permission for e in TABLE if e.described
    }
    for path, method, operation in operations(description):
        assert operation.get("x-permission") == permissions[method.upper(), path]
        assert ("security" in operation) is (path not in PUBLIC)
        assert operation.get("security", [{scheme: []}]) == [{scheme: []}]


# They need a canary, a split, or a release of the route; their own tests look at what they answer.
NEED_MORE = {
    "/api/v1/behind",
    "/api/v1/config",
    "/api/v1/releases/{ref}/watch",
    "/api/v1/routes/{name}/experiment",
    "/api/v1/routes/{name}/history",
    "/api/v1/routes/{name}/shares",
    "/api/v1/routes/{name}/status",
}


def test_what_a_route_answers_is_what_the_description_says(
    widgets: Served, description: dict[str, Any]
) -> None:
    trace_id = widgets.client.chat("widgets", "Which port is it?")["trace_id"]
    for number in (1, 2):
        rows = [{"example_id": "1", "input": number}, {"example_id": "2", "input": "x"}]
        widgets.client.post("/api/v1/datasets", {"name": "d", "examples": rows})
    started = {"release": "widgets@1", "dataset": "d"}
    run, other = (widgets.client.post("/api/v1/runs", started)["run_id"] for _ in range(2))
    for one in (run, other):
        *_, ended = widgets.client.watch(one)
        assert ended["status"] == "done"
    span_id = widgets.client.trace(trace_id)["spans"][0]["span_id"]
    paths = {"trace_id": trace_id, "span_id": span_id, "run_id": run}
    refs = {"datasets": "d", "prompts": "widgets", "releases": "widgets@1", "keys": "k"}
    refs["plans"] = "r"
    key = {"name": "k", "permissions": ["*"]}
    headers = {"x-api-key": widgets.client.post("/api/v1/keys", key)["secret"]}
    named = {"name": "r", "messages": [{"role": "system", "content": "Be brief."}]}
    widgets.client.post("/api/v1/prompts", named)
    widgets.client.put("/api/v1/routes/r", {"targets": [{"model": "trimtab/extract"}]})
    widgets.client.put("/api/v1/allowances", {"kind": "key", "name": "*", "daily_usd": 1})
    widgets.client.put("/api/v1/guards/policies/r", {"extends": "internal"})
    widgets.client.put("/api/v1/probes/r", {"ask": "trimtab/extract", "dataset": "d"})
    step = {"name": "say", "inputs": {"words": "hello"}}
    widgets.client.post("/api/v1/plans", {"name": "r", "steps": [step]})
    begun = widgets.client.post("/api/v1/plans/r/runs", {"wait": True})
    paths |= {
        "name": "r",
        "scorer": "exact",
        "judge": "rubric",
        "signal": "pii",
        "plan_run_id": begun["plan_run_id"],
    }
    # What some routes cannot do without.
    queries = {
        "/api/v1/runs/{run_id}/changes": f"?baseline={other}",
        "/api/v1/runs/{run_id}/slices": "?by=length",
        "/api/v1/ladder": f"?runs={run},{other}",
        "/api/v1/prompts/{ref}/diff": "?against=widgets@1",
        "/api/v1/releases/{ref}/diff": "?base=widgets@1",
        "/api/v1/routes/{name}/comparison": "?score=liked&base=1&new=2",
    }
    refused = set()
    for path, item in description["paths"].items():
        content = item.get("get", {"responses": {"2XX": {}}})["responses"]["2XX"].get("content")
        if content is None:
            continue
        filled = path.format(ref=refs.get(path.split("/")[3], ""), **paths)
        found = widgets.ask("GET", filled + queries.get(path, ""), headers=headers)
        if found.status == 200:
            _require(found.json, content["application/json"]["schema"], description)
        else:
            refused.add(path)
    assert refused == NEED_MORE


def _require(value: Any, schema: dict[str, Any], description: dict[str, Any]) -> None:
    """The subset of JSON Schema that says which members there are."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = description["components"]["schemas"][name]
    if schema.get("type") == "object" and "properties" in schema:
        assert set(value) <= set(schema["properties"]), schema.get("title")
        assert set(schema.get("required", [])) <= set(value), schema.get("title")
        for name, member in value.items():
            _require(member, schema["properties"][name], description)
    if schema.get("type") == "array":
        assert isinstance(value, list)
        for item in value:
            _require(item, schema.get("items", {}), description)
