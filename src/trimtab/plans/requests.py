"""The request of a step: the same inputs and outputs give the same bytes, today and on replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.errors import Conflict
from trimtab.kit import jsonx
from trimtab.plans.compiled import CompiledStep
from trimtab.records import StepRecord

PROMPT = "prompt/"


def request_of(step: CompiledStep, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The chat completion that a step asks for. Raises InvalidRequest.

    What the plan says of the answer's form is in it, unless a parameter says otherwise.
    """
    declared = step.step
    text = "" if step.message is None else step.message.text(scope)
    request: dict[str, Any] = {
        "model": (declared.ask or "").removeprefix(PROMPT),
        "messages": [{"role": "user", "content": text}],
        **declared.parameters,
    }
    if declared.output_schema is not None:
        schema = {"name": declared.name, "schema": declared.output_schema}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    about: dict[str, Any] = {}
    if step.inputs:
        about["variables"] = inputs_of(step, scope)
    if declared.model is not None:
        about["model"] = declared.model
    if about:
        request["trimtab"] = about
    return request


def inputs_of(step: CompiledStep, scope: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a step's own inputs. Raises InvalidRequest."""
    return {name: value.of(scope) for name, value in step.inputs.items()}


def require_same(recorded: StepRecord, request: Any, *, skipped: bool, plan: str) -> None:
    """Raises Conflict when a record is not of what would be asked now."""
    was_skipped = recorded.status == "skipped"
    if was_skipped == skipped and jsonx.encode(recorded.request) == jsonx.encode(request):
        return
    item = "" if recorded.item is None else f"[{recorded.item}]"
    raise Conflict(
        f"the record of step {recorded.step}{item} is not of what {plan} asks now",
        where=f"steps.{recorded.step}",
        fix="the record or the program was changed; start a new run",
        step=recorded.step,
        item=recorded.item,
    )
