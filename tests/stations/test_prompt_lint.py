"""Lint: each fault of a prompt is found where it is, and a good prompt has none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import pytest

from trimtab.prompts.lint import Finding, lint
from trimtab.prompts.preview import preview
from trimtab.prompts.template import needs
from trimtab.records import (
    Message,
    ModelCard,
    Partial,
    Price,
    Prompt,
    PromptBundle,
    Shot,
    Shots,
    Variable,
)
from trimtab.records.prompt import VariableType

KEY = "gsk_" + "x7Yw2mQ9" * 6
ASKED = Variable(name="question")
GOOD = "You answer questions about trains.\n<question>{{ question }}</question>\nBe brief."


def bundle(*messages: str | tuple[str, str], **fields: Any) -> PromptBundle:
    turns = [one if isinstance(one, tuple) else ("system", one) for one in messages]
    content = tuple(Message(role=role, content=text) for role, text in turns)
    used = needs(content, fields.get("syntax", "jinja")).variables
    defaults: dict[str, Any] = {"version": 1, "digest": "", "created_ns": 1, "variables": used}
    return PromptBundle(prompt=Prompt(name="p", messages=content, **{**defaults, **fields}))


def codes(found: list[Finding]) -> list[str]:
    return [one.code for one in found]


@pytest.mark.parametrize(
    "given",
    [
        bundle(GOOD, declared=(ASKED,)),
        bundle("Be brief.", ("user", "{{ question }}"), declared=(ASKED,)),
        bundle("Answer from these.\n{{ passages }}\nBe brief."),
        bundle('Asked was "{{ question }}". Be brief.', declared=(ASKED,)),
        bundle("Asked:\n```\n{{ question }}\n```\nBe brief.", declared=(ASKED,)),
        bundle("{{ question | tojson }} was asked. Be brief.", declared=(ASKED,)),
        bundle("In {{ n }} words.", declared=(Variable(name="n", type="integer"),)),
        bundle("<q>{{question}}</q> Be brief.", syntax="mustache", declared=(ASKED,)),
        bundle(
            "<notes>{% for one in notes %}- {{ one }}\n{% endfor %}</notes> Sum up.",
            declared=(Variable(name="notes", type="array"),),
        ),
        bundle("Use <your-api-key> as the key.", parameters={"n": 3, "temperature": 0.7}),
    ],
)
def test_nothing_is_said_of_a_good_prompt(given: PromptBundle) -> None:
    assert lint(given) == []


SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
LATER = Variable(name="tone", required=False)


@pytest.mark.parametrize(
    ("given", "code", "severity", "where"),
    [
        (bundle("x", declared=(Variable(name="a"),)), "unused_variable", "warning", "declared[0]"),
        (bundle(("user", "{{ a }}")), "undeclared_variable", "hint", "declared"),
        (
            bundle(("user", "{{ a }}{{ b }}"), declared=(Variable(name="a"),)),
            "undeclared_variable",
            "error",
            "declared",
        ),
        (
            bundle(("user", "Be\n{{ tone }}."), declared=(LATER,)),
            "missing_default",
            "warning",
            "message 0, line 2",
        ),
        (
            bundle("x", shots=Shots(examples=(Shot(variables={"q": "a"}, answer="b"),), k=1)),
            "missing_variable",
            "error",
            "shots.examples[0]",
        ),
        (
            bundle("x", shots=Shots(examples=(Shot(variables={"question": "a"}, answer="b"),))),
            "few_shots",
            "hint",
            "shots.k",
        ),
        (bundle(f"one\nkey {KEY}"), "secret", "error", "message 0, line 2"),
        (bundle("x", parameters={"metadata": KEY}), "secret", "error", "parameters"),
        (
            bundle("Help {{ question }} now.", declared=(ASKED,)),
            "open_slot",
            "warning",
            "message 0",
        ),
        (
            bundle("{% for one in l %}{{ one }} {% endfor %}!", declared=(Variable(name="l"),)),
            "open_slot",
            "warning",
            "message 0",
        ),
        (bundle("Help:\n{{ q }}", variables=()), "slot_at_end", "warning", "message 0, line 2"),
        (
            bundle("Hi.\nAnswer in plain text.", output_schema=SCHEMA),
            "contradictory_output",
            "warning",
            "message 0, line 2",
        ),
        (bundle("Return JSON."), "json_without_schema", "hint", "message 0"),
        (
            bundle("x", parameters={"n": 5, "temperature": 0}),
            "votes_without_spread",
            "warning",
            "parameters.temperature",
        ),
        (
            bundle("x", parameters={"trimtab": {"votes": 3}, "temperature": 0}),
            "votes_without_spread",
            "warning",
            "parameters.temperature",
        ),
        (
            bundle("x", output_schema=SCHEMA, parameters={"temperature": 1.5}),
            "hot_structure",
            "warning",
            "parameters.temperature",
        ),
        (bundle("x", ("user", " ")), "empty_message", "warning", "message 1"),
        (bundle(), "empty_message", "error", "messages"),
        (bundle("{{ 1 / 0 }}"), "cannot_render", "error", "messages"),
        (bundle("{{ question.nope }}"), "cannot_render", "error", "messages"),
        (bundle("{{ self }} {{ a }}"), "cannot_render", "warning", "messages"),
        (bundle("x", output_schema={"type": "text"}), "bad_schema", "error", "output_schema.type"),
        (
            bundle("x", parameters={"temperature": "hot"}),
            "bad_parameter",
            "error",
            "parameters.temperature",
        ),
        (bundle("x", parameters={"n": 1.5}), "bad_parameter", "error", "parameters.n"),
        (
            bundle("Summarise it. Translate it. Then classify it. Finally rank the results."),
            "many_jobs",
            "hint",
            "messages",
        ),
    ],
)
def test_a_fault_is_found_where_it_is(
    given: PromptBundle, code: str, severity: str, where: str
) -> None:
    found = [one for one in lint(given) if one.code == code]
    assert [(one.severity, one.where) for one in found] == [(severity, where)]
    assert found[0].fix


@pytest.mark.parametrize(
    "text",
    [
        "{% for one in l %}{{ one.name|upper }}{% endfor %}{{ o.p.q|tojson }}",
        "{% for k, v in o.items() %}{{ k }}{{ v }}{% endfor %}{{ t.split(',')[0] }}",
        "{{ l|join(', ') }}{{ n * 2 + 1 }}{% if n > 3 %}{{ t[:10] }}{% endif %}",
        "{% for one in l|groupby('k') %}{{ one.grouper }}{% endfor %}{{ n|abs }}",
        "{{ 10 / t|int }}{{ o.age + 1 }}{{ l[0].a.b }}",
    ],
)
@pytest.mark.parametrize("is_declared", [False, True])
def test_what_some_values_could_fill_in_is_no_fault(text: str, is_declared: bool) -> None:
    types = {"l": "array", "o": "object", "n": "integer", "t": "string"}
    declared = tuple(Variable(name=name, type=cast("VariableType", types[name])) for name in types)
    given = bundle(("user", text), declared=declared if is_declared else ())
    assert "cannot_render" not in codes(lint(given))


def test_a_prompt_whose_parts_are_not_all_there_is_not_tried() -> None:
    partials = (Partial(name="a", ref="a@1", digest=""),)
    assert "cannot_render" not in codes(lint(bundle('{% include "a" %}', partials=partials)))


def test_no_finding_repeats_the_secret_it_found() -> None:
    found = lint(bundle(f"Use {KEY}.", shots=Shots(examples=(Shot(variables={}, answer=KEY),))))
    assert codes(found).count("secret") == 2
    assert KEY not in repr(found)


def test_what_a_partial_says_is_looked_at_in_the_role_of_its_taker() -> None:
    partial = bundle("Help {{ who }} {{ n }}.").prompt
    taker = bundle('{% include "p" %}', variables=("n", "who"))
    found = lint(PromptBundle(prompt=taker.prompt, partials=(partial,)))
    assert [one.where for one in found if one.code == "open_slot"] == ["prompt p@1"] * 2


def test_the_grave_findings_come_first() -> None:
    found = lint(bundle(f"{{{{ q }}}} {KEY} x", parameters={"n": 2, "temperature": 0}))
    order = ["error", "warning", "hint"]
    assert [one.severity for one in found] == sorted(
        (one.severity for one in found), key=order.index
    )


@pytest.mark.parametrize(
    ("window", "limit", "found"),
    [
        (10_000, None, []),
        (1_100, None, ["warning"]),
        (900, None, ["error"]),
        (1_100, 200, ["error"]),
    ],
)
def test_a_prompt_has_to_fit_with_its_answer(
    window: int, limit: int | None, found: list[str]
) -> None:
    parameters = {} if limit is None else {"max_tokens": limit}
    long = bundle("word " * 800, parameters=parameters)
    models = [ModelCard(id="acme/m", provider="acme", context_tokens=window)]
    said = [one for one in lint(long, models) if one.code == "too_long"]
    assert [one.severity for one in said] == found
    assert all("acme/m" in one.message for one in said)


class TestPreview:
    card = ModelCard(
        id="acme/m",
        provider="acme",
        context_tokens=100,
        price=Price(input=Decimal(1), output=Decimal(10)),
    )

    def test_it_is_what_a_call_would_send_with_its_figures(self) -> None:
        given = bundle("Be kind.", ("user", "{{ q }}"), parameters={"max_tokens": 50})
        seen = preview(given, {"q": "x" * 72}, [self.card, ModelCard(id="b", provider="b")])
        assert [one.content for one in seen.messages] == ["Be kind.", "x" * 72]
        assert (seen.tokens, seen.most_output_tokens) == (20, 50)
        priced, unknown = seen.models
        assert (priced.cost_usd, priced.most_usd) == (Decimal("0.00002"), Decimal("0.00052"))
        assert priced.fits is True
        assert (unknown.cost_usd, unknown.most_usd, unknown.fits) == (None, None, None)

    def test_what_does_not_fit_is_a_warning(self) -> None:
        seen = preview(
            bundle(("user", "{{ q }}"), declared=(ASKED,), variables=()),
            {"question": "", "q": "x" * 800},
            [self.card],
        )
        assert seen.models[0].fits is False
        assert "too_long" in codes(seen.warnings)
        assert seen.models[0].most_usd is None

    def test_characters_of_several_bytes_count_by_their_bytes(self) -> None:
        assert preview(bundle("日本語日"), {}).tokens == 3
