"""The readable text of whatever came over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from trimtab.records import Message, Principal, text_of
from trimtab.testing import strategies as drawn


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("plain", "plain"),
        (7, "7"),
        ([], ""),
        ({}, ""),
        ([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}], "a"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ({"role": "user", "content": [{"type": "text", "text": "in parts"}]}, "in parts"),
        ({"role": "assistant", "content": None, "tool_calls": [{}]}, ""),
        ({"answer": "yes", "confidence": 1}, "yes"),
        ({"content": {"text": "deep"}}, "deep"),
        ({"other": "x"}, ""),
        (["a", "", None, "b"], "a\nb"),
    ],
)
def test_text_is_found_where_it_is(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_a_message_is_its_text_however_it_is_written() -> None:
    parts: list[dict[str, Any]] = [{"type": "text", "text": "Hi"}, {"type": "file", "file": {}}]
    plain, in_parts = (Message(role="user", content=content) for content in ("Hi", parts))
    assert plain.text == in_parts.text == text_of([in_parts]) == "Hi"
    assert Message(role="assistant").text == ""


@given(drawn.json_values())
def test_any_json_has_a_text(value: Any) -> None:
    assert isinstance(text_of(value), str)


class TestPrincipal:
    @pytest.mark.parametrize(
        ("granted", "asked", "may"),
        [
            ({"*"}, "traces:read", True),
            ({"traces:*"}, "traces:read", True),
            ({"traces:read"}, "traces:read", True),
            ({"traces:read"}, "traces:write", False),
            ({"traces:read"}, "traces:read:all", False),
            ({"trace:*"}, "traces:read", False),
            ({"traces"}, "traces:read", False),
            ({"*:read"}, "traces:read", False),
            ({"*"}, "admin:write", False),
            ({"*", "admin:write"}, "admin:write", True),
            ({"admin:*"}, "admin:write", True),
            (set(), "traces:read", False),
        ],
    )
    def test_a_permission_is_granted_by_name_by_noun_or_as_a_whole(
        self, granted: set[str], asked: str, may: bool
    ) -> None:
        principal = Principal(id="p", project="default", permissions=frozenset(granted))
        assert principal.may(asked) is may
