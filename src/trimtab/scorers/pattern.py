"""`regex`: the answer matches a regular expression."""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta

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
    group: Annotated[int, Meta(ge=0)] | None = None,
) -> Judgement | Unscored:
    """Passes when the answer matches `pattern`, or an expected text as a pattern.

    Python's regular expressions; `.` and `$` know lines as they do there. A pattern that goes back
    and forth without end (`(a+)+$`) holds everything up: write those you trust.

    Args:
        match: whether the pattern may stand anywhere, at the start, or must be the whole.
        ignore_case: case does not count.
        group: what this group of `pattern` last found must be an expected text, case aside with
            `ignore_case`: `ANSWER: ([A-D])` with 1 is multiple choice.

    >>> regex("It is 8321.", pattern="8[0-9]{3}").passed
    True
    >>> regex("A or B? ANSWER: B", "B", pattern="ANSWER: ([A-D])", group=1).passed
    True
    """
    if group is not None:
        return _extracted(output, expected, pattern, group, ignore_case)
    patterns = [pattern] if pattern else references(expected) if expected is not None else []
    if not patterns:
        return Unscored("missing: expected")
    for text in patterns:
        if not pattern and not _is_pattern(text):
            return Unscored("the expected text is not a regular expression")
        found = getattr(_compiled(text, ignore_case), _METHODS[match])(output)
        if found:
            return Judgement(passed=True, evidence=(found[0][:200],) if found[0] else ())
    return Judgement(passed=False, reason=f"does not match {' or '.join(patterns)}"[:300])


def _extracted(
    output: str, expected: Any, pattern: str, group: int, ignore_case: bool
) -> Judgement | Unscored:
    accepted = [text.strip() for text in references(expected)] if expected is not None else []
    if not accepted:
        return Unscored("missing: expected")
    compiled = _compiled(pattern, ignore_case)
    if not pattern or group > compiled.groups:
        what = f"the pattern has no group {group}" if pattern else "there is no pattern"
        raise ScorerError(what, where="pattern", fix="write (...) around the answer", got=pattern)
    last = deque(compiled.finditer(output), maxlen=1)
    if not last or last[0][group] is None:
        return Judgement(passed=False, reason="nothing is found")
    given = last[0][group].strip()
    fold = str.casefold if ignore_case else str
    return Judgement(passed=fold(given) in set(map(fold, accepted)), reason=f"found {given}"[:300])


_METHODS = {"anywhere": "search", "start": "match", "whole": "fullmatch"}


def _is_pattern(text: str) -> bool:
    try:
        _compiled(text, False)
    except ScorerError:
        return False
    return True


@lru_cache(maxsize=256)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise ScorerError(
            f"not a regular expression: {error}", where="pattern", fix="mend it", got=pattern
        ) from None
