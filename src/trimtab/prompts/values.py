"""Values for a prompt's variables: defaults filled in, types checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.errors import InvalidRequest
from trimtab.records import Prompt
from trimtab.templates.variables import article, fits

__all__ = ["filled", "fits"]


def filled(prompt: Prompt, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was given, with the defaults of what was not.

    Raises:
        InvalidRequest: a declared variable is missing, or a value is of another type; names all.
    """
    if not prompt.declared:
        return given
    found = {one.name: one.default for one in prompt.declared if not one.required} | dict(given)
    missing = [one.name for one in prompt.declared if one.name not in found]
    if missing:
        raise InvalidRequest(
            f"the prompt lacks variables: {', '.join(missing[:20])}",
            where=f"prompt {prompt.ref}",
            fix="pass them, or give them a default where they are declared",
            missing=missing,
        )
    wrong = [one for one in prompt.declared if one.name in given and not fits(one, given[one.name])]
    if wrong:
        said = ", ".join(f"{one.name} must be {article(one.type)}" for one in wrong[:20])
        raise InvalidRequest(
            f"variables of the prompt are of the wrong type: {said}",
            where=f"prompt {prompt.ref}",
            fix="send them as they are declared",
            wrong=[one.name for one in wrong],
        )
    return found
