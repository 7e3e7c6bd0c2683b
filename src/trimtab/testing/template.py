"""What every compiled prompt does, as tests: subclass and provide the fixture `compiled`.

`compiled` makes a template of messages written with `{{ name }}`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from trimtab.errors import InvalidRequest
from trimtab.ports import Template
from trimtab.records import Message

Compile = Callable[[Sequence[Message]], Template]

MESSAGES = (
    Message(role="system", content="Answer from {{ passages }}.", name="guide"),
    Message(role="user", content=[{"type": "text", "text": "{{ not a template }}"}]),
)


class TemplateContract:
    """Everything `ports.Template` promises."""

    def test_variables_are_filled_in_and_all_else_is_kept(self, compiled: Compile) -> None:
        first, second = compiled(MESSAGES).render({"passages": "the docs"})
        assert first == Message(role="system", content="Answer from the docs.", name="guide")
        assert second == MESSAGES[1], "content parts are not templates"

    def test_a_variable_nobody_asked_for_is_ignored(self, compiled: Compile) -> None:
        rendered = compiled(MESSAGES).render({"passages": "x", "other": "y"})
        assert rendered[0].content == "Answer from x."

    def test_a_value_is_text_and_never_a_template(self, compiled: Compile) -> None:
        rendered = compiled(MESSAGES).render({"passages": "{{ 6 * 7 }}<b>&"})
        assert rendered[0].content == "Answer from {{ 6 * 7 }}<b>&."

    def test_rendering_again_is_the_same(self, compiled: Compile) -> None:
        template = compiled(MESSAGES)
        assert template.render({"passages": "x"}) == template.render({"passages": "x"})

    def test_it_says_what_it_was_made_of(self, compiled: Compile) -> None:
        assert compiled(MESSAGES).prompt.messages == MESSAGES

    def test_a_missing_variable_is_named(self, compiled: Compile) -> None:
        with pytest.raises(InvalidRequest, match="passages"):
            compiled(MESSAGES).render({})
