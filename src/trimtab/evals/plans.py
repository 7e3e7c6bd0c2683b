"""A plan as a task: each row is a run of it on the server, with its steps on record there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.client import Client
from trimtab.errors import InvalidRequest
from trimtab.ports import Response
from trimtab.records import Example, Plan, PlanRun


class PlanTask:
    """Runs a plan for each row; implements what the engine of experiments asks.

    Args:
        client: of the server that has the plan.
    """

    def __init__(self, client: Client, plan: Plan) -> None:
        self._client = client
        self._plan = plan

    async def answer(self, example: Example, _repeat: int) -> Response:
        """The output of a run; a run that failed is an error."""
        try:
            inputs = _inputs(self._plan, example.input)
            found = await asyncio.to_thread(self._client.run_plan, self._plan.ref, inputs)
        except InvalidRequest as error:
            return Response(output=None, error=str(error))
        run = msgspec.convert(found, PlanRun)
        return Response(
            output=run.output if run.status == "done" else None,
            error=None if run.status == "done" else run.error or f"the run is {run.status}",
            latency_ms=((run.ended_ns or run.started_ns) - run.started_ns) / 1e6,
            cost_usd=run.cost_usd if run.calls else Decimal(0),
            trace_id=run.trace_id,
        )


def _inputs(plan: Plan, value: Any) -> Mapping[str, Any]:
    """The inputs of a row. Raises InvalidRequest."""
    names = [one.name for one in plan.inputs]
    if isinstance(value, Mapping) and set(value) <= set(names):
        return value
    needed = [one.name for one in plan.inputs if one.required] or names
    if len(needed) == 1:
        return {needed[0]: value}
    raise InvalidRequest(
        f"the row's input names no inputs of the plan {plan.ref}",
        where="input",
        fix=f"write an object with {', '.join(names) or 'nothing in it'}",
    )
