"""What a signal says of a text: a score, and the parts of the text that it points at."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True, gc=False):
    """A part of a text, by its place: the text itself is never copied out of where it stands.

    `start` and `end` count characters (code points) of the text as it was given, whatever was
    normalised or decoded to find it. `score` is how sure the signal is, in [0, 1].
    """

    start: int
    end: int
    kind: str
    score: float = 1.0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one signal says of one text.

    Args:
        score: on the signal's scale; None where there is nothing to judge, and `reason` says why.
        findings: sorted by place; none lies over another of its kind.
        label: the word of a signal that names something, such as a language.
        reason: in a few words, quoting nothing of the text.
    """

    score: float | None
    findings: tuple[Finding, ...] = ()
    label: str | None = None
    reason: str | None = None


NOTHING = Reading(score=0.0)
"""Of a signal that looks for something and found none of it."""
