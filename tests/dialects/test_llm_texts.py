"""Texts of requests by their places, and texts of answers replaced in a provider's own bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.answer_slots import CannotEdit
from trimtab.dialects.llm.edits import Change, Editor, Span, changed, spoken
from trimtab.dialects.llm.texts import rewritten, texts
from trimtab.errors import InvalidRequest

CHAT = {
    "messages": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": [{"type": "text", "text": "U"}, {"type": "image_url"}]},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "R",
            "refusal": "F",
            "tool_calls": [{"function": {"name": "f", "arguments": '{"a":"A"}'}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "T"},
    ]
}
MESSAGES = {
    "max_tokens": 9,
    "system": [{"type": "text", "text": "S"}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "U"},
                {"type": "document", "title": "D", "source": {"type": "text", "data": "E"}},
                {"type": "search_result", "content": [{"type": "text", "text": "Q"}]},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "R", "signature": "x"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"a": "A"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": "T"},
                {"type": "tool_result", "content": [{"type": "text", "text": "T2"}]},
            ],
        },
    ],
}
RESPONSES = {
    "instructions": "S",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "U"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "O"}]},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "R"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":"A"}'},
        {"type": "function_call_output", "call_id": "c", "output": "T"},
        {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "free"},
        {"type": "custom_tool_call_output", "output": [{"type": "input_text", "text": "T2"}]},
    ],
}
FOUND: list[tuple[str, dict[str, Any], list[tuple[str, int, str, int, str]]]] = [
    (
        "openai.chat",
        CHAT,
        [
            ("system", 0, "text", 0, "S"),
            ("user", 1, "text", 0, "U"),
            ("assistant", 2, "reasoning", 0, "R"),
            ("assistant", 2, "refusal", 0, "F"),
            ("assistant", 2, "tool_arguments", 0, '{"a":"A"}'),
            ("assistant", 2, "other", 0, "f"),
            ("tool", 3, "tool_result", 0, "T"),
        ],
    ),
    (
        "anthropic.messages",
        MESSAGES,
        [
            ("system", 0, "text", 0, "S"),
            ("user", 1, "text", 0, "U"),
            ("user", 1, "context", 0, "D"),
            ("user", 1, "context", 1, "E"),
            ("user", 1, "context", 2, "Q"),
            ("assistant", 2, "reasoning", 0, "R"),
            ("assistant", 2, "tool_arguments", 0, '{"a":"A"}'),
            ("assistant", 2, "other", 0, "x\nf"),
            ("user", 3, "tool_result", 0, "T"),
            ("user", 3, "tool_result", 1, "T2"),
        ],
    ),
    (
        "openai.responses",
        RESPONSES,
        [
            ("system", 0, "text", 0, "S"),
            ("user", 1, "text", 0, "U"),
            ("assistant", 2, "text", 0, "O"),
            ("assistant", 3, "reasoning", 0, "R"),
            ("assistant", 4, "tool_arguments", 0, '{"a":"A"}'),
            ("assistant", 4, "other", 0, "f"),
            ("tool", 5, "tool_result", 0, "T"),
            ("assistant", 6, "tool_arguments", 0, "free"),
            ("assistant", 6, "other", 0, "g"),
            ("tool", 7, "tool_result", 0, "T2"),
        ],
    ),
    ("openai.responses", {"input": "U"}, [("user", 0, "text", 0, "U")]),
    ("openai.completions", {"prompt": "U"}, [("user", 0, "text", 0, "U")]),
    (
        "openai.completions",
        {"prompt": ["U", "V"], "suffix": "W"},
        [("user", 0, "text", 0, "U"), ("user", 1, "text", 0, "V"), ("user", 2, "text", 0, "W")],
    ),
    ("openai.completions", {"prompt": [1, 2]}, []),
    ("openai.embeddings", {"input": ["U"]}, [("user", 0, "text", 0, "U")]),
    ("openai.moderations", {"input": "U"}, [("user", 0, "text", 0, "U")]),
]


def envelope(dialect: str, fields: dict[str, Any]) -> Any:
    return DIALECTS[dialect].envelope(json.dumps({"model": "m", **fields}).encode())


class TestRequests:
    @pytest.mark.parametrize(("dialect", "fields", "found"), FOUND)
    def test_every_text_is_found_where_it_was_said(
        self, dialect: str, fields: dict[str, Any], found: list[Any]
    ) -> None:
        assert [tuple(one)[:5] for one in texts(dialect, envelope(dialect, fields))] == found

    @pytest.mark.parametrize(("dialect", "fields", "found"), FOUND)
    def test_each_text_can_be_rewritten_by_itself(
        self, dialect: str, fields: dict[str, Any], found: list[Any]
    ) -> None:
        asked = envelope(dialect, fields)
        for place, one in enumerate(texts(dialect, asked)):
            if one.kind == "other":
                continue
            new = '{"b":1}' if one.text.startswith("{") else "new"
            changes = rewritten(dialect, asked, {one.at: new})
            after = DIALECTS[dialect].envelope(asked.body(**changes))
            said = [(*expected[:4], text) for *expected, text in found]
            said[place] = (*said[place][:4], new)
            assert [tuple(one)[:5] for one in texts(dialect, after)] == said

    def test_arguments_that_would_be_no_json_are_refused(self) -> None:
        asked = envelope("anthropic.messages", MESSAGES)
        (at,) = [one.at for one in texts("anthropic.messages", asked) if "tool_a" in one.kind]
        with pytest.raises(InvalidRequest):
            rewritten("anthropic.messages", asked, {at: '{"a":'})

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["type", "role", "content", "text", "input", "source", "tool_calls"]
                    ),
                    inner | st.sampled_from(["text", "tool_use", "document", "user"]),
                    max_size=3,
                )
            ),
            max_leaves=12,
        )
    )
    def test_nothing_is_too_strange_to_be_looked_at(self, value: Any) -> None:
        raw = envelope("openai.responses", {"input": [value]})
        for one in texts("openai.responses", raw):
            assert isinstance(one.text, str)


class TestAnswers:
    @given(
        st.text("ab", max_size=30),
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.text("XY", max_size=3))),
        st.lists(st.integers(1, 7), max_size=30),
    )
    def test_pieces_changed_one_by_one_are_the_whole_changed_at_once(
        self, text: str, raw: list[tuple[int, int, str]], sizes: list[int]
    ) -> None:
        """However a text is cut, where all changes that begin in it are known."""
        changes, at = [], 0
        for gap, length, new in raw:
            start = at + gap
            if start + max(1, length) > len(text):
                break
            changes.append(Change(start, start + max(1, length), new))
            at = start + max(1, length)
        pieces, start = [], 0
        for size in [*sizes, len(text)]:
            piece = text[start : start + size]
            pieces.append(changed(piece, start, changes))
            start += len(piece)
        expected, at = "", 0
        for change in changes:
            expected += text[at : change.start] + change.text
            at = change.end
        assert "".join(pieces) == expected + text[at:] == changed(text, 0, changes)

    def test_an_event_that_does_not_change_stays_as_it_came(self) -> None:
        raw = b'data: {"choices" : [{"delta": {"content": "abc"}}], "n": 1.10}\n\n'
        spans = [Span(("text", 0, 0), 10, "abc")]
        editor = Editor("openai.chat")
        assert editor.event(raw, spans, {("text", 0, 0): [Change(0, 5, "x")]}) == raw
        edited = editor.event(raw, spans, {("text", 0, 0): [Change(11, 12, "-")]})
        assert json.loads(edited.removeprefix(b"data: ")) == {
            "choices": [{"delta": {"content": "a-c"}}],
            "n": 1.1,
        }

    def test_a_text_that_is_not_where_it_should_be_is_not_passed_over(self) -> None:
        raw = b'data: {"choices": [{"delta": {"content": [{"text": "abc"}]}}]}\n\n'
        spans = [Span(("text", 0, 0), 0, "abc")]
        with pytest.raises(CannotEdit):
            Editor("openai.chat").event(raw, spans, {("text", 0, 0): [Change(0, 1, "x")]})

    def test_parts_without_text_say_nothing(self) -> None:
        for part in DIALECTS["openai.chat"].reader().body(b'{"choices":[],"usage":{}}'):
            assert spoken(part) is None
