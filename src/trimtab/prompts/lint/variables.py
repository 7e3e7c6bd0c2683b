"""Variables that are declared and not used, used and not declared, or written as `None`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from trimtab.errors import InvalidRequest
from trimtab.prompts.lint.finding import Finding, Part
from trimtab.prompts.slots import slots
from trimtab.prompts.template import needs
from trimtab.records import Message, Prompt, PromptBundle

FILLED_IN = frozenset({"passages", "question"})
"""By the gateway, whatever a request brings."""


def about_variables(bundle: PromptBundle, parts: Sequence[Part]) -> Iterator[Finding]:
    prompt = bundle.prompt
    used = set(prompt.variables)
    if prompt.shots is not None:
        used |= _asked(prompt) | {prompt.shots.by}
    declared = {one.name for one in prompt.declared}
    for index, one in enumerate(prompt.declared):
        if one.name not in used:
            yield Finding(
                code="unused_variable",
                severity="warning",
                message=f"the variable {one.name!r} is declared, and no template uses it",
                where=f"declared[{index}]",
                fix="use it or take it out",
            )
    undeclared = sorted(set(prompt.variables) - declared - FILLED_IN)
    if undeclared:
        yield Finding(
            code="undeclared_variable",
            severity="error" if declared else "hint",
            message="variables are not declared: " + ", ".join(undeclared[:20]),
            where="declared",
            fix="declare them with their types, so that a wrong value is refused before the call",
        )
    yield from _written_as_none(prompt, parts)
    yield from _missing_in_shots(bundle)


def _asked(prompt: Prompt) -> set[str]:
    """The variables of the question of the shots."""
    if prompt.shots is None:
        return set()
    try:
        asked = Message(role="user", content=prompt.shots.question)
        return set(needs([asked], prompt.syntax).variables)
    except InvalidRequest:
        return set()


def _written_as_none(prompt: Prompt, parts: Sequence[Part]) -> Iterator[Finding]:
    """Variables that may be left out, have no default, and are written without being asked for."""
    empty = {one.name for one in prompt.declared if not one.required and one.default is None}
    told = set()
    for part in parts if empty else ():
        for slot in slots(part.text, prompt.syntax):
            name = slot.name
            if name in told or name not in empty or _is_guarded(part.text, name):
                continue
            told.add(name)
            yield Finding(
                code="missing_default",
                severity="warning",
                message=f"{name!r} may be left out and has no default: it is written as None",
                where=part.at(slot.line),
                fix="give it a default, or write it inside {% if " + name + " %}",
            )


def _is_guarded(text: str, name: str) -> bool:
    guards = rf"\{{%-?\s*(?:el)?if\b[^%]*\b{re.escape(name)}\b|\{{\{{[#^]\s*{re.escape(name)}\b"
    return bool(re.search(guards, text)) or bool(
        re.search(rf"\{{\{{-?\s*{re.escape(name)}\s*(?:\||or\b)", text)
    )


def _missing_in_shots(bundle: PromptBundle) -> Iterator[Finding]:
    prompt = bundle.prompt
    shots = prompt.shots
    if shots is None:
        return
    among = shots.examples or bundle.shots
    # What a shot does not bring comes from the request: the question itself should not.
    wanted = _asked(prompt) | ({shots.by} if shots.choose == "nearest" else set())
    for index, shot in enumerate(among[:1000]):
        absent = sorted(wanted - set(shot.variables))
        if absent:
            yield Finding(
                code="missing_variable",
                severity="error" if set(shot.variables).isdisjoint(wanted) else "warning",
                message=f"an example lacks {', '.join(absent)}, and would be shown with the value"
                " of the request",
                where=f"shots.examples[{index}]" if shots.examples else "shots.dataset",
                fix="give the example the variables that shots.question uses",
            )
            break
    if among and len(among) < shots.k:
        yield Finding(
            code="few_shots",
            severity="hint",
            message=f"{shots.k} examples are to be shown, and there are {len(among)}",
            where="shots.k",
            fix="add examples or show fewer",
        )
