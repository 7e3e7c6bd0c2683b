"""`conversation`: a whole conversation, from the first turn to the last."""

from __future__ import annotations

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
    "frustration": (
        "The user shows impatience, anger or resignation at the assistant.",
        "The user has to repeat or rephrase a request because it was not understood.",
    ),
}


@scorer(tier="judge", scale="unit")
async def conversation(
    messages: tuple[Message, ...], judge: Judge
) -> dict[str, Judgement | Unscored] | Unscored:
    """`completeness`, `retention` and `role`: the share of two criteria each that are met;
    `frustration`: the share of its two signs that are there, where less is better.

    One call for all four, over the turns of the user and the assistant.
    """
    turns = [turn for turn in messages if turn.role in ("user", "assistant")]
    if len(turns) < 2:
        return Unscored("there is no conversation")
    system = "\n".join(turn.text for turn in messages if turn.role in ("system", "developer"))
    told = [f"{turn.role}: {turn.text}" for turn in turns]
    criteria = [text for group in _CRITERIA.values() for text in group]
    shown = {"instructions": system, "conversation": told}
    found = await verdicts(judge, "conversation", criteria, shown)
    if isinstance(found, Unscored):
        return found
    scores: dict[str, Judgement | Unscored] = {}
    place = 0
    for name, group in _CRITERIA.items():
        scores[name] = _share(found.value[place : place + len(group)], criteria)
        place += len(group)
    return scores


def _share(items: list[Item], criteria: list[str]) -> Judgement | Unscored:
    applicable = [item for item in items if item.verdict != "not_applicable"]
    if not applicable:
        return Unscored("does not apply")
    met = [item for item in applicable if item.verdict == "yes"]
    return Judgement(
        value=len(met) / len(applicable),
        evidence=tuple(f"{criteria[i.criterion - 1]} {i.verdict}: {i.reason}" for i in applicable),
    )
