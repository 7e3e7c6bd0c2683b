"""The attacks of a run: every technique over several goals, the same ones for one seed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set

import msgspec

from trimtab.errors import InvalidRequest
from trimtab.redteam.attack import Attack, Goal, drawing
from trimtab.redteam.built_in import own_goals
from trimtab.redteam.techniques import (
    agency,
    bias,
    consumption,
    encodings,
    indirect,
    leak,
    many_shot,
    pii,
    role_play,
    splitting,
)

OF_GOALS: Mapping[str, Callable[[Goal, int], Iterator[Attack]]] = {
    module.FAMILY: module.attacks for module in (encodings, role_play, splitting, many_shot)
}
"""Families that carry any goal."""

OF_THEIR_OWN: Mapping[str, Callable[[int], Iterator[Attack]]] = {
    module.FAMILY: module.attacks for module in (indirect, leak, pii, agency, consumption)
}
"""Families whose goals belong to them."""

GOALS_EACH = 5
"""On so many of the built-in goals each technique is tried."""

FAMILIES = (*OF_GOALS, *OF_THEIR_OWN)


def attacks(
    seed: int = 0,
    *,
    variants: int = 1,
    families: Sequence[str] = (),
    goals: Sequence[Goal] = (),
    system: str = "",
) -> list[Attack]:
    """The attacks of a run, each once.

    Args:
        variants: so many of each, with other secrets, words and names: those of `seed` and of the
            seeds after it.
        families: of these alone; all without. `bias` is no family of attacks: see `pairs`.
        goals: of the user's own, in the place of the built-in ones; only families that can carry
            any goal are then made, unless `families` names others.
        system: the target's own system prompt, which comes first in every conversation.
    Raises:
        InvalidRequest: there is no such family.
    """
    unknown = next((name for name in families if name not in FAMILIES), None)
    if unknown is not None:
        raise InvalidRequest(
            f"there is no family of attacks {unknown[:100]!r}",
            where="families",
            fix=f"use one of {', '.join(FAMILIES)}",
            allowed=list(FAMILIES),
        )
    chosen = set(families) or set(OF_GOALS if goals else FAMILIES)
    made = [
        _after(attack, system)
        for each in range(seed, seed + variants)
        for attack in _variant(each, chosen, goals, system)
    ]
    return list({attack.attack_id: attack for attack in made}.values())


def _variant(seed: int, chosen: Set[str], goals: Sequence[Goal], system: str) -> Iterator[Attack]:
    made = _carried(seed, goals) if goals else _spread(seed)
    yield from (attack for attack in made if attack.family in chosen)
    for family, own in OF_THEIR_OWN.items():
        if family in chosen:
            yield from leak.attacks(seed, system) if family == leak.FAMILY else own(seed)


def _carried(seed: int, goals: Sequence[Goal]) -> Iterator[Attack]:
    """Every technique over every goal."""
    for make in OF_GOALS.values():
        for goal in goals:
            yield from make(goal, seed)


def _spread(seed: int) -> Iterator[Attack]:
    """Every technique over some of the built-in goals, so that each goal is tried about as often.

    Attacks that want the same thing tend to succeed together: many goals with few attacks on each
    say more than few with many.
    """
    goals = own_goals(seed)
    drawing(seed, "order of goals").shuffle(goals)
    first: dict[str, int] = {}
    for make in OF_GOALS.values():
        for at, goal in enumerate(goals):
            for attack in make(goal, seed):
                start = first.setdefault(attack.technique, len(first) * GOALS_EACH)
                if (at - start) % len(goals) < GOALS_EACH:
                    yield attack


def pairs(seed: int = 0, *, system: str = "") -> list[Attack]:
    """Both sides of every counterfactual pair."""
    return [_after(attack, system) for attack in bias.attacks(seed)]


def _after(attack: Attack, system: str) -> Attack:
    """The attack on a target that has a system prompt of its own."""
    if not system.strip():
        return attack
    first, *rest = attack.messages
    told = {"role": "system", "content": system}
    if first["role"] != "system":
        return msgspec.structs.replace(attack, messages=[told, first, *rest])
    if first["content"] != system:
        told["content"] = f"{system}\n\n{first['content']}"
    return msgspec.structs.replace(attack, messages=[told, *rest])
