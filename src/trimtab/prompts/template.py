"""Templates: prompt messages compiled once, rendered per request, in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import msgspec
from jinja2 import meta

from trimtab.errors import InvalidRequest
from trimtab.prompts.sandbox import PromptEnvironment, joins
from trimtab.records import Message, Prompt

_ENVIRONMENT = PromptEnvironment()


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
                msgspec.structs.replace(message, content=_ENVIRONMENT.write(template, variables))
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
        except Exception as error:
            # A template is a program: dividing by zero or calling itself for ever is its business.
            raise InvalidRequest(
                f"the prompt cannot be rendered: {error or type(error).__name__}",
                where=f"prompt {self._ref}",
                fix="correct the template and write the prompt again",
            ) from None


def variables_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """Names the templates expect, sorted.

    Raises:
        InvalidRequest: a template does not compile, or refers to another one; `where` is the
            message and, if known, the line.

    >>> variables_of([Message(role="system", content="Use {{ passages }} for {{ question }}")])
    ('passages', 'question')
    """
    found: set[str] = set()
    for index, message in enumerate(messages):
        where = f"message {index}"
        if _compile(message, where) is not None:
            tree = _ENVIRONMENT.parse(str(message.content))
            if list(meta.find_referenced_templates(tree)):
                raise InvalidRequest(
                    "a prompt cannot include, import or extend another template",
                    where=where,
                    fix="write the text into the message itself",
                )
            if joins(tree):
                raise InvalidRequest(
                    "a prompt cannot join texts with ~",
                    where=where,
                    fix="write them next to each other: {{ a }}{{ b }}",
                )
            found |= meta.find_undeclared_variables(tree)
    return tuple(sorted(found))


def _compile(message: Message, where: str) -> jinja2.Template | None:
    if not isinstance(message.content, str):
        return None
    try:
        return _ENVIRONMENT.from_string(message.content)
    except jinja2.TemplateSyntaxError as error:
        raise InvalidRequest(
            f"the template has a syntax error: {error.message}",
            where=f"{where}, line {error.lineno}",
            fix="write variables as {{ name }} and escape literal braces as {{ '{{' }}",
        ) from None
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        # Python's own compiler, behind Jinja's, has limits of nesting that Jinja does not check.
        raise InvalidRequest(
            f"the template cannot be compiled: {error}", where=where, fix="nest less"
        ) from None
