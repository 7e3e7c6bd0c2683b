"""A signal: one question asked of a text, answered without a network, a file or a clock."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import msgspec

from trimtab.signals.finding import Reading
from trimtab.signals.text import Text

Scale = Literal["risk", "unit", "number"]
"""`risk` and `unit` lie in [0, 1]. A rule fires on much `risk`: what is looked for is there; and on
little of a `unit`: what should be there is not. `number` has a unit of its own."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is judged against, as far as it is known.

    Args:
        context: what the text should rest on: retrieved passages, a document.
        system: the system prompt of the model that said the text.
        question: what the text is an answer to.
        canaries: secrets of the prompt that no answer may hold.
    """

    context: tuple[str, ...] = ()
    system: str | None = None
    question: str | None = None
    canaries: tuple[str, ...] = ()


NOBODY = About()


@runtime_checkable
class Signal(Protocol):
    """Pure, and safe to use by many threads. Work and memory grow with the length of the text.

    `version` changes with whatever changes a reading: rules, weights, settings. `lookback_chars`:
    of a text that grows, how many characters on either side of a position decide about it; None
    where the whole text does. A signal may have `lookahead_chars`, where fewer behind a position
    do, and a method `cut(text, at)`: the last place of `text.raw` up to `at` that lies within
    nothing which it reads as one thing, however long. A long text is read in pieces by a signal
    that has `lookback_chars`, or `overlap_chars` where it reads a text window by window.
    `is_quick`: it never takes long, so that it may be asked where others wait for it.
    `is_learned`: a scorecard is shipped with its weights.
    """

    name: str
    version: str
    scale: Scale
    lookback_chars: int | None
    is_learned: bool

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """Judge a text: any text, of any length, is judged; nothing is raised for what it says.

        The same reading for a text and for what is left of it after normalising.
        """
        ...
