"""Claims made of passages: what `training.groundedness` fits to, and what it measures with."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.embeddings.table import table
from trimtab.signals.support import COMMON

_GLUED = re.compile(r"(?<=[a-z)\]\"])\.(?=[A-Z])")
_OPENINGS = ("Yes, ", "Well, ", "Right: ", "As far as is known, ", "I read that ", "", "", "", "")
_PERSONAL = (
    "I love that, do you like it as well?",
    "My sister went there last year and would not stop talking about it.",
    "I have never tried it myself, but I would like to one day.",
    "What do you think of it?",
    "We used to do that every summer when I was a child.",
    "That is my favourite, I could watch it all day.",
    "Did you hear about it on the news this morning?",
    "I am not so sure, my friends say something else.",
)


class Claim(NamedTuple):
    """A text, what it is held against, whether that supports it, and how it was made."""

    text: str
    context: str
    is_supported: bool
    kind: str


def made(passages: Sequence[str], *, seed: int = 3) -> list[Claim]:
    """Claims made of passages, about as many of each kind."""
    chance = random.Random(seed)
    found = []
    near = _nearest(passages)
    for at, passage in enumerate(passages):
        others = chance.sample(range(len(passages)), chance.choice((0, 0, 1, 3, 8)))
        parts = [passage, *(passages[one] for one in others if near[at] != one)]
        chance.shuffle(parts)
        context = _GLUED.sub(". ", " ".join(parts))
        own = _sentences(passage)
        foreign = _sentences(passages[near[at]])
        for kind, is_supported, make in _MAKERS:
            text = make(own, foreign, chance)
            if text:
                found.append(Claim(chance.choice(_OPENINGS) + text, context, is_supported, kind))
    return found


def summaries(passages: Sequence[str], *, seed: int = 4) -> list[Claim]:
    """Up to three sentences of four passages, and the same with one of them made wrong."""
    chance = random.Random(seed)
    near = _nearest(passages)
    found = []
    for at, passage in enumerate(passages):
        others = chance.sample(range(len(passages)), 3)
        parts = [passage, *(passages[one] for one in others if one not in {at, near[at]})]
        chance.shuffle(parts)
        own = [one for part in parts for one in _sentences(part)]
        chosen = chance.sample(own, min(3, len(own)))
        right = [_shortened([one], [], chance) if chance.random() < 0.4 else one for one in chosen]
        context = _GLUED.sub(". ", " ".join(parts))
        found.append(Claim(" ".join(right), context, True, "summary"))
        foreign = _sentences(passages[near[at]])
        for kind, make in WRONG:
            place = chance.randrange(len(right))
            wrong = make([right[place]], foreign, chance)
            if wrong:
                text = " ".join([*right[:place], wrong, *right[place + 1 :]])
                found.append(Claim(text, context, False, kind))
    return found


def _sentences(passage: str) -> list[str]:
    parts = re.split(r"(?<=[.!?])\s+", _GLUED.sub(". ", passage))
    return [part for part in parts if len(part.split()) > 5] or [passage]


def _nearest(passages: Sequence[str]) -> list[int]:
    vectors = table().embed(passages)
    cosines = vectors @ vectors.T
    cosines[cosines > 0.95] = -1  # itself, and others that say the same
    return [int(at) for at in cosines.argmax(axis=1)]


def _kept(own: list[str], _: list[str], chance: random.Random) -> str:
    return chance.choice(own)


def _shortened(own: list[str], _: list[str], chance: random.Random) -> str:
    words = chance.choice(own).split()
    start = chance.randrange(len(words) // 2)
    return " ".join(words[:start] + words[start + chance.randint(2, 6) :])


def _reworded(own: list[str], _: list[str], chance: random.Random) -> str:
    words = [word for word in chance.choice(own).split() if chance.random() > 0.15]
    for at, word in enumerate(words):
        if word.lower() in COMMON:
            words[at] = chance.choice((word, "the", "of", "which", "was", "that", "has"))
        elif word.islower() and word.isalpha() and chance.random() < 0.6:
            words[at] = chance.choice(_alike(word))
    middle = chance.randrange(len(words))
    return " ".join(words[middle:] + words[:middle]) if chance.random() < 0.5 else " ".join(words)


def _combined(own: list[str], _: list[str], chance: random.Random) -> str:
    return " ".join(chance.sample(own, min(2, len(own))))


def _foreign(_: list[str], foreign: list[str], chance: random.Random) -> str:
    return chance.choice(foreign)


def _swapped(own: list[str], foreign: list[str], chance: random.Random) -> str:
    """A sentence with content words of another passage in the place of its own."""
    words = chance.choice(own).split()
    spare = [word for one in foreign for word in one.split() if word.lower() not in COMMON]
    places = [at for at, word in enumerate(words) if word.lower() not in COMMON]
    for at in chance.sample(places, max(1, len(places) * chance.randint(2, 6) // 10)):
        words[at] = chance.choice(spare or ["nothing"])
    return " ".join(words)


def _spliced(own: list[str], foreign: list[str], chance: random.Random) -> str:
    first, last = chance.choice(own).split(), chance.choice([*own, *foreign]).split()
    return " ".join(first[: len(first) // 2] + last[len(last) // 2 :])


def _renumbered(own: list[str], _: list[str], chance: random.Random) -> str:
    chosen = chance.choice(own)
    text = re.sub(r"\d+", lambda _: str(chance.randint(2, 2100)), chosen)
    return text if text != chosen else ""


def _personal(_: list[str], foreign: list[str], chance: random.Random) -> str:
    return chance.choice((*_PERSONAL, f"{chance.choice(foreign)} {chance.choice(_PERSONAL)}"))


_MAKERS: tuple[tuple[str, bool, Callable[[list[str], list[str], random.Random], str]], ...] = (
    ("kept", True, _kept),
    ("shortened", True, _shortened),
    ("reworded", True, _reworded),
    ("combined", True, _combined),
    ("foreign", False, _foreign),
    ("swapped", False, _swapped),
    ("spliced", False, _spliced),
    ("renumbered", False, _renumbered),
    ("personal", False, _personal),
)


WRONG: tuple[tuple[str, Callable[[list[str], list[str], random.Random], str]], ...] = (
    ("swapped", _swapped),
    ("spliced", _spliced),
    ("renumbered", _renumbered),
    ("foreign", _foreign),
)


@cache
def _names() -> tuple[list[str], npt.NDArray[np.float32]]:
    names = [one for one in table().vocabulary[1_000:20_000] if one.isalpha()]
    return names, table().embed(names)


@cache
def _alike(word: str) -> list[str]:
    """Whole words of the vocabulary near to a word."""
    names, vectors = _names()
    best = np.argsort(-(vectors @ table().embed([word])[0]))[1:4]
    return [names[at] for at in best]
