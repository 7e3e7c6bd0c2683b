"""The primitives `choice` and `ordinal`: one of several descriptions fits best.

A number is never asked for freely: points of an ordinal scale are choices, each with the anchor
that says what it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trimtab.ports import Judge, Question
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.answers import Found, found
from trimtab.scorers.judges.material import messages

_TASK = (
    "{task}\n\nChoose the one that fits best. Give the choice first, then one short reason that "
    "names what in the material decides it.\n\nChoices:\n{choices}"
)


class Chosen(msgspec.Struct, frozen=True):
    """A choice and its reason."""

    choice: str
    reason: str = ""


async def choice(
    judge: Judge,
    name: str,
    task: str,
    choices: Mapping[str, str],
    material: Mapping[str, Any],
    *,
    saying: str = "",
) -> Found[Chosen] | Unscored:
    """Which of the choices fits.

    Args:
        choices: label to what it means, in the order they are shown.
        saying: how a model that answers in prose names its choice, as `{} is better`; the last
            sentence of this form counts. Prose is not read without it.
    Returns:
        The chosen label with its reason; unscored without an answer.
    """
    listed = "\n".join(f"- {label}: {meaning}" for label, meaning in choices.items())
    question = Question(
        name=name,
        messages=messages(_TASK.format(task=task, choices=listed), material),
        schema=_schema(list(choices)),
        read=lambda value: _chosen(value, choices),
        read_text=lambda text: _said(text, choices, saying),
    )
    return await found(judge, question)


async def ordinal(
    judge: Judge,
    name: str,
    task: str,
    anchors: Mapping[int, str],
    material: Mapping[str, Any],
) -> Judgement | Unscored:
    """The point of an ordinal scale whose anchor fits, as a value in [0, 1].

    Args:
        anchors: what each point takes, the worst first; the least becomes 0, the greatest 1.
    """
    choices = {str(point): meaning for point, meaning in anchors.items()}
    answer = await choice(judge, name, task, choices, material)
    if isinstance(answer, Unscored):
        return answer
    low, high = min(anchors), max(anchors)
    point = int(answer.value.choice)
    return Judgement(
        value=(point - low) / (high - low),
        reason=f"{point} of {low} to {high}: {answer.value.reason}".rstrip(": "),
        cost_usd=answer.cost_usd,
    )


def _chosen(value: Any, choices: Mapping[str, str]) -> Chosen:
    chosen = msgspec.convert(value, Chosen)
    if chosen.choice not in choices:
        raise ValueError(f"{chosen.choice!r} is none of {', '.join(choices)}")
    return chosen


def _said(text: str, choices: Mapping[str, str], saying: str) -> Chosen | None:
    """The choice of a model that answered with nothing but its label, or in prose."""
    plain = text.strip().strip("\"'`*.").casefold()
    for label in choices:
        if plain == label.casefold():
            return Chosen(label)
    if not saying:
        return None
    said = text.casefold()
    last = {label: said.rfind(saying.format(label).casefold()) for label in choices}
    chosen = max(last, key=lambda label: last[label])
    return Chosen(chosen, text.strip()) if last[chosen] >= 0 else None


def _schema(labels: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "choice": {"type": "string", "enum": labels},
            "reason": {"type": "string"},
        },
        "required": ["choice", "reason"],
        "additionalProperties": False,
    }
