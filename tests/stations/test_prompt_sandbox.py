"""The sandbox from every side: templates that are taken in, questions of examples, values."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from tests.stations.test_prompts import ESCAPES

from trimtab.errors import InvalidRequest
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import Message, Partial, Prompt, Shot, Shots, Variable
from trimtab.templates import allowance

# Of public collections of server-side template injection, for Jinja and what is like it.
KNOWN = [
    "{{ ().__class__.__base__.__subclasses__() }}",
    "{{ ''.__class__.mro()[2].__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ question.__init__.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os }}",
    "{{ ''|attr(['_'*2, 'class', '_'*2]|join) }}",
    "{{ ''|attr('%c%cclass%c%c'|format(95,95,95,95)) }}",
    "{{ ''|attr(request.args.c) }}",
    "{{ request|attr('application')|attr('\\x5f\\x5fglobals\\x5f\\x5f') }}",
    "{{ request['application']['\\x5f\\x5fglobals\\x5f\\x5f'] }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ''['\\137\\137class\\137\\137'] }}",
    "{{ ''[('_'*2) + 'class' + ('_'*2)] }}",
    "{{ ''[['__cla', 'ss__']|join] }}",
    "{{ ''['__ssalc__'|reverse|list|join] }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__.__builtins__ }}",
    "{{ g.pop.__globals__ }}",
    "{{ app.__init__ }}",
    "{{ cycler('a').next.__globals__ }}",
    "{{ joiner()|attr('__init__') }}",
    "{{ namespace(a=1) }}",
    "{{ lipsum|string }}",
    "{{ environment }}",
    "{{ debug() }}",
    "{% debug %}",
    "{% do question %}",
    "{{ super() }}",
    "{{ loop.__init__ }}",
    "{{ dict.mro() }}",
    "{{ dict|attr('mro') }}",
    "{{ range|attr('__class__') }}",
    "{{ (question|map('upper')).gi_frame.f_globals }}",
    "{{ (question|map('upper')|attr('gi_code')) }}",
    "{{ (question|select).gi_frame.f_back }}",
    "{{ [1]|map(attribute='real.__class__')|first|attr('mro') }}",
    "{{ [question]|map('attr', '__class__')|first|attr('x') }}",
    "{{ question.encode.__self__ }}",
    "{{ question.join.__func__ }}",
    "{{ question|attr('format')('{0.__class__}') }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(question) }}",
    "{{ '{0[__class__]}'.format(question) }}",
    "{{ ('{0.__cla' + 'ss__}').format(question) }}",
    "{{ '{x.__class__}'.format_map(dict(x=question)) }}",
    "{% set f = ''.format %}{{ f.__self__ }}",
    "{% for k in ().__class__.__base__.__subclasses__() %}{{ k }}{% endfor %}",
    "{% if ''.__class__ %}x{% endif %}",
    "{% with c = ''.__class__ %}{{ c }}{% endwith %}",
    "{% set c = question.__class__ %}{{ c.__name__ }}",
    "{% macro m() %}{{ varargs.__class__ }}{% endmacro %}{{ m(1) }}",
    "{% macro m() %}{{ kwargs.__class__ }}{% endmacro %}{{ m(a=1) }}",
    "{% macro m() %}{% endmacro %}{{ m._func.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% filter attr('__class__') %}x{% endfilter %}",
    "{% block b %}{{ self.b.__globals__ }}{% endblock %}",
    "{% include ['/etc/passwd'] ignore missing %}",
    "{% include 'x' ~ question %}",
    "{% from 'x' import y %}",
    "{{ question.__getattribute__('__class__') }}",
    "{{ question.__reduce_ex__(2) }}",
    "{{ question.__doc__ }}",
    "{{ (1).__class__.__bases__[0] }}",
    "{{ true.__class__ }}",
    "{{ none.__class__ }}",
    "{{ missing.__class__ }}",
    "{{ ((0).__add__).__self__ }}",
]

Path = Callable[[str], CompiledPrompt]
VALUES: dict[str, Any] = {"question": "x", "question_list": ["k"], "question_dict": {"k": 2}}


def prompt(name: str, text: str, **fields: Any) -> Prompt:
    messages = (Message(role="system", content=text),)
    return Prompt(name=name, version=1, messages=messages, digest="", created_ns=1, **fields)


def takes_in(name: str) -> dict[str, Any]:
    return {"partials": (Partial(name=name, ref=f"{name}@1", digest=""),)}


def directly(text: str) -> CompiledPrompt:
    return CompiledPrompt(prompt("p", text))


def taken_in(text: str) -> CompiledPrompt:
    return CompiledPrompt(prompt("p", '{% include "a" %}', **takes_in("a")), [prompt("a", text)])


def taken_in_twice(text: str) -> CompiledPrompt:
    between = prompt("a", 'x {% include "b" %}', **takes_in("b"))
    return CompiledPrompt(
        prompt("p", '{% include "a" %}', **takes_in("a")), [between, prompt("b", text)]
    )


def asked_by_an_example(text: str) -> CompiledPrompt:
    shots = Shots(examples=(Shot(variables={"question": "y"}, answer="z"),), question=text)
    return CompiledPrompt(prompt("p", "Hello.", shots=shots))


@pytest.mark.parametrize("path", [directly, taken_in, taken_in_twice, asked_by_an_example])
def test_no_known_way_leads_out_whichever_way_it_came_in(path: Path) -> None:
    values = copy.deepcopy(VALUES)
    for payload in [*KNOWN, *ESCAPES]:
        with pytest.raises(InvalidRequest) as caught:
            raise AssertionError(f"{payload} said {path(payload).render(values)}")
        assert "<class" not in str(caught.value), payload
    assert values == VALUES


@pytest.mark.parametrize("payload", ["{{ 7 * 7 }}", "{% include 'a' %}", *KNOWN[:5]])
@pytest.mark.parametrize("syntax", ["jinja", "mustache"])
def test_what_is_filled_in_is_never_a_template(payload: str, syntax: str) -> None:
    """Values, defaults, and the variables and answers of examples stay the texts that they are."""
    default = Variable(name="d", required=False, default=payload)
    shots = Shots(
        examples=(Shot(variables={"question": payload}, answer=payload),),
        question="{{question}}",
    )
    compiled = CompiledPrompt(
        prompt(
            "p", "{{a}}{{d}}", syntax=syntax, shots=shots, declared=(Variable(name="a"), default)
        )
    )
    contents = [message.content for message in compiled.render({"a": payload})]
    assert contents == [payload * 2, payload, payload]


@pytest.mark.parametrize(
    "inside",
    [
        "question.upper",
        "range",
        "question|map('upper')",
        "question|attr('title')",
        "self",
        "[self]",
        "self|string",
    ],
)
def test_nothing_shows_where_it_is_in_memory(inside: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot be written"):
        directly("{{ " + inside + " }}").render(VALUES)


@pytest.mark.parametrize(
    "payload", ["{{a.__class__}}", "{{#a}}{{__class__}}{{/a}}", "{{a.upper}}", "{{a.0}}"]
)
def test_mustache_reaches_members_of_objects_and_nothing_else(payload: str) -> None:
    compiled = CompiledPrompt(prompt("p", payload, syntax="mustache"))
    with pytest.raises(InvalidRequest):
        compiled.render({"a": "text"})


LOOP = "{% for a in q * 900 %}"
TWICE = "{{ m(n - 1) }}{{ m(n - 1) }}"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "MOST_S", 0.2)


@pytest.mark.parametrize(
    "text",
    [
        LOOP * 3 + "{% endfor %}" * 3,
        "{% macro m(n) %}{% if n %}" + TWICE + "{% endif %}{% endmacro %}{{ m(60) }}",
        "{{ (q * 900000)|list|select('in', 'z' * 900000)|list|length }}",
    ],
    ids=["loops", "macros", "filters"],
)
@pytest.mark.usefixtures("hurried")
def test_a_template_that_would_go_on_for_years_is_stopped(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"takes more than 0\.2 s to be written"):
        directly(text).render({"q": "a"})


@pytest.mark.parametrize(
    ("syntax", "tag"), [("jinja", '{%% include "%s" %%}'), ("mustache", "{{> %s}}")]
)
@pytest.mark.usefixtures("hurried")
def test_prompts_that_take_in_another_twice_forty_times_over_are_stopped(
    syntax: Any, tag: str
) -> None:
    names = [f"p{n}" for n in range(41)]
    deep = [
        prompt(one, (tag % inner) * 2, syntax=syntax, **takes_in(inner))
        for one, inner in itertools.pairwise(names)
    ]
    with pytest.raises(InvalidRequest, match=r"takes more than 0\.2 s to be written"):
        CompiledPrompt(deep[0], [*deep[1:], prompt("p40", "", syntax=syntax)]).render({})


def test_what_is_taken_in_without_values_counts_as_the_rest_does() -> None:
    text = "{{ range(9000)|length }}"
    owner = prompt("p", text + '{% include "q" without context %}', **takes_in("q"))
    with pytest.raises(InvalidRequest, match="counts to more than 10000"):
        CompiledPrompt(owner, [prompt("q", text)]).render({})


def test_a_list_with_something_undefined_in_it_is_not_written() -> None:
    with pytest.raises(InvalidRequest, match="has no attribute 'name'"):
        directly("{{ [question]|map(attribute='name')|list }}").render(VALUES)
