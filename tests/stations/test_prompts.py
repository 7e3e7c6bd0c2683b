"""Prompts: checked when they are written, rendered in a sandbox, never a surprise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.tables import metadata_in

from trimtab.errors import InvalidRequest
from trimtab.kit.clock import SystemClock
from trimtab.prompts.shelf import Shelf
from trimtab.prompts.template import CompiledPrompt, variables_of
from trimtab.prompts.write import Draft, Writer
from trimtab.records import Message, Prompt
from trimtab.stores.metadata.sql import SQLMetadata


def system(*contents: str) -> tuple[Message, ...]:
    return tuple(Message(role="system", content=content) for content in contents)


def rendered(content: str, **variables: Any) -> str:
    prompt = Prompt(name="p", version=1, messages=system(content), digest="", created_ns=1)
    (message,) = CompiledPrompt(prompt).render(variables)
    assert isinstance(message.content, str)
    return message.content


def refusal(content: str, **variables: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        rendered(content, **variables)
    return caught.value


# -- what is missing ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ("{{ a }} {{ b }}", ["a", "b"]),
        ("{{ a }} {{ b | default('x') }}", ["a"]),
        ("{{ a.deep.deeper }}{% for x in xs %}{{ x }}{% endfor %}", ["a", "xs"]),
        ("{% if given is defined %}{{ given }}{% endif %}{{ a }}", ["a"]),
        ("{{ known }} {{ a }}", ["a"]),
    ],
)
def test_every_variable_that_is_missing_is_named(content: str, missing: list[str]) -> None:
    error = refusal(content, known=1)
    assert error.fields["missing"] == missing
    assert f"lacks variables: {', '.join(missing)}" in error.what


def test_a_member_that_is_missing_is_not_a_variable() -> None:
    error = refusal("{{ known.name }}", known={})
    assert error.fields["missing"] == []
    assert error.what.startswith("the prompt cannot be rendered: ")
    assert "has no attribute 'name'" in error.what


# -- the shelf ---------------------------------------------------------------------------------


def versions(*contents: str, name: str = "p", project: str = "default") -> list[Prompt]:
    return [
        Prompt(
            name=name,
            project=project,
            version=at,
            messages=system(content),
            digest="",
            created_ns=1,
        )
        for at, content in enumerate(contents, 1)
    ]


def test_a_bare_name_is_the_newest_of_its_project() -> None:
    shelf = Shelf([*versions("a", "b", "c")[::-1], *versions("other", project="two")])
    for project, ref, found in [
        ("default", "p", "p@3"),
        ("default", "p@2", "p@2"),
        ("two", "p", "p@1"),
    ]:
        compiled = shelf.find(project, ref)
        assert compiled is not None
        assert (compiled.prompt.ref, compiled.prompt.project) == (found, project)
    assert shelf.find("two", "p@2") is None
    assert shelf.find("three", "p") is None


def test_what_was_compiled_is_taken_over_and_what_is_gone_is_not() -> None:
    former = Shelf([*versions("a", "b"), *versions("x", name="gone")])
    old = former.find("default", "p@1")
    shelf = Shelf(versions("a", "b", "c"), former)
    assert old is not None
    assert shelf.find("default", "p@1") is old
    assert shelf.find("default", "gone") is None


def test_one_that_cannot_be_compiled_takes_no_other_down() -> None:
    shelf = Shelf([*versions("{% broken"), *versions("fine", name="q")])
    assert shelf.find("default", "q") is not None
    with pytest.raises(InvalidRequest, match="syntax error"):
        shelf.find("default", "p")


# -- the sandbox -------------------------------------------------------------------------------

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('_'*2 ~ 'class' ~ '_'*2) }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ [{}]|sum(attribute='__class__') }}",
    "{{ [''] | selectattr('__class__') | list }}",
    "{{ '{0.__class__}'.format('') }}",
    "{{ '{x.__class__}'.format_map({'x': ''}) }}",
    "{{ ''.format.__self__ }}",
    "{% set f = '{0.__class__.__init__.__globals__}'.format %}{{ f(question) }}",
    "{{ ['{0.__class__}'] | map('format', '') | first | attr('__class__') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ lipsum.__code__ }}",
    "{{ range.__class__ }}",
    "{{ dict.__base__.__subclasses__() }}",
    "{{ question.__class__.__base__ }}",
    "{{ question.encode.__self__.__class__ }}",
    "{% macro m() %}{% endmacro %}{{ m.__call__.__globals__ }}",
    "{% macro m() %}{{ caller.__class__ }}{% endmacro %}{% call m() %}{% endcall %}",
    "{{ (1).__class__ }}",
    "{{ [].append(1) }}",
    "{{ {}.update({1: 2}) }}",
    "{{ question_list.append('changed') }}",
    "{{ question_dict.clear() }}",
    "{% set _ = question_dict.setdefault('k', 1) %}",
    "{{ [1].__iter__().__class__ }}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterable }}{% endfor %}",
    "{{ range(100001) | length }}",
    "{{ question.mro() }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ config }}",
    "{{ request }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% extends question %}",
    "{% include question %}",
    "{{ ('%s'|attr('format'))('{0.__class__}', 1) }}",
    "{{ '{:>900000000}'.format(1) }}",
]


FILTERS = [
    "{{ [question] | map(attribute='__class__') | list }}",
    "{{ [question] | map('attr', '__class__') | list }}",
    "{{ [question] | groupby('__class__') }}",
    "{{ [question_dict] | sort(attribute='__class__') }}",
    "{{ question | pprint }}{{ question | string | tojson }}",
]


def variables() -> dict[str, Any]:
    return {"question": "x", "question_list": ["kept"], "question_dict": {"k": 2}}


@pytest.mark.parametrize("template", ESCAPES)
def test_no_known_way_leads_out_of_the_sandbox(template: str) -> None:
    values = variables()
    error = refusal(template, **values)
    assert error.fix
    assert "<class" not in str(error)
    assert values == variables()


@pytest.mark.parametrize("template", FILTERS)
def test_filters_see_nothing_that_the_sandbox_hides(template: str) -> None:
    try:
        text = rendered(template, **variables())
    except InvalidRequest as error:
        text = error.what
        assert "access to attribute '__class__'" in text
    assert "<class" not in text
    assert "<built-in" not in text


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("include q", "by a name that stands in the template"),
        ("include ['a', 'b']", "by a name that stands in the template"),
        ("import 'x' as y", "cannot import or extend"),
        ("from 'x' import y", "cannot import or extend"),
        ("extends q", "cannot import or extend"),
    ],
)
def test_what_reaches_for_other_templates_is_refused(statement: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        variables_of(system("{% " + statement + " %}"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ 1 / (question | length - 1) }}",
        "{{ '{a}'.format() }}",
        "{{ '{}'.format() }}",
        "{{ '%d' % question }}",
        "{{ question() }}",
        "{{ question + 1 }}",
        "{{ question | int | list }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ '\\ud83d' }}",
        "{{ question.missing.deeper }}",
    ],
)
def test_a_template_that_fails_is_refused_with_its_prompt_named(template: str) -> None:
    variables_of(system(template))
    error = refusal(template, question="x")
    assert error.where == "prompt p@1"


# -- what is written ---------------------------------------------------------------------------


@given(st.text("{}%# \n'\"|()[].x1_-", max_size=30) | st.text(max_size=20))
@example("{{" + "(" * 3000 + "1" + ")" * 3000 + "}}")
@example("{% for a in [1] %}" * 30 + "{% endfor %}" * 30)
@example("{% if 1 %}" * 300 + "{% endif %}" * 300)
@example("{{ x | nofilter }}")
@example("{{ x is nosuchtest }}")
@example("{{ 1" + " + 1" * 5000 + " }}")
@settings(deadline=None)
def test_whatever_may_be_written_also_compiles(template: str) -> None:
    try:
        variables_of(system(template))
    except InvalidRequest as error:
        said = error
    else:
        CompiledPrompt(
            Prompt(name="p", version=1, messages=system(template), digest="", created_ns=1)
        )
        return
    assert said.where is not None
    assert said.where.startswith("message 0")
    assert said.fix


@pytest.mark.parametrize(
    ("template", "where"),
    [
        ("one\ntwo {% if %}", "message 1, line 2"),
        ("{{ question", "message 1, line 1"),
        ("\n\n{{ x | upcase }}", "message 1, line 3"),
        ("{% endfor %}", "message 1, line 1"),
    ],
)
def test_a_mistake_is_named_by_message_and_line(template: str, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        variables_of(system("fine", template))
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("template", "variables"),
    [
        ("nothing", ()),
        ("{{ b }} {{ a.c }} {{ b[d] }}", ("a", "b", "d")),
        ("{% set x = y %}{{ x }}", ("y",)),
        ("{% for p in passages %}{{ p }}{{ loop.index }}{% endfor %}", ("passages",)),
        ("{{ tone | default('calm') }}", ("tone",)),
        ("{{ range(3) | list }}{{ dict(a=1) }}", ()),
        ("{# {{ comment }} #}{% raw %}{{ raw }}{% endraw %}", ()),
    ],
)
def test_the_variables_of_a_template_are_those_it_needs_from_outside(
    template: str, variables: tuple[str, ...]
) -> None:
    assert variables_of(system(template)) == variables


def test_variables_of_all_messages_count_and_content_parts_are_no_templates() -> None:
    parts = Message(role="user", content=[{"type": "text", "text": "{{ not_one }}"}])
    messages = (*system("{{ b }}", "{{ a }}"), parts, Message(role="assistant"))
    assert variables_of(messages) == ("a", "b")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{"answer": {"port": 1}}', '{"answer": {"port": 1}}'),
        ("a { b } c }}", "a { b } c }}"),
        ("{{ '{{' }} x {{ '}}' }}", "{{ x }}"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("ends in a line end\n", "ends in a line end\n"),
        ("<b>&amp; {{ q }}", "<b>&amp; <i>&"),
        ("100 %", "100 %"),
    ],
)
def test_literal_text_stays_as_it_was_written(template: str, text: str) -> None:
    assert rendered(template, q="<i>&") == text


@given(st.text(st.characters(codec="utf-8")))
def test_a_value_arrives_as_it_is(value: str) -> None:
    assert rendered("[{{ value }}]", value=value) == f"[{value}]"


# -- what is stored ----------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as store:
        yield store


def written(store: SQLMetadata, *contents: str, name: str = "p", **fields: Any) -> Prompt:
    writer = Writer(store.prompts, store.datasets, SystemClock())
    return writer.write("default", Draft(name=name, messages=system(*contents), **fields))


def test_a_change_of_words_or_parameters_is_the_next_version_and_nothing_else_is(
    store: SQLMetadata,
) -> None:
    first = written(store, "Use {{ passages }}.")
    assert (first.ref, first.variables) == ("p@1", ("passages",))
    assert written(store, "Use {{ passages }}.") == first
    assert written(store, "Use {{ passages }}.", parameters={}) == first
    assert written(store, "Use {{ passages }}!").ref == "p@2"
    assert written(store, "Use {{ passages }}!", parameters={"temperature": 0}).ref == "p@3"
    assert written(store, "Use {{ passages }}.").ref == "p@4", "going back is a version too"
    assert store.prompts.get("default", "p@1") == first


@pytest.mark.parametrize("contents", [(), ("fine", "{% if %}"), ("{% include 'x' %}",)])
def test_what_is_refused_is_not_stored(store: SQLMetadata, contents: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        written(store, *contents)
    assert store.prompts.list("default") == []


@pytest.mark.parametrize(
    "template",
    [
        "{{ [[1]*100000]*100000 }}",
        "{% set a = [1] * 99 %}{% set a = [a] * 99 %}{% set a = [a] * 99 %}{{ [a] * 99 }}",
        "{% set a = [1,1,1,1,1,1,1,1,1,1] %}"
        + "{% set a = [a,a,a,a,a,a,a,a,a,a] %}" * 8
        + "{{ a }}",
        "{% set a = [1,1,1,1,1,1,1,1,1,1] %}"
        + "{% set a = [a,a,a,a,a,a,a,a,a,a] %}" * 8
        + "{{ a | tojson }}",
        "{{ 'a' * 10 ** 10 }}",
        "{{ 10 ** 100000 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ '%99999999999d' % 1 }}",
        "{{ '{:99999999999}'.format(1) }}",
        "{{ 'a'.ljust(10 ** 12) }}",
        "{% for a in range(900) %}{% for b in range(900) %}x{% endfor %}{% endfor %}",
        "{% for a in range(5000) %}{{ 'x' * 1000 }}{% endfor %}",
    ],
)
def test_a_template_that_makes_much_of_little_is_an_error_and_not_an_outage(template: str) -> None:
    prompt = Prompt(name="bomb", version=1, messages=system(template), digest="", created_ns=1)
    with pytest.raises(InvalidRequest, match="cannot be rendered"):
        CompiledPrompt(prompt).render({})


@pytest.mark.parametrize(
    "template", ["{{ 1 | center(10 ** 12) }}", "{{ lipsum(9) }}{{ 'x' ~ 'y' }}"]
)
def test_what_no_bound_can_be_put_on_is_refused_when_it_is_written(template: str) -> None:
    with pytest.raises(InvalidRequest):
        variables_of(system(template))
