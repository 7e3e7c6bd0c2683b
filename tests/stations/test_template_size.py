"""How large templates may be, and that what they are read with takes no longer for odd ones."""

from __future__ import annotations

import time

import pytest

from trimtab.errors import InvalidRequest
from trimtab.plans.compiled import CompiledPlan
from trimtab.prompts.shelf import Shelf
from trimtab.prompts.slots import without_tags
from trimtab.prompts.template import needs
from trimtab.records import Message, Plan, Prompt, Step
from trimtab.records.prompt import Syntax
from trimtab.templates import mustache
from trimtab.templates.size import MOST_PARTS, MOST_SOURCE


def said(*texts: str) -> list[Message]:
    return [Message(role="user", content=text) for text in texts]


@pytest.mark.parametrize("syntax", ["jinja", "mustache"])
@pytest.mark.parametrize(
    ("texts", "match"),
    [
        (["{{ q }}" * MOST_PARTS], "parts"),
        (["{{ q }}" * (MOST_PARTS // 4)] * 5, "parts"),
        (["x" * (MOST_SOURCE + 1)], "characters"),
        (["x" * (MOST_SOURCE // 2), "y" * (MOST_SOURCE // 2 + 1)], "characters"),
    ],
)
def test_templates_that_are_too_large_are_refused(
    syntax: Syntax, texts: list[str], match: str
) -> None:
    if syntax == "mustache":
        texts = [text.replace("{{ q }}", "{{ q }}{{ p }}") for text in texts]
    with pytest.raises(InvalidRequest, match=match) as refused:
        needs(said(*texts), syntax)
    assert refused.value.where == f"message {len(texts) - 1}" or len(texts) == 5


def test_one_expression_may_be_as_little_as_many_small_ones() -> None:
    with pytest.raises(InvalidRequest, match="parts"):
        needs(said("{{ [" + "1," * MOST_PARTS + "] }}"))


@pytest.mark.parametrize("syntax", ["jinja", "mustache"])
def test_long_texts_and_many_expressions_are_fine_below_the_limits(syntax: Syntax) -> None:
    assert needs(said("x" * (MOST_SOURCE - 100), "{{ q }}"), syntax).variables == ("q",)
    assert needs(said("{{ q }}" * 1000), syntax).variables == ("q",)


def test_the_templates_of_a_plan_are_counted_together() -> None:
    text = "{{ inputs }}" * (MOST_PARTS // 12)
    steps = tuple(Step(name=f"s{n}", ask="a/b", message=text) for n in range(5))
    plan = Plan(name="p", version=1, steps=steps, digest="", created_ns=0)
    with pytest.raises(InvalidRequest, match="parts") as refused:
        CompiledPlan(plan)
    assert refused.value.where == "steps[4].message"


@pytest.mark.parametrize("text", ["{{{" + " " * 20_000, "{{" + " " * 20_000, "{{" * 20_000])
def test_tags_without_an_end_are_read_in_no_time(text: str) -> None:
    started_s = time.thread_time()
    assert mustache.parse(text, "here") == [mustache.Node("text", text)]
    assert without_tags(text) == text
    assert time.thread_time() - started_s < 2  # it took minutes


def test_a_prompt_is_cold_until_it_was_asked_for() -> None:
    prompt = Prompt(name="p", version=1, messages=tuple(said("Hi")), digest="", created_ns=0)
    shelf = Shelf([prompt])
    assert [shelf.is_cold("default", ref) for ref in ("p", "p@1", "q")] == [True, True, False]
    shelf.find("default", "p")
    assert not shelf.is_cold("default", "p@1")
