"""Size: how much of templates there may be, so that compiling them never takes long.

What takes long is code, not text: every name and sign in a tag is compiled, and Python's compiler
lets nothing else run while it works.
"""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.errors import InvalidRequest

MOST_SOURCE = 2_000_000
"""Characters of the templates of one prompt or plan together."""

MOST_PARTS = 10_000
"""Names, signs and texts between tags of them; `{{ name }}` has three."""


class Size:
    """What the templates of one prompt or plan come to, each counted before it is compiled."""

    def __init__(self) -> None:
        self._characters = 0
        self._parts = 0

    def add(self, text: str, parts: Iterable[object], where: str) -> None:
        """Count a template.

        Args:
            parts: of the template; not read further than there may be.
        Raises:
            InvalidRequest: with those before, it is too large.
        """
        self._characters += len(text)
        if self._characters > MOST_SOURCE:
            raise InvalidRequest(
                f"the templates are longer than {MOST_SOURCE:,} characters",
                where=where,
                fix="pass long texts as variables",
            )
        for _ in parts:
            self._parts += 1
            if self._parts > MOST_PARTS:
                raise InvalidRequest(
                    f"the templates have more than {MOST_PARTS:,} parts: names and signs in tags,"
                    " and texts between tags",
                    where=where,
                    fix="go through a list with a loop, and pass what is long as a variable",
                )
