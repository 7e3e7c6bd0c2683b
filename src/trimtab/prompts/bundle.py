"""Bundles: a prompt with all that rendering it needs, looked up once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from trimtab.errors import InvalidRequest, NotFound
from trimtab.records import Example, Prompt, PromptBundle, Shot, text_of

MOST_SHOTS = 5_000
_MOST_PARTIALS = 200

Find = Callable[[str], Prompt]
"""A prompt of the same project by its reference; raises NotFound."""

Rows = Callable[[str], Iterable[Example]]
"""The rows of a dataset of the same project by its reference; raises NotFound."""


def bundled(prompt: Prompt, find: Find, rows: Rows) -> PromptBundle:
    """A prompt with the prompts it takes in, at whatever depth, and its examples.

    Raises:
        InvalidRequest: something that it names is not there, or it is too much.
    """
    shots: Sequence[Shot] = ()
    if prompt.shots is not None and prompt.shots.dataset is not None:
        shots = _shots(prompt, prompt.shots.dataset, rows)
    return PromptBundle(prompt=prompt, partials=tuple(_partials(prompt, find)), shots=tuple(shots))


def _partials(prompt: Prompt, find: Find) -> Iterable[Prompt]:
    found: dict[str, Prompt] = {}
    open_ = [(prompt, one) for one in prompt.partials]
    while open_:
        owner, partial = open_.pop()
        if partial.ref in found:
            continue
        if len(found) >= _MOST_PARTIALS:
            raise InvalidRequest(
                f"the prompt takes in more than {_MOST_PARTIALS} others",
                where=f"prompt {prompt.ref}",
                fix="write more of it into one",
            )
        try:
            taken = find(partial.ref)
        except NotFound as error:
            raise InvalidRequest(
                f"{owner.ref} takes in {partial.ref}, which is not there: {error}",
                where=f"prompt {prompt.ref}",
            ) from None
        found[partial.ref] = taken
        open_ += [(taken, one) for one in taken.partials]
    return found.values()


def _shots(prompt: Prompt, dataset: str, rows: Rows) -> Sequence[Shot]:
    found = []
    try:
        for row in rows(dataset):
            if (shot := shot_of(row, prompt)) is not None:
                found.append(shot)
            if len(found) == MOST_SHOTS:
                break
    except NotFound as error:
        raise InvalidRequest(
            f"the examples of the prompt are not there: {error}", where=f"prompt {prompt.ref}"
        ) from None
    return found


def shot_of(row: Example, prompt: Prompt) -> Shot | None:
    """A row of a dataset as an example; None where it does not say what was expected.

    An input that is an object has the variables; any other is `question` and what shots go by.
    """
    answer = text_of(row.expected)
    if not answer:
        return None
    if isinstance(row.input, dict) and "messages" not in row.input:
        return Shot(variables=row.input, answer=answer)
    by = prompt.shots.by if prompt.shots is not None else "question"
    asked = text_of(row.input)
    variables: Mapping[str, Any] = {by: asked, "question": asked}
    return Shot(variables=dict(variables), answer=answer)
