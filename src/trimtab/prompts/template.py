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
        self._prompt = prompt
        self._parts = [
            (message, _compile(message, f"prompt {prompt.ref}, message {index}"))
            for index, message in enumerate(prompt.messages)
        ]

    @property
    def prompt(self) -> Prompt:
        return self._prompt

    def render(self, variables: Mapping[str, Any]) -> list[Message]:
        """The messages with their variables filled in.

        Raises:
            InvalidRequest: variables are missing, or the template fails on these values.
        """
        try:
            return self._rendered(variables)
        except jinja2.UndefinedError as error:
            raise self._missing(variables, error) from None
        except Exception as error:
            # A template is a program: dividing by zero or calling itself for ever is its business.
            raise InvalidRequest(
                f"the prompt cannot be rendered: {error or type(error).__name__}",
                where=f"prompt {self._prompt.ref}",
                fix="correct the template and write the prompt again",
            ) from None

    def _rendered(self, variables: Mapping[str, Any]) -> list[Message]:
        return [
            msgspec.structs.replace(message, content=_ENVIRONMENT.write(template, variables))
            if template
            else message
            for message, template in self._parts
        ]

    def _missing(
        self, variables: Mapping[str, Any], error: jinja2.UndefinedError
    ) -> InvalidRequest:
        """All that is missing, so that nobody has to find one variable after the other."""
        absent = [name for name in variables_of(self._prompt.messages) if name not in variables]
        filled = {**variables, **dict.fromkeys(absent, jinja2.ChainableUndefined())}
        needed = [name for name in absent if self._needs(name, filled)]
        said = f"{', '.join(needed[:20])}" if needed else str(error.message)
        return InvalidRequest(
            f"the prompt lacks variables: {said}",
            where=f"prompt {self._prompt.ref}",
            fix="pass them, or give them a default in the template",
            missing=needed,
        )

    def _needs(self, name: str, filled: Mapping[str, Any]) -> bool:
        """Whether it cannot be rendered without this one, when all the others are there."""
        try:
            self._rendered({key: value for key, value in filled.items() if key != name})
        except jinja2.UndefinedError:
            return True
        except Exception:
            return False
        return False


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
