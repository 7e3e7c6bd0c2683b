"""Values of HTTP headers that are made of other people's words."""

from __future__ import annotations

_LONGEST = 2_000


def printable(text: str) -> str:
    """A text as it may stand in a header: printable ASCII, anything else `?`, and not for ever.

    >>> printable("é\\r\\nset-cookie: a")
    '???set-cookie: a'
    """
    if text.isascii() and text.isprintable():  # as almost all are
        return text[:_LONGEST]
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:_LONGEST])
