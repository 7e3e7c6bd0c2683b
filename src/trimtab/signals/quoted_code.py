"""Code that Markdown shows and does not render: what stands in it loads nothing and leads nowhere.

Decided by what stands shortly before and behind a place alone, so that of a text that grows the
same is said as of the whole. Where that leaves a doubt, a place is in no code.
"""

from __future__ import annotations

import re

_BACK = 1500
"""Characters before a place in which the code begins; no signal that asks may look back less."""
_AHEAD = 100
_FENCE = re.compile(r"(?m)^[ \t>]*(?:`{3,}|~{3,}).*$")
# A fence with a name of a language opens and never closes; in a list or a quotation it may end
# with that (CommonMark, 4.5), so only one at the very start of a line counts.
_OPENING = re.compile(r"(?:`{3,}|~{3,})[ \t]*[A-Za-z][^`~]*\Z")
_RAW = re.compile(r"(?i)<(?:pre|script|style|textarea|xmp)\b|<!|<\?")
_TICKS = re.compile("`+")


def is_quoted_code(plain: str, start: int, end: int) -> bool:
    """Whether a stretch stands in a fenced code block with a language, or in a code span.

    >>> is_quoted_code("use `<img src=x>` so", 5, 16), is_quoted_code("a ` <img src=x>", 4, 15)
    (True, False)
    """
    before = plain[max(0, start - _BACK) : start]
    if "`" not in before and "~~~" not in before:
        return False
    if start > _BACK:
        before = before.partition("\n\n")[2]  # what it begins with may be the rest of anything
    return _in_span(before, plain[start : end + _AHEAD]) or _in_block(before)


def _in_block(before: str) -> bool:
    fences = list(_FENCE.finditer(before))
    if not fences or not _OPENING.match(fences[-1].group()):
        return False
    return _is_markdown(before[: fences[-1].start()])


def _is_markdown(before: str) -> bool:
    """Whether no HTML goes on: up to an empty line, or to the end of elements that hold any."""
    return "<" not in before.rpartition("\n\n")[2] and _RAW.search(before) is None


def _in_span(before: str, rest: str) -> bool:
    """Whether backticks around it pair, whichever of the lines above its paragraph begins with."""
    *above, line = before.rpartition("\n\n")[2].split("\n")
    if any(map(_open, above)) or not _is_markdown(before):
        return False
    ticks = _open(line)
    within = rest.partition("\n")[0]
    return ticks > 0 and any(
        len(one.group()) == ticks and "|" not in within[: one.start()]
        for one in _TICKS.finditer(within)
    )


def _open(line: str) -> int:
    """How many backticks open the code span that a line leaves open; 0 where it leaves none."""
    runs = [len(one.group()) for one in _TICKS.finditer(line)]
    at = 0
    while at < len(runs):
        try:
            at = runs.index(runs[at], at + 1) + 1
        except ValueError:
            return runs[at]
    return 0
