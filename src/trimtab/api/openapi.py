"""The OpenAPI 3.1 description, made from the route table and the record types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.api.http import Endpoint
from trimtab.version import __version__

Schema = dict[str, Any]

_PARAMETER = re.compile(r"{(\w+)(?::path)?}")


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, where, and what to do (RFC 9457); other members are facts for programs."""

    type: str
    title: str
    status: int
    detail: str
    where: str | None = None
    fix: str | None = None


def describe(table: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole description as a JSON-like value."""
    table = [endpoint for endpoint in table if endpoint.described]
    bodies = [(endpoint.takes, endpoint.gives) for endpoint in table]
    types = [body for pair in bodies for body in pair if body is not None]
    found, components = msgspec.json.schema_components(
        [*types, Problem], ref_template="#/components/schemas/{name}"
    )
    schemas = iter(found)
    paths: dict[str, Any] = {}
    for endpoint in table:
        takes = next(schemas) if endpoint.takes is not None else None
        gives = next(schemas) if endpoint.gives is not None else None
        operation = _operation(endpoint, takes, gives)
        paths.setdefault(endpoint.path.replace(":path}", "}"), {})[endpoint.method.lower()] = (
            operation
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Trimtab",
            "version": __version__,
            "description": "The model API answers in OpenAI's dialect under /v1; "
            "the management API is under /api/v1 and answers errors as RFC 9457 problem details.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, takes: Schema | None, gives: Schema | None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _operation_id(endpoint),
        "tags": [_tag(endpoint.path)],
        "responses": _responses(endpoint, gives),
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(endpoint.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in endpoint.query.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if takes is not None:
        content = {"application/json": {"schema": takes}}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.permission is not None:
        operation["security"] = [{"key": []}]
        operation["x-permission"] = endpoint.permission
    return operation


def _responses(endpoint: Endpoint, gives: Schema | None) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Success"}
    if gives is not None:
        success["content"] = {"application/json": {"schema": _page(gives)}}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    media_type = "application/problem+json"
    if endpoint.dialect != "problem":
        problem, media_type = {"schema": {"type": "object"}}, "application/json"
    error = {"description": "What went wrong and what to do", "content": {media_type: problem}}
    return {"2XX": success, "4XX": error, "5XX": error}


def _page(schema: Schema) -> Schema:
    """What a route gives: a list is the `data` of an object."""
    if schema.get("type") != "array":
        return schema
    return {"type": "object", "required": ["data"], "properties": {"data": schema}}


def _operation_id(endpoint: Endpoint) -> str:
    words = re.sub(r"[^a-zA-Z0-9]+", "_", endpoint.path.removeprefix("/api/v1")).strip("_")
    door = "intake_" if endpoint.bulk else ""  # LangSmith's /runs is not our /api/v1/runs
    return f"{endpoint.method.lower()}_{door}{words or 'root'}"


def _tag(path: str) -> str:
    return path.removeprefix("/api/v1").removeprefix("/v1").strip("/").partition("/")[0] or "status"
