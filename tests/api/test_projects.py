"""The projects of a server: all of them in local mode, a key's own with keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.serving import configured, served

from trimtab.client import Client
from trimtab.errors import Forbidden
from trimtab.kit import ids
from trimtab.records import Span
from trimtab.records.span import SpanKind

PROJECTS = "/api/v1/projects"
HOUR_NS = 3_600_000_000_000
NOON = 500_000 * HOUR_NS
SECRET = "a-secret-of-the-operator-0123456789"
EMPTY = {"open": False, "spans": 0, "calls": 0, "last_hour_ns": None, "keys": 0}


def recorded(project: str, kind: SpanKind = "llm", start_ns: int = NOON) -> Span:
    return Span(
        trace_id=ids.trace_id(),
        span_id=ids.span_id(),
        project=project,
        name=kind,
        kind=kind,
        start_ns=start_ns,
        end_ns=start_ns + 1,
        status="ok",
    )


def told(**changes: Any) -> dict[str, Any]:
    return EMPTY | changes


def test_in_local_mode_every_project_that_anything_names_is_listed(tmp_path: Path) -> None:
    text = """
retention: [{project: payments, days: 400}]
gateway:
  allowances: [{project: bounded, kind: team, name: support, monthly_usd: 100}]
"""
    with served(configured(tmp_path / "data", text)) as server:
        spans = [recorded("shop"), recorded("shop", "tool", NOON + HOUR_NS + 7)]
        server.app.telemetry.append(spans).result(timeout=60)
        headers = {"x-trimtab-project": "words", "content-type": "application/json"}
        said = {"name": "p", "messages": [{"role": "system", "content": "Be brief."}]}
        assert server.ask("POST", "/api/v1/prompts", said, headers).status == 201
        key = server.client.post("/api/v1/keys", {"name": "till", "permissions": ["*"]})
        whole = [
            told(name="bounded"),
            told(name="default", open=True, keys=1),
            told(name="payments"),
            told(name="shop", spans=2, calls=1, last_hour_ns=NOON + HOUR_NS),
            told(name="words"),
        ]
        assert server.client.get(PROJECTS)["data"] == whole
        there = server.ask("GET", PROJECTS, headers=headers).json["data"]
        assert [one["name"] for one in there if one["open"]] == ["words"]
        of_key = {"x-api-key": key["secret"], "x-trimtab-project": "shop"}
        assert server.ask("GET", PROJECTS, headers=of_key).json["data"] == [whole[1]]


def test_a_key_sees_its_own_project_and_how_many_keys_only_where_it_may(tmp_path: Path) -> None:
    text = f"""
access:
  keys:
    - {{name: local, key: {SECRET}}}
    - {{name: reader, key: {SECRET}-reader, permissions: ["metrics:read"], project: shop}}
    - {{name: blind, key: {SECRET}-blind, permissions: ["traces:read", "admin:*"]}}
"""
    with served(configured(tmp_path / "data", text)) as server:
        server.app.telemetry.append([recorded("shop"), recorded("default")]).result(timeout=60)
        figures = {"open": True, "spans": 1, "calls": 1, "last_hour_ns": NOON}
        own = told(name="default", **figures)
        assert Client(server.url, key=SECRET).get(PROJECTS)["data"] == [own]
        shop = told(name="shop", **figures, keys=None)
        assert Client(server.url, key=f"{SECRET}-reader").get(PROJECTS)["data"] == [shop]
        with pytest.raises(Forbidden, match="may not metrics:read"):
            Client(server.url, key=f"{SECRET}-blind").get(PROJECTS)
