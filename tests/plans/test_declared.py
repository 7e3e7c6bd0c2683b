"""What is wrong with a plan is said with its place, and hostile ones cost next to nothing."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.plans.conftest import ask

from trimtab.api.plan_files import declaration
from trimtab.errors import InvalidRequest, TooLarge
from trimtab.kit.clock import SystemClock
from trimtab.plans.declared import declared, filled
from trimtab.plans.values import MOST_ITEMS, Value
from trimtab.records import Plan
from trimtab.templates.size import Size


def plan(*steps: dict[str, Any], **fields: Any) -> Plan:
    body = {"name": "p", "inputs": {"text": "string"}, "steps": list(steps), **fields}
    return declared(body, project="default", author="ann", clock=SystemClock())


ONE = ask("a", "x")


@pytest.mark.parametrize(
    ("steps", "fields", "where", "what"),
    [
        ([], {}, "steps", "1 to 200"),
        ([ask("a b", "x")], {}, "steps[0].name", "cannot be the name"),
        ([ONE, ask("a", "{{ steps.a.output }}")], {}, "steps[1].name", "two are called 'a'"),
        ([ask("a", "{{ steps.b.output }}")], {}, "steps[0].message", "no step 'b'"),
        ([ask("a", "x", after=["z"])], {}, "steps[0].after[0]", "no step 'z'"),
        ([ask("a", "{{ steps.a.output }}")], {}, "steps[0].message", "needs itself"),
        ([ask("a", "{{ inputs.texd }}")], {}, "steps[0].message", "no input 'texd'"),
        ([ask("a", "{{ steps.a }}")], {}, "steps[0].message", "needs itself"),
        ([ask("a", "{{ question }}")], {}, "steps[0].message", "knows no question"),
        ([ask("a", "{{ steps }}")], {}, "steps[0].message", "one by one"),
        ([ONE, ask("b", "{{ steps.a.outputs }}")], {}, "steps[1].message", "no 'outputs'"),
        ([ask("a", "{{ item }}")], {}, "steps[0].message", "no item here"),
        ([ask("a", "{{ inputs.text")], {}, "steps[0].message, line 1", "syntax error"),
        ([ask("a", "{% include 'x' %}")], {}, "steps[0].message", "cannot take in"),
        ([ask("a", "{{ inputs.text ~ 'x' }}")], {}, "steps[0].message", "with ~"),
        ([ask("a", "x", inputs={"v": "{{"})], {}, "steps[0].inputs.v, line 1", "syntax"),
        (
            [ask("a", "x", output_schema={"type": "nope"})],
            {},
            "steps[0].output_schema",
            "not a JSON",
        ),
        (
            [ask("a", "x", output_schema={"$ref": "http://x"})],
            {},
            "steps[0].output_schema",
            "refers",
        ),
        ([ask("a", "x", votes=99)], {}, "steps[0].votes", "`int` <= 25"),
        ([ask("a", "x", mesage="y")], {}, "steps[0]", "no field 'mesage'"),
        ([{"name": "a", "ask": "m"}], {}, "steps[0].message", "says nothing"),
        ([{"name": "a", "message": "x"}], {}, "steps[0].message", "asks nobody"),
        ([ask("a", "x", parameters={"model": "y"})], {}, "steps[0].parameters.model", "not for"),
        ([ONE, ask("b", "x")], {}, "steps[0]", "nothing uses the step 'a'"),
        ([ONE], {"output": "{{ steps.z.output }}"}, "output", "no step 'z'"),
        ([ONE], {"budget": {"calls": 0}}, "budget.calls", "`int` >= 1"),
        ([ONE], {"budget": {"dollars": 1}}, "budget", "no field 'dollars'"),
        (
            [ONE],
            {"inputs": {"n": {"type": "integer", "default": "x"}}},
            "inputs.n.default",
            "not an",
        ),
        ([ONE], {"inputs": {"n": "list"}}, "inputs.n.type", "list"),
        ([ONE], {"retries": 2}, "$", "no field 'retries'"),
        ([ONE], {"name": "a/b"}, "name", "cannot be the name"),
        ([ONE], {"name": ".."}, "name", "cannot be the name"),
        ([ONE], {"name": " "}, "name", "cannot be the name"),
        ([ONE], {"budget": {"usd": float("inf")}}, "budget.usd", "not a finite number"),
        (
            [ask("a", "x", parameters={"stop": [float("nan")]})],
            {},
            "steps[0].parameters.stop[0]",
            "not a finite number",
        ),
        ([{"name": "a", "ask": " ", "message": "x"}], {}, "steps[0].ask", "is empty"),
        ([{"name": "a", "ask": "prompt/", "message": "x"}], {}, "steps[0].ask", "is empty"),
    ],
)
def test_a_mistake_is_said_with_its_place_and_what_to_do(
    steps: list[dict[str, Any]], fields: dict[str, Any], where: str, what: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan(*steps, **fields)
    assert (caught.value.where, what in caught.value.what) == (where, True), caught.value
    assert caught.value.fix


def test_a_circle_is_named() -> None:
    with pytest.raises(InvalidRequest, match="b needs c needs d needs b") as caught:
        plan(
            ONE,
            ask("b", "x", after=["c"]),
            ask("c", "{{ steps.d.output }}", after=["a"]),
            ask("d", "{{ steps.b.output }}"),
        )
    assert caught.value.where == "steps"


def test_the_digest_is_of_what_changes_a_run_and_nothing_else() -> None:
    first = plan(ONE)
    assert plan(ONE, description="other").digest == first.digest
    assert plan(ask("a", "y")).digest != first.digest
    assert plan(ONE, budget={"calls": 3}).digest != first.digest


def test_inputs_are_checked_and_filled() -> None:
    found = plan(ONE, inputs={"text": "string", "n": {"type": "integer", "default": 3}})
    assert filled(found, {"text": "x"}) == {"text": "x", "n": 3}
    for given, where in [({}, "inputs.text"), ({"text": 1}, "inputs.text"), ({"t": 1}, "inputs.t")]:
        with pytest.raises(InvalidRequest) as caught:
            filled(found, given)
        assert caught.value.where == where


# -- hostile ---------------------------------------------------------------------------------------

BOMB = "a: &a [x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        (BOMB, InvalidRequest, "anchors"),
        ("[" * 5_000, InvalidRequest, "nested deeper"),
        ("{" * 5_000, InvalidRequest, "nested deeper"),
        ("x: !!python/object/apply:os.system [ls]", InvalidRequest, "tag"),
        ("a: 1\na: 2", InvalidRequest, "twice"),
        ("steps: [" + "{name: a}, " * 10_000 + "]", InvalidRequest, "1 to 200 steps, not 10000"),
        ("x" * 300_000, TooLarge, "at most 262144 bytes"),
        ("\x00", InvalidRequest, "not allowed"),
        ("just text", InvalidRequest, "expected `object`"),
    ],
)
def test_hostile_text_is_refused_with_a_clear_word(text: str, kind: type, what: str) -> None:
    started = time.process_time()
    with pytest.raises(kind, match=what):
        read(text)
    assert time.process_time() - started < 20


def read(text: str) -> Plan:
    value = declaration(text.encode(), "plan.yaml")
    named = {"name": "p", **value} if isinstance(value, dict) and "steps" in value else value
    return declared(named, project="default", author=None, clock=SystemClock())


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ inputs.__init__.__globals__ }}",
        "{{ (1).__class__ }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ range(10 ** 9) | list }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        "{{ '{:>900000000}'.format(1) }}",
        "{{ '{text:>900000000}'.format_map(inputs) }}",
    ],
)
def test_a_template_cannot_leave_the_sandbox_nor_eat_the_machine(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Value(text, "steps[0].message", Size()).of({"inputs": {"text": "x"}, "steps": {}})


def test_a_fan_out_is_bounded() -> None:
    each = Value("{{ inputs.all }}", "steps[0].each", Size())
    assert len(each.items({"inputs": {"all": [0] * MOST_ITEMS}})) == MOST_ITEMS
    with pytest.raises(InvalidRequest, match="1001 items, and 1000 are the most"):
        each.items({"inputs": {"all": [0] * (MOST_ITEMS + 1)}})
    for other, kind in [("x", "text"), ({"a": 1}, "an object"), (None, "nothing"), (3, "a number")]:
        with pytest.raises(InvalidRequest, match=f"came to {kind}"):
            each.items({"inputs": {"all": other}})


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ inputs.v }}", {"items": [1]}),
        ("{{ inputs.v.items }}\n", [1]),
        ("{{- inputs.v['items'][0] -}}", 1),
        ("v: {{ inputs.v }}", 'v: {"items":[1]}'),
        ("{{ inputs.v | tojson }}", '{"items":[1]}'),
        ("{{ inputs.none }}", None),
        ("[{{ inputs.none }}]", "[]"),
        ("{{ inputs.t }}", "<b>"),
        ("{{ inputs.v.items | map('string') }}", ["1"]),
        ("{{ true }}{{ inputs.t }}", "true<b>"),
        ("{{ range(3) }}", [0, 1, 2]),
    ],
)
def test_one_expression_gives_the_value_itself(template: str, value: Any) -> None:
    scope = {"inputs": {"v": {"items": [1]}, "none": None, "t": "<b>"}, "steps": {}}
    assert Value(template, "x", Size()).of(scope) == value
