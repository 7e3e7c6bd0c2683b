"""JSON that was asked for is told from what is not, and faults are named without quoting."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ConfigError
from trimtab.signals.structured import JsonSchema, leaves
from trimtab.signals.text import Text

WANTED = {
    "type": "object",
    "required": ["name", "lines"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z]", "maxLength": 20},
        "lines": {
            "type": "array",
            "uniqueItems": True,
            "items": {"type": "object", "properties": {"count": {"type": "integer", "minimum": 1}}},
        },
    },
}


@pytest.mark.parametrize(
    ("said", "score", "reason"),
    [
        ('{"name": "Ann", "lines": []}', 0.0, None),
        ('{"name": "ann", "lines": []}', 1.0, "$.name: pattern"),
        ('{"name": "Ann"}', 1.0, "$: required"),
        (
            '{"name": "Ann", "lines": [{"count": 1}, {"count": 0}]}',
            1.0,
            "$.lines[1].count: minimum",
        ),
        ('{"name": "Ann", "lines": [{"count": 1}, {"count": 1.0}]}', 1.0, "$.lines: uniqueItems"),
        ('{"name": "Ann", "lines": [], "hunter2": 1}', 1.0, "$: additionalProperties"),
        ("[]", 1.0, "$: type"),
        ("", 1.0, "not JSON"),
        ("Here you are: {}", 1.0, "not JSON"),
        ('{"name": NaN}', 1.0, "not JSON"),
        ('{"name": "\\ud800"}', 1.0, "not JSON"),
        ('{"name": "\ud800"}', 1.0, "not JSON"),
        ("[" * 100_000, 1.0, "not JSON"),
        ("\u200b{}", 1.0, "not JSON"),
    ],
)
def test_a_text_is_held_to_its_schema(said: str, score: float, reason: str | None) -> None:
    reading = JsonSchema(schema=WANTED).read(Text(said))
    assert (reading.score, reading.reason) == (score, reason)


def test_without_a_schema_what_opens_as_json_has_to_be_json() -> None:
    signal = JsonSchema()
    assert signal.read(Text('{"a": [1, 2]}')).score == 0.0
    assert signal.read(Text('{"a": [1, 2')).score == 1.0
    assert signal.read(Text("just words")).score is None


def test_a_fence_is_taken_off_where_it_is_allowed() -> None:
    said = Text('```json\n{"a": 1}\n```\n')
    assert JsonSchema(schema={}, fenced=True).read(said).score == 0.0
    assert JsonSchema(schema={}).read(said).score == 1.0


def test_a_text_over_the_limit_is_a_fault() -> None:
    assert JsonSchema(schema={}, most_chars=5).read(Text("[1, 2, 3]")).score == 1.0


def test_names_that_only_the_text_has_are_not_repeated() -> None:
    schema = {"additionalProperties": {"type": "integer"}}
    reading = JsonSchema(schema=schema).read(Text('{"my secret": "x"}'))
    assert reading.reason == "$.*: type"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strin"}, "not a JSON Schema"),
        ({"$ref": "https://evil.test/schema.json"}, "not in it"),
        ({"pattern": "(?=a)b"}, "RE2 cannot run"),
        ({"patternProperties": {"(a)\\1": {}}}, "RE2 cannot run"),
    ],
)
def test_a_schema_that_cannot_be_checked_is_a_mistake(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        JsonSchema(schema=schema)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 50_000 + "b"),
        ({"uniqueItems": True}, [[at] for at in range(50_000)] + [[0]]),
        ({"patternProperties": {"(a|aa)+$": {"type": "null"}}}, {"a" * 50_000: 1}),
        ({"$ref": "#"}, {}),
        ({"$ref": "#/$defs/none"}, {}),
    ],
)
@pytest.mark.timeout(120)
def test_a_hostile_value_costs_no_more_than_its_length(schema: dict[str, Any], value: Any) -> None:
    assert JsonSchema(schema=schema).read(Text(json.dumps(value))).score == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=5))
def test_items_are_the_same_where_jsonschema_says_so(items: list[Any]) -> None:
    from jsonschema.validators import Draft202012Validator

    schema = {"uniqueItems": True}
    theirs = Draft202012Validator(schema).is_valid(items)
    assert (JsonSchema(schema=schema).read(Text(json.dumps(items))).score == 0.0) is theirs


@given(JSON)
def test_every_value_is_visited_once(value: Any) -> None:
    def count(node: Any) -> int:
        if isinstance(node, dict):
            return sum(map(count, node.values()))
        return sum(map(count, node)) if isinstance(node, list) else 1

    paths = [path for path, _, _ in leaves(value)]
    assert len(paths) == count(value)


@given(st.text(max_size=60))
def test_no_text_is_too_much(said: str) -> None:
    assert JsonSchema(schema=WANTED).read(Text(said)).score in {0.0, 1.0}
