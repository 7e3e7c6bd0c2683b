"""Pairs of an answer and its reference, made by edits a model would make; the same for a seed."""

from __future__ import annotations

import random

AWKWARD = [
    *(
        "1,000",
        "3.5",
        ".5",
        "don't",
        "(x)",
        "e.g.",
        "...",
        "a,.5",
        "&amp;",
        "&lt;b&gt;",
        "5-6",
        "x-",
    ),
    *(
        "«é»",
        "$4.00",
        "U.S.",
        "x/y",
        '"q"',
        "日本語",
        "naïve",
        "<skipped>",
        "A",
        "snake_case",
        "1..2",
        "--",
    ),
]
ENDS = ["", ".", " .", "!\n", "?\t", " "]


def pairs(seed: int, count: int, low: int, high: int) -> list[tuple[str, str]]:
    """References of `low` to `high` words; answers with words lost, replaced and phrases moved."""
    rng = random.Random(seed)
    letters = "abcdefghij"
    words = ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(600)]
    words += AWKWARD * 3
    return [_pair(rng, words, low, high) for _ in range(count)]


def _pair(rng: random.Random, words: list[str], low: int, high: int) -> tuple[str, str]:
    reference = rng.choices(words, k=rng.randint(low, high))
    change, drop = rng.random() * 0.6, rng.random() * 0.2
    answer = [rng.choice(words) if rng.random() < change else word for word in reference]
    answer = [word for word in answer if rng.random() >= drop]
    while len(answer) > 4 and rng.random() < 0.6:
        start = rng.randrange(len(answer) - 1)
        phrase = answer[start : start + rng.randint(1, 6)]
        rest = answer[:start] + answer[start + len(phrase) :]
        target = rng.randrange(len(rest) + 1)
        answer = rest[:target] + phrase + rest[target:]
    if rng.random() < 0.05:
        answer = rng.choices(words, k=rng.randint(0, high))
    return _text(rng, answer), _text(rng, reference)


def _text(rng: random.Random, words: list[str]) -> str:
    text = "".join(word + rng.choice("    \n") for word in words)
    return (text.title() if rng.random() < 0.2 else text).strip() + rng.choice(ENDS)
