"""The filter language, for every surface: text to a `Filter`, back to text, and completion.

    model:gpt-4o cost_usd>0.01 -status:ok user:u7,u8 "refund policy" score.helpful<0.5 since:24h

Conditions side by side must all hold; `OR`, parentheses and `-` (or `NOT`) combine them. A word
that is no condition searches what was said. Pure: the time that `24h` counts from is given.
"""

from trimtab.dialects.filter.complete import Place, Suggestion, complete, place
from trimtab.dialects.filter.match import matches, names
from trimtab.dialects.filter.read import parse
from trimtab.dialects.filter.values import duration_ns
from trimtab.dialects.filter.write import render, spelt

__all__ = [
    "Place",
    "Suggestion",
    "complete",
    "duration_ns",
    "matches",
    "names",
    "parse",
    "place",
    "render",
    "spelt",
]
