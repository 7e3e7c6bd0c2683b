"""Templates: prompt messages compiled once, rendered per request, in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import msgspec
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from trimtab.errors import InvalidRequest
from trimtab.records import Message, Prompt

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
)


class CompiledPrompt:
    """A prompt ready to render; implements `ports.Template`."""

    def __init__(self, prompt: Prompt) -> None:
        self._ref = prompt.ref
        self._parts = [
            (message, _compile(message, f"prompt {prompt.ref}, message {index}"))
            for index, message in enumerate(prompt.messages)
        ]

    def render(self, variables: Mapping[str, Any]) -> list[Message]:
        """The messages with their variables filled in.

        Raises:
            InvalidRequest: a variable is missing or the template fails on these values.
        """
        try:
            return [
                msgspec.structs.replace(message, content=template.render(variables))
                if template
                else message
                for message, template in self._parts
            ]
        except jinja2.UndefinedError as error:
            raise InvalidRequest(
                f"a variable of the prompt is missing: {error.message}",
                where=f"prompt {self._ref}",
                fix="pass the variable, or give it a default in the template",
            ) from None
        except (jinja2.TemplateError, TypeError, ValueError, OverflowError) as error:
            raise InvalidRequest(
                f"the prompt cannot be rendered: {error}", where=f"prompt {self._ref}"
            ) from None


def variables_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """Names the templates expect, sorted.

    Raises:
        InvalidRequest: a template has a syntax error; `where` is the message and line.

    >>> variables_of([Message(role="system", content="Use {{ passages }} for {{ question }}")])
    ('passages', 'question')
    """
    found: set[str] = set()
    for index, message in enumerate(messages):
        if isinstance(message.content, str):
            found |= meta.find_undeclared_variables(_parse(message.content, f"message {index}"))
    return tuple(sorted(found))


def _parse(source: str, where: str) -> jinja2.nodes.Template:
    try:
        return _ENVIRONMENT.parse(source)
    except jinja2.TemplateSyntaxError as error:
        raise InvalidRequest(
            f"the template has a syntax error: {error.message}",
            where=f"{where}, line {error.lineno}",
            fix="write variables as {{ name }} and escape literal braces as {{ '{{' }}",
        ) from None


def _compile(message: Message, where: str) -> jinja2.Template | None:
    if not isinstance(message.content, str):
        return None
    return _ENVIRONMENT.from_string(_parse(message.content, where))
