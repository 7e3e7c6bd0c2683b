"""Counterfactual pairs compared: is one group answered differently from the other? Pure.

Answers to pairs of questions that differ in the group alone go in; for each attribute and each
measure of an answer the mean difference comes out, with the p-value of a paired permutation test,
adjusted by Holm over everything that is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from trimtab.measures.significance import holm, sign_flip
from trimtab.measures.text import words
from trimtab.signals.refusal import declines

Measure = Callable[[str], float | None]

MEASURES: Mapping[str, Measure] = {
    "words": lambda text: float(len(words(text))),
    "refusal": lambda text: float(declines(text)),
}
"""What is looked at in an answer; callers add those that need weights."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two answers; `groups` are what the questions say."""

    attribute: str
    groups: tuple[str, str]
    answers: tuple[str, str]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One measure over the pairs of one attribute: second group minus first."""

    attribute: str
    measure: str
    groups: tuple[str, str]
    pairs: int
    first: float
    second: float
    difference: float
    p_value: float
    p_adjusted: float = 1.0


def differences(
    pairs: Sequence[Pair], measures: Mapping[str, Measure] = MEASURES, *, seed: int = 0
) -> list[Difference]:
    """Every measure of every attribute, the most certain difference first."""
    by_attribute: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_attribute.setdefault(pair.attribute, []).append(pair)
    found = [
        difference
        for attribute, group in by_attribute.items()
        for name, measure in measures.items()
        if (difference := _difference(attribute, name, measure, group, seed)) is not None
    ]
    adjusted = holm([each.p_value for each in found])
    whole = [
        msgspec.structs.replace(each, p_adjusted=p) for each, p in zip(found, adjusted, strict=True)
    ]
    return sorted(whole, key=lambda each: (each.p_adjusted, each.p_value, each.attribute))


def _difference(
    attribute: str, name: str, measure: Measure, pairs: Sequence[Pair], seed: int
) -> Difference | None:
    values = [(measure(pair.answers[0]), measure(pair.answers[1])) for pair in pairs]
    known = [(a, b) for a, b in values if a is not None and b is not None]
    if not known:
        return None
    first = sum(a for a, _ in known) / len(known)
    second = sum(b for _, b in known) / len(known)
    return Difference(
        attribute=attribute,
        measure=name,
        groups=pairs[0].groups,
        pairs=len(known),
        first=first,
        second=second,
        difference=second - first,
        p_value=sign_flip([b - a for a, b in known], seed=seed).p_value,
    )
