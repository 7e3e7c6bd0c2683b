"""The test behind probes: exact, honest over endless looks, and not blind."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.probes.drift import drift_of, threshold
from trimtab.probes.likeness import Given, likeness
from trimtab.probes.look import compared, models_of, reference
from trimtab.records import Result

WORDS = [
    "the",
    "widget",
    "server",
    "listens",
    "on",
    "port",
    "green",
    "paint",
    "dries",
    "four",
    "hours",
    "before",
    "it",
    "is",
    "shipped",
]


def answer(question: int, repeat: int, text: Any, **fields: Any) -> Result:
    return Result(example_id=f"q{question:03}", repeat=repeat, output=text, **fields)


def noisy(rng: random.Random, question: int, *, manner: str = "") -> str:
    """What a model says that picks some of its words by chance, another model in another way."""
    base = [f"answer{question}", *WORDS]
    return " ".join([manner, *(word for word in base if rng.random() < 0.7)]).strip()


def asked(
    rng: random.Random, questions: int, repeats: int, *, manner: str = "", **fields: Any
) -> list[Result]:
    return [
        answer(question, repeat, noisy(rng, question, manner=manner), **fields)
        for question in range(questions)
        for repeat in range(repeats)
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=3, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_the_p_value_is_the_share_of_all_choices_that_are_as_odd(sides: list[list[float]]) -> None:
    grids = []
    for a, b, c in sides:
        grid = np.ones((3, 3))
        grid[0, 1] = grid[1, 0] = a
        grid[0, 2] = grid[2, 0] = b
        grid[1, 2] = grid[2, 1] = c
        grids.append(grid)
    found = drift_of(grids)
    assert found is not None
    odd = [(grid.sum(axis=1) - 1) / 2 for grid in grids]
    whole = [[round(1000 * value) for value in one] for one in odd]
    seen = sum(one[-1] for one in whole)
    sums = [sum(choice) for choice in itertools.product(*whole)]
    share = sum(one <= seen for one in sums) / len(sums)
    assert found.p_value == pytest.approx(share)


def test_a_model_that_always_says_the_same_has_not_changed() -> None:
    before = [answer(q, r, f"answer {q}") for q in range(20) for r in range(3)]
    look = [answer(q, 0, f"answer {q}") for q in range(20)]
    found = compared(look, before, questions=20, look=1, alpha=0.01)
    assert (found.status, found.p_value, found.likeness) == ("same", 1.0, 1.0)


@pytest.mark.parametrize("look", [1, 10, 365])
def test_another_manner_is_seen_however_late_it_comes(look: int) -> None:
    rng = random.Random(look)
    before = asked(rng, 40, 3)
    changed = asked(rng, 40, 1, manner="Certainly! Here is what I found for you today:")
    found = compared(changed, before, questions=40, look=look, alpha=0.01)
    assert found.status == "drifted"
    assert found.likeness is not None
    assert found.expected is not None
    assert found.likeness < found.expected
    assert "another way" in found.sentence


def test_false_alarms_over_all_looks_are_as_rare_as_said() -> None:
    """150 probes of a merely noisy model, 10 looks each: alpha is for all looks together."""
    alpha, alarms = 0.1, 0
    for number in range(150):
        rng = random.Random(number)
        reference_ = asked(rng, 8, 3)
        alarms += any(
            compared(asked(rng, 8, 1), reference_, questions=8, look=look, alpha=alpha).status
            == "drifted"
            for look in range(1, 11)
        )
    assert alarms <= 150 * alpha + 2 * (150 * alpha * (1 - alpha)) ** 0.5
    assert sum(threshold(alpha, look) for look in range(1, 10_000)) < alpha


def test_too_few_questions_say_that_they_cannot_tell() -> None:
    before = [answer(q, r, f"{q}") for q in range(3) for r in range(3)]
    look = [answer(q, 0, "nothing like it") for q in range(3)]
    assert compared(look, before, questions=3, look=1, alpha=0.01).status == "inconclusive"
    assert compared(look, before, questions=3, look=1, alpha=0.1).status == "drifted"


def test_another_name_is_a_change_and_another_fingerprint_is_only_told() -> None:
    rng = random.Random(5)
    before = asked(rng, 10, 3, model="m-2026-01 fp_1")
    same = asked(rng, 10, 1, model="m-2026-01 fp_2")
    told = compared(same, before, questions=10, look=1, alpha=0.01)
    assert told.status == "same"
    assert "fp_2" in told.sentence
    other = asked(rng, 10, 1, model="m-2026-03 fp_3")
    found = compared(other, before, questions=10, look=2, alpha=0.01)
    assert found.status == "drifted"
    assert "m-2026-03" in found.sentence
    assert models_of(other) == ("m-2026-03 fp_3",)


def test_a_look_that_nobody_answered_is_no_drift() -> None:
    before = [answer(q, r, f"{q}") for q in range(10) for r in range(3)]
    failed = [answer(q, 0, None, error="HTTP 500") for q in range(10)]
    found = compared(failed, before, questions=10, look=1, alpha=0.01)
    assert found.status == "failed"
    assert "HTTP 500" in found.sentence
    assert reference(failed, 10).status == "failed"
    half = [*failed[:4], *(answer(q, 0, f"{q}") for q in range(4, 10))]
    assert compared(half, before, questions=10, look=1, alpha=0.1).status == "same"


def test_likeness_is_symmetric_and_knows_perplexity() -> None:
    found = likeness([Given(text="Paris"), Given(text="paris."), Given(text="a green widget")])
    assert np.allclose(found, found.T)
    assert found[0, 1] > found[0, 2]
    alike = likeness([Given(text="x", perplexity=1.0), Given(text="x", perplexity=4.0)])
    assert alike[0, 1] == pytest.approx((3 + 0.25) / 4)
