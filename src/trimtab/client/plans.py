"""Plans: run to their end, and their steps as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trimtab.client.api import Api, api_path
from trimtab.kit import jsonx, sse


class Plans(Api):
    """Runs of plans."""

    def run_plan(self, ref: str, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a plan to its end, whether done or failed; the run with its steps."""
        body = {"inputs": dict(inputs or {})}
        begun = self.post(api_path("plans", ref, "runs"), body)
        for _ in self.plan_steps(begun["plan_run_id"]):
            pass
        run: dict[str, Any] = self.get(api_path("plan-runs", begun["plan_run_id"]))
        return run

    def plan_steps(self, plan_run_id: str) -> Iterator[dict[str, Any]]:
        """The steps of a run of a plan as they are recorded, until the run is over."""
        path = api_path("plan-runs", plan_run_id, "events")
        while True:
            decoder = sse.Decoder()
            for chunk in self.stream(path):
                for event in decoder.feed(chunk):
                    if event.data is None:
                        continue
                    told: dict[str, Any] = jsonx.decode(event.data.encode())
                    if event.name == "step":
                        yield told
                    elif told["status"] != "running":
                        return
