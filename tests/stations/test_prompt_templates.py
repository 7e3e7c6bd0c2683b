"""What prompts are made of: declared variables, mustache, other prompts, examples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tables import metadata_in

from trimtab.errors import InvalidRequest, NotFound
from trimtab.kit.clock import SystemClock
from trimtab.prompts.bundle import bundled
from trimtab.prompts.shelf import Shelf
from trimtab.prompts.template import CompiledPrompt, needs
from trimtab.prompts.write import Draft, Writer
from trimtab.records import Example, Message, Prompt, Shot, Shots, Variable
from trimtab.records.prompt import prompt_digest
from trimtab.stores.metadata.sql import SQLMetadata


def system(text: str) -> tuple[Message, ...]:
    return (Message(role="system", content=text),)


def prompt(text: str, **fields: Any) -> Prompt:
    return Prompt(name="p", version=1, messages=system(text), digest="", created_ns=1, **fields)


def text(compiled: CompiledPrompt, **variables: Any) -> str:
    return "\n".join(message.text for message in compiled.render(variables))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as store:
        yield store


def written(store: SQLMetadata, name: str, text: str, **fields: Any) -> Prompt:
    writer = Writer(store.prompts, store.datasets, SystemClock())
    return writer.write("default", Draft(name=name, messages=system(text), **fields))


class TestVariables:
    declared = (
        Variable(name="city"),
        Variable(name="days", type="integer", required=False, default=3),
        Variable(name="notes", type="array", required=False),
    )

    def test_defaults_are_filled_in_and_win_over_nothing(self) -> None:
        compiled = CompiledPrompt(prompt("{{ city }} {{ days }}", declared=self.declared))
        assert text(compiled, city="Rome") == "Rome 3"
        assert text(compiled, city="Rome", days=5) == "Rome 5"

    @pytest.mark.parametrize(
        ("variables", "field", "names"),
        [
            ({}, "missing", ["city"]),
            ({"city": 3}, "wrong", ["city"]),
            ({"city": "Rome", "days": True, "notes": {}}, "wrong", ["days", "notes"]),
            ({"city": "Rome", "days": 2.5}, "wrong", ["days"]),
        ],
    )
    def test_what_does_not_fit_is_named(
        self, variables: dict[str, Any], field: str, names: list[str]
    ) -> None:
        compiled = CompiledPrompt(prompt("{{ city }}", declared=self.declared))
        with pytest.raises(InvalidRequest) as caught:
            compiled.render(variables)
        assert caught.value.fields[field] == names
        assert caught.value.where == "prompt p@1"

    @pytest.mark.parametrize(
        ("declared", "said"),
        [
            ((Variable(name="a"), Variable(name="a")), "declared twice"),
            ((Variable(name="not a name"),), "no name"),
            ((Variable(name="a", default="x"),), "default"),
            ((Variable(name="a", type="integer", required=False, default="x"),), "default"),
            ((Variable(name="b"),), "not declared: a"),
        ],
    )
    def test_a_wrong_declaration_is_refused_when_it_is_written(
        self, store: SQLMetadata, declared: tuple[Variable, ...], said: str
    ) -> None:
        with pytest.raises(InvalidRequest, match=said):
            written(store, "p", "{{ a }}", declared=declared)

    def test_what_the_gateway_fills_in_need_not_be_declared(self, store: SQLMetadata) -> None:
        found = written(store, "p", "{{ passages }}{{ a }}", declared=(Variable(name="a"),))
        assert found.variables == ("a", "passages")


class TestMustache:
    @pytest.mark.parametrize(
        ("template", "variables", "said"),
        [
            (
                "Hi {{name}}, {{{name}}} and {{&name}}",
                {"name": "<Ada>"},
                "Hi <Ada>, <Ada> and <Ada>",
            ),
            ("{{#xs}}[{{.}}]{{/xs}}", {"xs": [1, 2]}, "[1][2]"),
            ("{{#xs}}{{n}}{{sep}}{{/xs}}", {"xs": [{"n": 1}, {"n": 2}], "sep": ";"}, "1;2;"),
            ("{{^xs}}none{{/xs}}{{#xs}}some{{/xs}}", {"xs": []}, "none"),
            ("{{^xs}}none{{/xs}}", {}, "none"),
            ("{{#user}}{{user.name}}{{/user}}", {"user": {"name": "Ada"}}, "Ada"),
            ("{{! not said }}a", {}, "a"),
            ("a\n  {{#on}}\nb\n  {{/on}}\nc", {"on": True}, "a\nb\nc"),
            ("{{ user.name }}", {"user": {"name": "{{x}}"}}, "{{x}}"),
        ],
    )
    def test_it_is_written_as_the_specification_says(
        self, template: str, variables: dict[str, Any], said: str
    ) -> None:
        assert text(CompiledPrompt(prompt(template, syntax="mustache")), **variables) == said

    @pytest.mark.parametrize(
        ("template", "missing"),
        [("{{a}} {{b}}", ["a", "b"]), ("{{#xs}}{{y}}{{/xs}}", []), ("{{a.b}}", ["a"])],
    )
    def test_a_missing_variable_is_named(self, template: str, missing: list[str]) -> None:
        compiled = CompiledPrompt(prompt(template, syntax="mustache"))
        if not missing:
            assert text(compiled) == ""
            return
        with pytest.raises(InvalidRequest) as caught:
            compiled.render({})
        assert caught.value.fields["missing"] == missing

    @pytest.mark.parametrize(
        "template",
        ["{{#a}}", "{{/a}}", "{{#a}}{{/b}}", "{{=<% %>=}}", "{{ }}", "{{a b}}", "{{__class__()}}"],
    )
    def test_what_is_no_mustache_is_refused(self, template: str) -> None:
        with pytest.raises(InvalidRequest, match="syntax error"):
            needs(system(template), "mustache")

    def test_no_attribute_of_python_is_in_reach(self) -> None:
        compiled = CompiledPrompt(prompt("{{a.__class__}}", syntax="mustache"))
        with pytest.raises(InvalidRequest):
            compiled.render({"a": "x"})

    @pytest.mark.parametrize("depth", [3, 5, 8])
    def test_nested_loops_come_to_an_end(self, depth: int) -> None:
        nested = "{{#xs}}" * depth + "x" * 1000 + "{{/xs}}" * depth
        compiled = CompiledPrompt(prompt(nested, syntax="mustache"))
        with pytest.raises(InvalidRequest, match=r"turn more than|writes more than"):
            compiled.render({"xs": list(range(40))})

    @given(st.text("{}#^/>!&= \nab.", max_size=40))
    @settings(deadline=None)
    def test_whatever_is_not_refused_can_be_compiled(self, template: str) -> None:
        try:
            found = needs(system(template), "mustache")
        except InvalidRequest:
            return
        if not found.partials:
            CompiledPrompt(prompt(template, syntax="mustache"))


class TestPartials:
    @pytest.mark.parametrize(
        ("syntax", "take"), [("jinja", '{%% include "%s" %%}'), ("mustache", "{{> %s}}")]
    )
    def test_a_prompt_takes_in_the_version_it_was_written_with(
        self, store: SQLMetadata, syntax: str, take: str
    ) -> None:
        written(store, "tone", "Be kind to {{name}}.", syntax=syntax)
        written(store, "house", (take % "tone") + " Be brief.", syntax=syntax)
        outer = written(store, "answer", (take % "house") + " Go.", syntax=syntax)
        assert [one.ref for one in outer.partials] == ["house@1"]
        assert outer.variables == ("name",)
        written(store, "tone", "Be rude to {{name}}.", syntax=syntax)
        shelf = Shelf(store.prompts.all())
        found = shelf.find("default", "answer")
        assert found is not None
        assert text(found, name="Ada") == "Be kind to Ada. Be brief. Go."
        newer = written(store, "house", (take % "tone") + " Be brief.", syntax=syntax)
        assert newer.ref == "house@2", "the words are the same and what they take in is not"

    def test_one_name_may_mean_two_versions(self, store: SQLMetadata) -> None:
        written(store, "tone", "old")
        written(store, "house", '{% include "tone" %}')
        written(store, "tone", "new")
        written(store, "answer", '{% include "tone" %} {% include "house" %}')
        found = Shelf(store.prompts.all()).find("default", "answer")
        assert found is not None
        assert text(found) == "new old"

    @pytest.mark.parametrize(
        ("name", "said", "fields"),
        [
            ("nowhere", "there is no prompt", {}),
            ("p", "takes in itself", {}),
            ("two", "2 messages", {}),
            ("tone", "cannot be taken in by a prompt in jinja", {}),
        ],
    )
    def test_what_cannot_be_taken_in_is_refused(
        self, store: SQLMetadata, name: str, said: str, fields: dict[str, Any]
    ) -> None:
        writer = Writer(store.prompts, store.datasets, SystemClock())
        writer.write("default", Draft(name="two", messages=system("a") + system("b")))
        written(store, "p", "x")
        written(store, "tone", "x", syntax="mustache")
        with pytest.raises(InvalidRequest, match=said):
            written(store, "p", f'{{% include "{name}" %}}', **fields)

    def test_a_value_cannot_take_in_a_prompt(self, store: SQLMetadata) -> None:
        written(store, "secret", "the secret")
        written(store, "p", '{{ q }}{% include "secret" %}')
        found = Shelf(store.prompts.all()).find("default", "p")
        assert found is not None
        assert text(found, q='{% include "secret" %}') == '{% include "secret" %}the secret'


ROWS = [
    Example(example_id=f"{n}", input=question, expected=answer)
    for n, (question, answer) in enumerate(
        [("How do I bake bread?", "oven"), ("What is a mortgage?", "bank"), ("Who won?", "team")]
    )
]


class TestShots:
    def shown(self, shots: Shots, asked: str) -> list[tuple[str, str]]:
        compiled = CompiledPrompt(prompt("Answer.", shots=shots))
        messages = compiled.render({"question": asked})
        assert messages[0].role == "system"
        turns = messages[1:]
        assert [one.role for one in turns] == ["user", "assistant"] * (len(turns) // 2)
        return [(a.text, b.text) for a, b in zip(turns[::2], turns[1::2], strict=True)]

    examples = tuple(Shot(variables={"question": r.input}, answer=str(r.expected)) for r in ROWS)

    def test_the_first_are_shown_as_turns(self) -> None:
        found = self.shown(Shots(examples=self.examples, k=2), "Why?")
        assert found == [("How do I bake bread?", "oven"), ("What is a mortgage?", "bank")]

    def test_the_nearest_comes_last(self) -> None:
        shots = Shots(examples=self.examples, k=2, choose="nearest")
        assert self.shown(shots, "What is a loan from a bank?")[-1][1] == "bank"
        assert self.shown(shots, "How is a cake baked?")[-1][1] == "oven"

    def test_the_very_question_is_never_its_own_example(self) -> None:
        for choose in ("first", "nearest"):
            shots = Shots(examples=self.examples, k=3, choose=choose)
            assert "bank" not in [a for _, a in self.shown(shots, "What is a mortgage?")]

    def test_rows_of_a_dataset_are_pinned(self, store: SQLMetadata) -> None:
        store.datasets.add("default", "golden", ROWS, note="", created_ns=1)
        found = written(store, "p", "Answer.", shots=Shots(dataset="golden", k=1))
        assert found.shots is not None
        assert found.shots.dataset == "golden@1"
        store.datasets.add("default", "golden", ROWS[1:], note="", created_ns=2)
        shelf = Shelf(store.prompts.all(), rows=store.datasets.rows)
        compiled = shelf.find("default", "p")
        assert compiled is not None
        assert [m.text for m in compiled.render({"question": "?"})][1:] == [
            "How do I bake bread?",
            "oven",
        ]

    @pytest.mark.parametrize(
        ("shots", "said"),
        [
            (Shots(), "its own examples or the rows"),
            (Shots(dataset="nowhere"), "there is no dataset"),
            (Shots(examples=examples, question="{{ x"), "syntax error"),
        ],
    )
    def test_shots_that_show_nothing_are_refused(
        self, store: SQLMetadata, shots: Shots, said: str
    ) -> None:
        with pytest.raises(InvalidRequest, match=said):
            written(store, "p", "Answer.", shots=shots)

    def test_a_bundle_without_its_rows_says_so(self) -> None:
        def gone(ref: str) -> Any:
            raise NotFound(f"there is no dataset {ref}")

        with pytest.raises(InvalidRequest, match="examples of the prompt are not there"):
            bundled(prompt("a", shots=Shots(dataset="d@1")), gone, gone)


def test_a_prompt_without_the_new_parts_hashes_as_before() -> None:
    assert prompt_digest(system("x"), {}) == prompt_digest(system("x"), {}, syntax="jinja")
    assert prompt_digest(system("x"), {}) != prompt_digest(system("x"), {}, syntax="mustache")
