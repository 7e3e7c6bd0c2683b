"""The primitive `checklist`: criteria that are met or not, each with a reason after its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from trimtab.ports import Judge, Question
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.answers import Found, found
from trimtab.scorers.judges.material import messages, numbered

Verdict = Literal["yes", "no", "not_applicable"]

_TASK = (
    "For each numbered criterion decide whether it is met: `yes`, `no`, or `not_applicable` where "
    "it does not concern this material. Give the verdict first, then one short reason that names "
    "what in the material decides it.\n\nCriteria:\n"
)


class Item(msgspec.Struct, frozen=True):
    """One criterion as it was judged."""

    criterion: int
    verdict: Verdict
    reason: str = ""


async def checklist(
    judge: Judge,
    name: str,
    criteria: Sequence[str],
    material: Mapping[str, Any],
) -> Judgement | Unscored:
    """The share of the applicable criteria that are met, with the others as evidence.

    Args:
        name: of the schema, for providers and logs.
        criteria: sentences that can be true or false of the material.
        material: what is judged, by name.
    Returns:
        A value in [0, 1]; unscored without an answer, or when nothing applies.
    """
    answer = await verdicts(judge, name, criteria, material)
    return answer if isinstance(answer, Unscored) else _judged(answer, criteria)


async def verdicts(
    judge: Judge,
    name: str,
    criteria: Sequence[str],
    material: Mapping[str, Any],
) -> Found[list[Item]] | Unscored:
    """Each criterion with its verdict, in their order; arguments as for `checklist`."""
    question = Question(
        name=name,
        messages=messages(_TASK + numbered(criteria), material),
        schema=_schema(len(criteria)),
        read=lambda value: _items(value, len(criteria)),
    )
    return await found(judge, question)


def _judged(answer: Found[list[Item]], criteria: Sequence[str]) -> Judgement | Unscored:
    applicable = [item for item in answer.value if item.verdict != "not_applicable"]
    if not applicable:
        return Unscored("no criterion applies", answer.cost_usd)
    missed = [item for item in applicable if item.verdict == "no"]
    return Judgement(
        value=1 - len(missed) / len(applicable),
        reason=f"{len(applicable) - len(missed)} of {len(applicable)} criteria are met",
        evidence=tuple(f"not met: {criteria[i.criterion - 1]} {i.reason}".strip() for i in missed),
        cost_usd=answer.cost_usd,
    )


def _items(value: Any, count: int) -> list[Item]:
    """Each criterion once, in any order. Raises ValueError with what is missing."""
    items = msgspec.convert(value, _Checked).criteria
    if sorted(item.criterion for item in items) != list(range(1, count + 1)):
        raise ValueError(f"each criterion from 1 to {count} is needed exactly once")
    return sorted(items, key=lambda item: item.criterion)


class _Checked(msgspec.Struct, frozen=True):
    criteria: list[Item]


def _schema(count: int) -> dict[str, Any]:
    item = {
        "type": "object",
        "properties": {
            "criterion": {"type": "integer", "minimum": 1, "maximum": count},
            "verdict": {"type": "string", "enum": ["yes", "no", "not_applicable"]},
            "reason": {"type": "string"},
        },
        "required": ["criterion", "verdict", "reason"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"criteria": {"type": "array", "items": item}},
        "required": ["criteria"],
        "additionalProperties": False,
    }
