"""A server with a scripted model behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from tests.plans.oracle import PROVIDERS, Oracle, oracle
from tests.serving import Served, configured, served


class Bench(NamedTuple):
    """A server, and the model that it asks."""

    server: Served
    model: Oracle

    def put(self, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Store a plan of these steps; its inputs are `text`, unless others are given."""
        body = {"name": "p", "inputs": {"text": "string"}, "steps": list(steps), **fields}
        return self.server.client.post("/api/v1/plans", body)

    def run(self, inputs: dict[str, Any] | None = None, ref: str = "p") -> dict[str, Any]:
        """Run a plan to its end; the run with its steps."""
        given = {"text": "a,b,c"} if inputs is None else inputs
        body = {"inputs": given, "wait": True}
        run = self.server.client.post(f"/api/v1/plans/{ref}/runs", body)
        return self.shown(run["plan_run_id"])

    def shown(self, run_id: str) -> dict[str, Any]:
        return self.server.client.get(f"/api/v1/plan-runs/{run_id}")

    def over(self, run_id: str) -> dict[str, Any]:
        """A run when it is over."""
        for run in self.server.client.poll(f"/api/v1/plan-runs/{run_id}"):
            if run["status"] != "running":
                return run
        raise AssertionError


@pytest.fixture
def bench(tmp_path: Any) -> Iterator[Bench]:
    with oracle() as (model, upstream):
        text = PROVIDERS.format(url=upstream.base_url)
        with served(configured(tmp_path / "data", text)) as server:
            yield Bench(server, model)


def ask(name: str, message: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "ask": "far/m", "message": message, **fields}
