"""Slots that a stranger's text could turn into instructions.

A text that is written into a system message without anything around it reads as a part of it
(OWASP's LLM01, prompt injection). Marks around it do not make it safe; they let the model, and the
instructions, tell it from the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from trimtab.prompts.lint.finding import Finding, Part
from trimtab.prompts.slots import Slot, slots, without_tags
from trimtab.records import Prompt

_TRUSTED_ROLES = ("system", "developer")
_SAFE_TYPES = ("number", "integer", "boolean")
_MARKED = frozenset({"passages"})  # comes in markup of its own
_OPENING = re.compile(
    r"(<[A-Za-z][\w:-]*(?:\s[^<>]*)?>|```\w*|\"\"\"|'''|[\"'“«\[(`]|-{3,}|#{3,})$"
)
_LONGEST_TAGS = 2_000  # characters
_CLOSES = {"“": "”", "«": "»", "[": "]", "(": ")"}


def about_slots(prompt: Prompt, parts: Sequence[Part]) -> Iterator[Finding]:
    types = {one.name: one.type for one in prompt.declared}
    for part in parts:
        if part.role not in _TRUSTED_ROLES:
            continue
        told: set[str] = set()
        for slot in slots(part.text, prompt.syntax):
            plain = types.get(slot.name) in _SAFE_TYPES or slot.name in _MARKED
            if plain or slot.harmless or slot.name in told or _is_marked(part.text, slot):
                continue
            told.add(slot.name)
            yield _at_end(part, slot) if _is_last(part.text, slot) else _open(part, slot)


def _open(part: Part, slot: Slot) -> Finding:
    return Finding(
        code="open_slot",
        severity="warning",
        message=f"{slot.name!r} stands in a {part.role} message with nothing around it: its text"
        " can pretend to be instructions",
        where=part.at(slot.line),
        fix=f"write <{slot.name}>{{{{ {slot.name} }}}}</{slot.name}> and say that it is data, or"
        " put it into a user message",
    )


def _at_end(part: Part, slot: Slot) -> Finding:
    return Finding(
        code="slot_at_end",
        severity="warning",
        message=f"{slot.name!r} is the end of a {part.role} message: the last word on what to do"
        " would be its author's",
        where=part.at(slot.line),
        fix="put it into a user message, or before the instructions with marks around it",
    )


def _is_last(text: str, slot: Slot) -> bool:
    rest = text[slot.end :].rstrip()
    return len(rest) < _LONGEST_TAGS and not without_tags(rest).strip()


def _is_marked(text: str, slot: Slot) -> bool:
    """Whether something opens right before the slot and closes right after it."""
    before, after = text[: slot.start].rstrip(), text[slot.end :].lstrip()
    opened = _OPENING.search(before[-200:])
    if opened is None:
        return _in_element(text, slot)
    mark = opened[0]
    if mark.startswith("<"):
        name = re.match(r"<([\w:-]+)", mark)
        return name is not None and f"</{name[1]}" in after
    mark = re.sub(r"\w+$", "", mark)
    return after.startswith(_CLOSES.get(mark, mark[:3]))


def _in_element(text: str, slot: Slot) -> bool:
    """Whether an element that began before the slot ends after it."""
    opened: list[str] = []
    for tag in re.finditer(r"<(/?)([A-Za-z][\w:-]*)(?:\s[^<>]*)?>", text[: slot.start]):
        if not tag[1]:
            opened.append(tag[2])
        elif tag[2] in opened:
            opened.remove(tag[2])
    return any(f"</{name}" in text[slot.end :] for name in opened)
