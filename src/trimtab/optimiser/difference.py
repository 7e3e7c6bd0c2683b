"""How two versions of a prompt differ, as lines. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from trimtab.evals.values import as_text
from trimtab.records import Prompt

_SHOWN_EXAMPLES = 12


def difference(before: Prompt, after: Prompt) -> str:
    """A unified diff of the texts and the examples of two versions."""
    lines = difflib.unified_diff(
        list(_lines(before)), list(_lines(after)), before.ref, "proposed", n=2, lineterm=""
    )
    return "\n".join(lines)


def _lines(prompt: Prompt) -> Iterator[str]:
    for message in prompt.messages:
        yield f"{message.role}:"
        yield from as_text(message.content).splitlines()
        yield ""
    shots = prompt.shots
    if shots is None:
        return
    which = f"the {shots.k} most like by {shots.by}" if shots.choose == "nearest" else "the first"
    of = f"of the rows of {shots.dataset}" if shots.dataset else f"of {len(shots.examples)}"
    yield f"examples: {which} {shots.k if shots.choose == 'first' else ''} {of}".replace("  ", " ")
    for shot in shots.examples[:_SHOWN_EXAMPLES]:
        asked = " ".join(as_text(shot.variables.get(shots.by, "")).split())
        yield f"- {asked[:160]} -> {' '.join(shot.answer.split())[:160]}"
    if len(shots.examples) > _SHOWN_EXAMPLES:
        yield f"- and {len(shots.examples) - _SHOWN_EXAMPLES} more"
