"""Words that praise, complain, or change what the words after them say; our own lists, English."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def strengths() -> dict[str, float]:
    """How much a word praises (to 3) or complains (to -3)."""
    lines = (
        files("trimtab.signals").joinpath("weights/sentiment.txt").read_text("utf-8").split("\n")
    )
    found: dict[str, float] = {}
    for line in lines:
        strength, _, words = line.partition(" ")
        if strength not in {"", "#"}:
            found |= dict.fromkeys(words.split(), float(strength))
    return found


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


NEGATIONS = _words(
    "ain't aren't arent barely can't cannot cant couldn't didn't didnt doesn't doesnt don't "
    "dont hadn't hardly hasn't haven't isn't isnt lacks neither never no nobody none nor not "
    "nothing scarcely shouldn't wasn't wasnt weren't without won't wont wouldn't "
)
STRONGER = _words(
    "absolutely completely deeply especially extremely fucking highly incredibly insanely "
    "most really so such super too totally truly utterly very "
)
WEAKER = _words("almost bit fairly kind kinda little partly rather slightly somewhat sort")
TURNS = _words("although but however though yet")
