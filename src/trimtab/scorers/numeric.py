"""`numeric_close`: the number of an answer is near enough to the expected one."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from msgspec import Meta

from trimtab.measures import quantities
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import text


@scorer
def numeric_close(
    output: Any,
    expected: Any,
    *,
    absolute: Annotated[float, Meta(ge=0)] = 0.0,
    relative: Annotated[float, Meta(ge=0)] = 1e-6,
    which: Literal["last", "first", "only"] = "last",
) -> Judgement | Unscored:
    """Passes when |a - e| <= max(absolute, relative |e|), a the answer's number, e the expected.

    Thousands may be parted, `45 %` is 0.45; full stops are decimal marks.

    Args:
        which: the last number of a text, the first, or the text must be nothing but a number.

    >>> numeric_close("So 1,234 + 1 = 1,235.", 1235).passed
    True
    """
    wanted = _number(expected, "only")
    if wanted is None:
        return Unscored("the expected value is not a number")
    given = _number(output, which)
    if given is None:
        return Judgement(passed=False, reason="the answer holds no such number")
    near = quantities.numeric_close(given, wanted, relative=relative, absolute=absolute)
    return Judgement(passed=bool(near), reason=f"{given:g}, expected {wanted:g}")


def _number(value: Any, which: str) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) if math.isfinite(value) else None
        except OverflowError:  # a whole number beyond what a float holds
            return None
    said = text(value).strip()
    if which == "only":
        return quantities.parse_number(said)
    found = quantities.numbers(said)
    if not found:
        return None
    return found[0] if which == "first" else found[-1]
