"""What is stored for good takes no credentials, unless it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.scripted import World, scripted

from trimtab.errors import InvalidRequest

PROVIDER = """
providers:
  - {{name: far, kind: openai_compatible, base_url: '{url}', api_key: test, models: [{{id: one}}]}}
"""
TOKEN = "ghp_" + "sajAIxZ8qLr3VbN5tYwKd0eFm7HuPc2GoXi1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with scripted(tmp_path_factory.mktemp("credentials") / "data", PROVIDER) as world:
        yield world


def plan(message: str, **fields: Any) -> dict[str, Any]:
    step = {"name": "a", "ask": "far/one", "message": message}
    return {"name": "p", "steps": [step], **fields}


DEFAULT = {"q": {"type": "string", "required": False, "default": TOKEN}}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (plan(f"Use {TOKEN}"), "steps[0].message"),
        (plan("{{ inputs.q }}", inputs=DEFAULT), "inputs.q"),
    ],
)
def test_a_plan_with_a_credential_is_refused_unless_it_is_allowed(
    world: World, body: dict[str, Any], where: str
) -> None:
    client = world.server.client
    with pytest.raises(InvalidRequest, match="looks like a credential") as refused:
        client.post("/api/v1/plans", body)
    assert refused.value.where == where
    assert TOKEN not in str(refused.value)
    assert client.post("/api/v1/plans?allow_secrets=true", body)["version"]


def test_a_release_with_a_credential_is_refused_unless_it_is_allowed(world: World) -> None:
    client = world.server.client
    body = {
        "route": "r",
        "targets": [{"model": "far/one"}],
        "parameters": {"metadata": {"key": TOKEN}},
    }
    with pytest.raises(InvalidRequest, match="looks like a credential") as refused:
        client.post("/api/v1/releases", body)
    assert refused.value.where == "parameters"
    assert client.post("/api/v1/releases", {**body, "allow_secrets": True})["version"] == 1


def test_a_reason_keeps_its_words_without_a_credential(world: World) -> None:
    client = world.server.client
    client.post("/api/v1/releases", {"route": "told", "targets": [{"model": "far/one"}]})
    forced = {"force": True, "reason": f"tok {TOKEN} seen"}
    client.post("/api/v1/releases/told@1/promote", forced)
    history = str(client.get("/api/v1/routes/told/history"))
    assert TOKEN not in history
    assert "tok [GITHUB" in history
