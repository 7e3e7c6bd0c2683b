"""Noise on texts, the same for attacks and harmless texts, so that noise says nothing."""

from __future__ import annotations

import random

_LEET = {
    "a": "4@",
    "e": "3",
    "i": "1!",
    "o": "0",
    "s": "5$",
    "t": "7",
    "g": "9",
    "b": "8",
    "l": "1",
}
_ENDS = ("", ".", "!", "?", "...", " ", "\n")


def mutated(text: str, rng: random.Random) -> str:
    """A text with one kind of noise, or none."""
    return rng.choices(
        (_same, _lower, _upper, _typos, _leet, _spaced, _ended, _quoted),
        weights=(8, 4, 2, 4, 3, 2, 2, 1),
    )[0](text, rng)


def _same(text: str, _: random.Random) -> str:
    return text


def _lower(text: str, _: random.Random) -> str:
    return text.lower()


def _upper(text: str, _: random.Random) -> str:
    return text.upper()


def _typos(text: str, rng: random.Random) -> str:
    """Letters swapped, left out or doubled, about one word in eight."""
    found = []
    for word in text.split(" "):
        at = rng.randrange(1, len(word) - 1) if len(word) > 3 else 0
        if at and rng.random() < 0.12:
            swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            left_out, doubled = word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]
            found.append((swapped, left_out, doubled)[rng.randrange(3)])
        else:
            found.append(word)
    return " ".join(found)


def _leet(text: str, rng: random.Random) -> str:
    share = rng.choice((0.2, 0.5, 0.9))
    return "".join(
        rng.choice(_LEET[low]) if (low := char.lower()) in _LEET and rng.random() < share else char
        for char in text
    )


def _spaced(text: str, rng: random.Random) -> str:
    return "".join(char + "  " if char == " " and rng.random() < 0.3 else char for char in text)


def _ended(text: str, rng: random.Random) -> str:
    return text.rstrip(".!? ") + rng.choice(_ENDS)


def _quoted(text: str, rng: random.Random) -> str:
    quote = rng.choice(('"', "'", "```", "“"))
    return f"{quote}{text}{'”' if quote == '“' else quote}"
