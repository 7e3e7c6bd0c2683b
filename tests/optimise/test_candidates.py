"""Candidates keep what a prompt needs, and say how they differ from it."""

from __future__ import annotations

import pytest
from tests.optimise.simulator import PROMPT

from trimtab.optimiser import demos
from trimtab.optimiser.candidate import (
    fault_in,
    instruction_of,
    is_near,
    with_instruction,
    with_shots,
)
from trimtab.optimiser.difference import difference
from trimtab.optimiser.instructions import failures_of, read_instructions
from trimtab.optimiser.job import Goal
from trimtab.optimiser.metric import Metric, Metrics
from trimtab.optimiser.prepare import draft
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Example, Prompt, Result, Score, Shot, Shots, Target

METRIC = Metric(goal=Goal(metric="exact"), scale=(0.0, 1.0))
ROWS = [
    Example(
        example_id=str(n),
        input={"question": f"question {n} about {'parcels' if n % 2 else 'invoices'}", "shop": "A"},
        expected="delivery" if n % 2 else "billing",
    )
    for n in range(20)
]


def result(row: Example, *, passed: bool | None) -> Result:
    score = Score(
        score_id=row.example_id,
        target=Target(kind="example", id=row.example_id),
        name="exact",
        passed=passed,
        status="scored" if passed is not None else "error",
        reason=None if passed is not None else "broke",
        time_ns=0,
    )
    return Result(example_id=row.example_id, output=row.expected, scores=(score,))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Sort the message of a customer of {{ shop }}. Be careful.", None),
        ("Sort the message.", "loses the variables shop"),
        ("For {{ shop }} in a {{ mood }} mood.", "invents the variables mood"),
        ("Sort {{ shop }} {% if %}", "no template"),
        ("{% include 'other' %} {{ shop }}", "invents the partials other"),
        ("  ", "empty"),
    ],
)
def test_an_instruction_keeps_the_variables_it_had(text: str, why: str | None) -> None:
    found = fault_in(text, draft(PROMPT))
    assert (found is None) if why is None else (found is not None and why in found)


def test_instructions_that_say_nearly_the_same_are_one() -> None:
    own = instruction_of(draft(PROMPT))
    assert is_near(own + " ", [own])
    assert is_near(own.upper(), [own])
    assert is_near(own.rstrip("."), [own])
    assert not is_near(own + " Answer briefly.", [own])
    long = " ".join(f"word{n}" for n in range(200))
    assert is_near(long.replace("word7 ", "other "), [long])
    assert not is_near(long + " Always answer in capital letters.", [long])


def test_only_the_instruction_changes() -> None:
    before = draft(PROMPT)
    after = with_instruction(before, "Sort for {{ shop }}, well.")
    assert after.messages[1:] == before.messages[1:]
    assert after.digest != before.digest
    assert "+Sort for {{ shop }}, well." in difference(before, after)


def test_examples_come_from_successes_and_from_the_rows() -> None:
    answered = [(row, result(row, passed=n < 6)) for n, row in enumerate(ROWS[:10])]
    found = demos.candidates_of(draft(PROMPT), ROWS, answered, METRIC, seed=0)
    nearest = [one for one in found if one.kind == "nearest"]
    static = [one for one in found if one.kind == "static"]
    assert {one.prompt.shots.k for one in nearest if one.prompt.shots} == {4, 8}
    assert len(static) == 4
    asked = {str(row.input["question"]) for row, _ in answered[:6]}  # type: ignore[index,call-overload]
    few = static[1].prompt.shots
    assert few is not None
    assert {shot.variables["question"] for shot in few.examples} <= asked
    again = demos.candidates_of(draft(PROMPT), ROWS, answered, METRIC, seed=0)
    assert [one.digest for one in again] == [one.digest for one in found]
    other = demos.candidates_of(draft(PROMPT), ROWS, answered, METRIC, seed=1)
    assert [one.digest for one in other] != [one.digest for one in found]


def test_the_nearest_examples_are_shown_as_turns_and_never_the_row_itself() -> None:
    found = demos.candidates_of(draft(PROMPT), ROWS, [], METRIC, seed=0)
    prompt = next(one.prompt for one in found if one.kind == "nearest")
    messages = CompiledPrompt(prompt).render(ROWS[3].input)  # type: ignore[arg-type]
    assert [message.role for message in messages[:3]] == ["system", "user", "assistant"]
    asked = [message.content for message in messages[1:-1] if message.role == "user"]
    assert messages[-1].content == "question 3 about parcels"
    assert "question 3 about parcels" not in asked
    assert all("parcels" in str(text) for text in asked)


@pytest.mark.parametrize(
    ("messages", "by", "question"),
    [
        (PROMPT, "question", "{{ question }}"),
        ("Sort it.", "question", "{{ question }}"),
        (
            [{"role": "user", "content": "In {{ shop }} they ask: {{ question }}"}],
            "question",
            "In {{ shop }} they ask: {{ question }}",
        ),
    ],
)
def test_examples_are_asked_as_the_prompt_asks(messages: object, by: str, question: str) -> None:
    way = demos.way_of(draft(messages), ROWS)
    assert (way.by, way.question) == (by, question)


def test_a_difference_shows_the_examples() -> None:
    before = draft(PROMPT)
    shots = Shots(examples=(Shot(variables={"question": "Where is it?"}, answer="delivery"),), k=1)
    assert "+- Where is it? -> delivery" in difference(before, with_shots(before, shots))


def test_what_has_no_score_is_the_worst_failure() -> None:
    rows = ROWS[:4]
    scores = (True, False, None, True)
    results = [result(row, passed=passed) for row, passed in zip(rows, scores, strict=True)]
    found = failures_of(rows, results, Metrics(first=METRIC))
    assert [row.example_id for row, _ in found] == ["2", "1"]


def test_a_row_that_lost_its_score_counts_as_lost() -> None:
    before = [result(row, passed=True) for row in ROWS[:4]]
    after = [result(ROWS[0], passed=None), *(result(row, passed=True) for row in ROWS[1:4])]
    with_worst = [*before[:3], result(ROWS[3], passed=False)]
    assert METRIC.gain(before, before) == 0
    assert METRIC.gain(with_worst, after) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('```json\n{"instructions": ["a", "b"]}\n```', ["a", "b"]),
        ("nothing", []),
        ('{"instructions": "a"}', []),
        ("{broken}", []),
    ],
)
def test_instructions_are_read_from_what_a_model_says(text: str, found: list[str]) -> None:
    assert read_instructions(text) == found


def test_a_prompt_of_text_is_its_system_message() -> None:
    prompt: Prompt = draft("Be brief to {{ name }}.")
    assert prompt.variables == ("name",)
    assert instruction_of(prompt) == "Be brief to {{ name }}."
