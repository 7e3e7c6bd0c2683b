"""Variables of a prompt as guards see them: every text in them, however deep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from trimtab.dialects.llm.others import strings
from trimtab.ports import GuardText, Place

_ROLE = "variable"


def told(variables: Mapping[str, Any]) -> list[GuardText]:
    """The texts of the variables in their order; names inside one are its `other`.

    >>> [text.text for text in told({"name": "Ada", "langs": ["en", {"no code": "de"}]})]
    ['Ada', 'en', 'de', 'no code']
    """
    found: list[GuardText] = []
    for index, value in enumerate(variables.values()):
        whole = [value]
        slots = list(_slots(whole, 0))
        for part, (holder, key) in enumerate(slots):
            place = Place(_ROLE, index, "text", part)
            found.append(GuardText(place=place, text=holder[key]))
        taken = frozenset((id(holder), key) for holder, key in slots)
        if rest := "\n".join(strings(whole, taken)):
            found.append(GuardText(place=Place(_ROLE, index, "other"), text=rest))
    return found


def retold(variables: Mapping[str, Any], changed: Mapping[Place, str]) -> dict[str, Any]:
    """The variables with other texts at these places; nothing of the given ones changes."""
    found: dict[str, Any] = {}
    for index, (name, value) in enumerate(variables.items()):
        new = [deepcopy(value)]
        for part, (holder, key) in enumerate(list(_slots(new, 0))):
            place = Place(_ROLE, index, "text", part)
            holder[key] = changed.get(place, holder[key])
        found[name] = new[0]
    return found


def _slots(holder: Any, key: Any) -> Iterator[tuple[Any, Any]]:
    """Where the texts of one value are: in what, and under which key."""
    value = holder[key]
    if isinstance(value, str):
        yield holder, key
    elif isinstance(value, dict):
        for name in value:
            yield from _slots(value, name)
    elif isinstance(value, list):
        for place in range(len(value)):
            yield from _slots(value, place)
