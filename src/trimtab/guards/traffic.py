"""Traffic: the texts of recorded calls, as a rule on one side of them would have read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from trimtab.dialects.passages import without_passages
from trimtab.guards.calibrate import Labelled
from trimtab.guards.rows import Row
from trimtab.records import Span, text_of
from trimtab.signals.signal import About

Side = Literal["input", "output"]

_INSTRUCTING = frozenset({"system", "developer"})


def texts_of(spans: Iterable[Span], side: Side) -> Iterator[Labelled]:
    """What users asked last, or what models answered; each text once, and nobody knows its label.

    An answer comes with the system prompt and the question that it was made under.
    """
    seen: set[str] = set()
    for span in spans:
        asked, system = _asked(span.input)
        text = asked if side == "input" else text_of(span.output)
        if not text or text in seen:
            continue
        seen.add(text)
        about = About() if side == "input" else About(system=system, question=asked or None)
        yield Labelled(Row(text=text, about=about))


def _asked(given: Any) -> tuple[str, str | None]:
    """The last words of the user, and those of the system."""
    if isinstance(given, Mapping):
        given = given.get("messages", given)
    if not isinstance(given, list):
        return text_of(given), None
    said = [one for one in given if isinstance(one, Mapping) and "role" in one]
    if not said:
        return text_of(given), None
    system = [without_passages(text_of(dict(one))) for one in said if one["role"] in _INSTRUCTING]
    asked = [text_of(dict(one)) for one in said if one["role"] == "user"]
    return asked[-1] if asked else "", "\n\n".join(system) or None
