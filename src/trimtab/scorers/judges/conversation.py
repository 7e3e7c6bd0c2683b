"""`conversation` and `frustration`: a whole conversation, from the first turn to the last."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from trimtab.ports import Judge
from trimtab.records import Message
from trimtab.scorers.definition import scorer
from trimtab.scorers.judgement import Judgement, Unscored
from trimtab.scorers.judges.checklist import Item, verdicts

_CRITERIA = {
    "completeness": (
        "Every request of the user was dealt with by the end, if only by saying why it cannot be.",
        "No question of the user was passed over.",
    ),
    "retention": (
        "The assistant never asks again for what the user told it earlier.",
        "Nothing the assistant says contradicts what was said earlier.",
    ),
    "role": (
        "The assistant keeps to the role, the topic and the tone that its instructions give it.",
        "The assistant never claims to be or to do what it is not or cannot.",
    ),
}
_SIGNS = (
    "The user shows impatience, anger or resignation at the assistant.",
    "The user has to repeat or rephrase a request because it was not understood.",
)


@scorer(tier="judge", scale="unit")
async def conversation(
    messages: tuple[Message, ...], judge: Judge
) -> dict[str, Judgement | Unscored]:
    """`completeness`, `retention` and `role`: the share of two criteria each that are met.

    One call for all three, over the turns of the user and the assistant; its cost is with the
    first of them.
    """
    shown = _material(messages)
    if isinstance(shown, Unscored):
        return dict.fromkeys(_CRITERIA, shown)
    criteria = [text for group in _CRITERIA.values() for text in group]
    found = await verdicts(judge, "conversation", criteria, shown)
    scores: dict[str, Judgement | Unscored] = {}
    cost_usd, place = found.cost_usd, 0
    for name, group in _CRITERIA.items():
        if isinstance(found, Unscored):
            scores[name] = Unscored(found.reason, cost_usd)
        else:
            scores[name] = _share(found.value[place : place + len(group)], criteria, cost_usd)
        cost_usd, place = None, place + len(group)
    return scores


@scorer(tier="judge", scale="unit", higher_is_better=False)
async def frustration(messages: tuple[Message, ...], judge: Judge) -> Judgement | Unscored:
    """The share of two signs of frustration that the user shows; 0 is none, less is better."""
    shown = _material(messages)
    if isinstance(shown, Unscored):
        return shown
    found = await verdicts(judge, "frustration", _SIGNS, shown)
    if isinstance(found, Unscored):
        return found
    return _share(found.value, _SIGNS, found.cost_usd)


def _material(messages: Sequence[Message]) -> dict[str, Any] | Unscored:
    turns = [turn for turn in messages if turn.role in ("user", "assistant")]
    if len(turns) < 2:
        return Unscored("there is no conversation")
    system = "\n".join(turn.text for turn in messages if turn.role in ("system", "developer"))
    told = [f"{turn.role}: {turn.text}" for turn in turns]
    return {"instructions": system, "conversation": told}


def _share(
    items: Sequence[Item], criteria: Sequence[str], cost_usd: Decimal | None
) -> Judgement | Unscored:
    applicable = [item for item in items if item.verdict != "not_applicable"]
    if not applicable:
        return Unscored("does not apply", cost_usd)
    met = [item for item in applicable if item.verdict == "yes"]
    return Judgement(
        value=len(met) / len(applicable),
        evidence=tuple(f"{criteria[i.criterion - 1]} {i.verdict}: {i.reason}" for i in applicable),
        cost_usd=cost_usd,
    )
