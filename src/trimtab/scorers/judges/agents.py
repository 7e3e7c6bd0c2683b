"""`task_completion` and `tool_choice`: what an agent was to do, and how it went about it."""

from __future__ import annotations

from typing import Any

from trimtab.kit import jsonx
from trimtab.ports import Judge
from trimtab.records import ToolCall
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.checklist import checklist
from trimtab.scorers.judges.choice import ordinal

_COMPLETION = {
    1: "nothing of what was asked for is done, or something else is",
    2: "a part is done and an essential part is missing or wrong",
    3: "what was asked for is done but for details",
    4: "everything that was asked for is done, as far as the record shows",
}
_CHOICE = (
    "Every tool that was called was a fitting one for the step it was called for.",
    "No tool that was needed and available was left out.",
    "The arguments of every call follow from the request or from earlier results.",
    "No call repeats an earlier one without a reason.",
)


@scorer(tier="judge", scale="unit")
async def task_completion(
    input: str,
    output: str,
    judge: Judge,
    tool_calls: tuple[ToolCall, ...] | None = None,
    expected: Any = None,
) -> Judgement | Unscored:
    """How far what the user asked for is done, on an anchored scale of four points.

    What tools gave back is the evidence; an answer that claims what no tool did is not done.
    """
    shown = {
        "request": input,
        "answer": output,
        "steps": told(tool_calls or ()),
        "what_counts_as_done": expected,
    }
    task = "How far is what <request> asks for done? Believe <steps> over what <answer> claims."
    return await ordinal(judge, "task_completion", task, _COMPLETION, shown)


@scorer(tier="judge", scale="unit")
async def tool_choice(
    input: str,
    tool_calls: tuple[ToolCall, ...],
    judge: Judge,
    metadata: dict[str, Any] | None = None,
) -> Judgement | Unscored:
    """Share of four criteria met by the calls an agent made; `metadata.tools` are those it had."""
    shown = {
        "request": input,
        "available_tools": (metadata or {}).get("tools"),
        "steps": told(tool_calls) or ["no tool was called"],
    }
    return await checklist(judge, "tool_choice", _CHOICE, shown)


def told(calls: tuple[ToolCall, ...]) -> list[str]:
    """Calls as a judge reads them.

    >>> told((ToolCall(name="add", arguments={"a": 1}, result=2),))
    ['add({"a":1}) gave 2']
    """
    return [
        f"{call.name}({_json(call.arguments)})"
        + (f" failed: {call.error}" if call.error else f" gave {_json(call.result)}")
        for call in calls
    ]


def _json(value: Any) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else jsonx.encode(value).decode())[:4_000]
