"""How much a model may think, in the ways that models of Anthropic's dialect take it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from trimtab.dialects.llm.question import Question, ThinkingContent, ToolResult, ToolUse, Turn

IDLE = {"type": "disabled"}
LEAST_BUDGET = 1_024
"""The smallest thinking budget that the API takes (Anthropic's reference of `thinking`)."""


_EFFORTS = {"minimal": "low"}
_BUDGETS = {"minimal": 1_024, "low": 4_096, "medium": 16_384, "high": 32_768}
_MOST_BUDGET = 49_152  # for efforts beyond high
# Claude models that take a number of tokens; those after 4.5 take an effort, and models of others
# that speak this dialect know only the number.
_TAKES_BUDGET = re.compile(
    r"claude-(?:[23]|instant|(?:opus|sonnet|haiku)-4(?:-[015](?!\d)|[-@]\d{8}|$))"
)


def thoughts(question: Question, model: str, lost: dict[str, None]) -> dict[str, Any]:
    """`thinking` and `effort` as the model takes them; `room` is what thinking adds to a limit."""
    asked = question.thinking
    if asked is None:
        return {}
    if asked.effort == "none":
        return {"thinking": IDLE}
    if _is_forced(question) or _is_in_the_middle(question.turns):
        lost["thinking"] = None
        return {}
    if asked.budget_tokens is None and takes_effort(model):
        effort = _EFFORTS.get(asked.effort or "", asked.effort)
        return {"thinking": {"type": "adaptive"}, "effort": effort}
    budget = asked.budget_tokens
    if budget is None:
        budget = _BUDGETS.get(asked.effort or "medium", _MOST_BUDGET)
    if question.max_tokens is not None:
        budget = min(budget, question.max_tokens - 1)
    if budget < LEAST_BUDGET:
        lost["thinking"] = None
        return {}
    return {"thinking": {"type": "enabled", "budget_tokens": budget}, "room": budget}


def _is_forced(question: Question) -> bool:
    """A model that thinks cannot be made to call a tool."""
    choice = question.tool_choice
    return choice is not None and choice.mode in ("required", "named")


def _is_in_the_middle(turns: Sequence[Turn]) -> bool:
    """Whether the model waits for results of calls whose thinking cannot be given back.

    The API refuses to go on thinking in such a turn.
    """
    answered = False
    for turn in reversed(turns):
        if turn.role == "user":
            answered = answered or any(isinstance(c, ToolResult) for c in turn.content)
            continue
        if any(isinstance(c, ThinkingContent) and is_sealed(c) for c in turn.content):
            return False
        return answered and any(isinstance(c, ToolUse) for c in turn.content)
    return False


def takes_effort(model: str) -> bool:
    """Whether a model takes an effort instead of a number of tokens.

    >>> takes_effort("claude-opus-4-6"), takes_effort("anthropic.claude-sonnet-4-5-20250929-v1:0")
    (True, False)
    """
    return "claude" in model and _TAKES_BUDGET.search(model) is None


def is_sealed(thought: ThinkingContent) -> bool:
    """Whether a thought can be given back; the seals of other APIs begin with their names."""
    return bool(thought.redacted or (thought.signature and ":" not in thought.signature))
