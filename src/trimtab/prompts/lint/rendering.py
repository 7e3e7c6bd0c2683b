"""Whether a prompt can be rendered at all: tried with values that stand for any.

A template is a program, and what it does with values that nobody knows cannot be said beforehand.
So several kinds of values are tried, and only what fails with all of them in the same way is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.prompts.lint.finding import Finding
from trimtab.prompts.lint.variables import FILLED_IN
from trimtab.prompts.template import CompiledPrompt
from trimtab.records import PromptBundle
from trimtab.records.prompt import VariableType
from trimtab.templates.allowance import OutOfTime

_TEXT = "an example"


class _Members(dict[str, Any]):
    """An object that has every member."""

    def __init__(self, member: Any) -> None:
        super().__init__(name=member)
        self._member = member

    def __missing__(self, name: str) -> Any:
        return self._member


# By their places, so that no variable has the same value in two trials.
_MEMBERS: tuple[Any, ...] = (_Members(_TEXT), _TEXT, 3, [_TEXT], None, True)
_ANY: tuple[Any, ...] = (_Members(_TEXT), _TEXT, 3, [_Members(_TEXT)], [[_TEXT, 3]], None)
_OF_TYPE: Mapping[VariableType, Sequence[Any]] = {
    "string": (_TEXT, "3", "2030-01-31", "[]", "a, b", "x"),
    "number": (1.5, 3, 0.25, 100, 2, 7),
    "integer": (3, 1, 10, 100, 2, 7),
    "boolean": (True, False, True, False, True, False),
    "array": tuple([one] for one in _MEMBERS),
    "object": tuple(map(_Members, _MEMBERS)),
}


def about_rendering(bundle: PromptBundle) -> Iterator[Finding]:
    """Nothing of a prompt whose parts are not all there, or that does not compile."""
    prompt = bundle.prompt
    if len(bundle.partials) < len(prompt.partials):
        return
    try:
        compiled = CompiledPrompt.of(bundle)
    except InvalidRequest:
        return
    problems: set[str] = set()
    for values in _trials(bundle):
        try:
            compiled.render(values)
        except InvalidRequest as error:
            problems.add(error.what)
            if isinstance(error.__context__, OutOfTime):
                break
        else:
            return
        if len(problems) > 1:
            return
    for problem in problems:
        yield Finding(
            code="cannot_render",
            severity="warning" if set(prompt.variables) - FILLED_IN else "error",
            message=problem,
            where="messages",
            fix="correct the template, and try it with `trimtab prompts preview`",
        )


def _trials(bundle: PromptBundle) -> Iterator[Mapping[str, Any]]:
    prompt = bundle.prompt
    filled_in = {"passages": _TEXT, "question": _TEXT}
    values: dict[str, Sequence[Any]] = dict.fromkeys(prompt.variables, _ANY)
    values |= {one.name: _OF_TYPE[one.type] for one in prompt.declared}
    for place in range(len(_ANY)):
        yield {name: kinds[place] for name, kinds in values.items()} | filled_in
