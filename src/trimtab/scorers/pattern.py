"""`regex`: the answer matches a regular expression."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

from trimtab.errors import ScorerError
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import references


@scorer
def regex(
    output: str,
    expected: Any = None,
    *,
    pattern: str = "",
    match: Literal["anywhere", "start", "whole"] = "anywhere",
    ignore_case: bool = False,
) -> Judgement | Unscored:
    """Passes when the answer matches `pattern`, or an expected text as a pattern.

    Python's regular expressions; `.` and `$` know lines as they do there. A pattern that goes back
    and forth without end (`(a+)+$`) holds everything up: write those you trust.

    >>> regex("It is 8321.", pattern="8[0-9]{3}").passed
    True
    """
    patterns = [pattern] if pattern else references(expected) if expected is not None else []
    if not patterns:
        return Unscored("missing: expected")
    for text in patterns:
        found = getattr(_compiled(text, ignore_case), _METHODS[match])(output)
        if found:
            return Judgement(passed=True, evidence=(found[0][:200],) if found[0] else ())
    return Judgement(passed=False, reason=f"does not match {' or '.join(patterns)}"[:300])


_METHODS = {"anywhere": "search", "start": "match", "whole": "fullmatch"}


@lru_cache(maxsize=256)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise ScorerError(
            f"not a regular expression: {error}", where="pattern", fix="mend it", got=pattern
        ) from None
