"""Demonstrations: sets of examples that may be shown in a prompt, drawn from the train split. Pure.

Rows of the train split and what the present prompt answered to them go in, candidates come out:
random sets of its successes, shown always (bootstrapped, as in Khattab et al. 2023), and those rows
of which the most like each question are shown (nearest neighbours, Liu et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from trimtab.evals.values import as_text, named_in
from trimtab.kit.hashing import digest
from trimtab.optimiser.candidate import Candidate, with_shots
from trimtab.optimiser.metric import Metric
from trimtab.prompts.template import variables_of
from trimtab.records import Example, Message, Prompt, Result, Shot, Shots
from trimtab.records.record import Json

NEAREST = (8, 4)
STATIC = (8, 4)
SETS = 4
MOST = 500  # examples that a prompt carries along, of which the nearest are chosen
_QUESTION = "question"


def candidates_of(
    prompt: Prompt,
    rows: Sequence[Example],
    answered: Sequence[tuple[Example, Result]],
    metric: Metric,
    seed: int,
) -> list[Candidate]:
    """The prompt with examples in several ways; none where the rows give none.

    Args:
        rows: whose expected answers may be shown.
        answered: those of them that the present prompt has answered.
    """
    way = way_of(prompt, rows)
    good = [way.shot(row, _said(one.output)) for row, one in answered if metric.passes(one)]
    good = [shot for shot in good if shot.answer]
    told = [shot for row in rows if (shot := way.shot(row, _said(row.expected))).answer]
    found = [*_nearest(prompt, way, told or good, seed), *_static(prompt, way, good, told, seed)]
    return list({one.digest: one for one in found}.values())


class Way(NamedTuple):
    """How examples are shown: what they go by, and the template of a question and its names."""

    by: str
    question: str
    names: tuple[str, ...]

    def shot(self, row: Example, answer: str) -> Shot:
        """A row as an example."""
        values = named_in(row)
        wanted = {*self.names, self.by}
        return Shot(variables={name: values.get(name, "") for name in wanted}, answer=answer)

    def shots(self, examples: Sequence[Shot], k: int, *, nearest: bool) -> Shots:
        """Examples as a prompt has them."""
        return Shots(
            examples=tuple(examples),
            k=k,
            choose="nearest" if nearest else "first",
            by=self.by,
            question=self.question,
        )


def way_of(prompt: Prompt, rows: Sequence[Example]) -> Way:
    """As the prompt itself asks: by its last message of a user, else the question as it is.

    They go by that variable which differs most from row to row, and of several by the longest.
    """
    last = prompt.messages[-1] if prompt.messages else None
    template = "{{ question }}"
    names: tuple[str, ...] = (_QUESTION,)
    if last is not None and last.role == "user" and isinstance(last.content, str):
        asked = Message(role="user", content=last.content)
        own = variables_of([asked], prompt.syntax)
        if own:
            template, names = last.content, own
    seen = [named_in(row) for row in rows]

    def telling(name: str) -> tuple[int, int]:
        texts = [as_text(one[name]) for one in seen if name in one]
        return len(set(texts)), sum(map(len, texts))

    return Way(max(names, key=telling), template, names)


def _nearest(prompt: Prompt, way: Way, told: Sequence[Shot], seed: int) -> list[Candidate]:
    among = [told[at] for at in sorted(_drawn(len(told), MOST, [seed, "nearest"]))]
    return [
        _candidate(
            prompt,
            way.shots(among, k, nearest=True),
            "nearest",
            f"the {k} of {len(among)} examples that are most like the question",
        )
        for k in NEAREST
        if len(among) > k
    ]


def _static(
    prompt: Prompt, way: Way, good: Sequence[Shot], told: Sequence[Shot], seed: int
) -> list[Candidate]:
    found = []
    for number in range(SETS):
        k = STATIC[number % len(STATIC)]
        pool = good if len(good) >= k else [*good, *(one for one in told if one not in good)]
        if len(pool) < k:
            continue
        chosen = [pool[at] for at in _drawn(len(pool), k, [seed, "static", number])]
        words = f"{k} examples, set {number + 1}"
        found.append(_candidate(prompt, way.shots(chosen, k, nearest=False), "static", words))
    return found


def _candidate(
    prompt: Prompt, shots: Shots, kind: Literal["nearest", "static"], words: str
) -> Candidate:
    return Candidate(prompt=with_shots(prompt, shots), kind=kind, words=words)


def _drawn(size: int, most: int, by: list[Any]) -> list[int]:
    """So many places of a list in an order of chance, the same for the same `by`."""
    return sorted(range(size), key=lambda at: digest([*by, at]))[:most]


def _said(value: Json) -> str:
    return "" if value is None else as_text(value)
