"""`cites_source`: the answer cites what was retrieved for it."""

from __future__ import annotations

import re

from trimtab.dialects.passages import citations
from trimtab.records import Passage
from trimtab.scorers.abstention import ABSTAINED
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.signals.refusal import is_abstention

_NUMBERED = re.compile(r"\[(\d{1,4})\](?!\()")


@scorer
def cites_source(
    output: str,
    passages: tuple[Passage, ...] | None = None,
    context: list[str] | None = None,
) -> Judgement | Unscored:
    """Passes when the answer cites at least one retrieved passage.

    A citation is a passage's id in brackets, as `[docs/gateway.md#routes/2]`, or its place among
    the passages, counted from 1, as `[2]`. An abstention has nothing to cite and is unscored. That
    the passage says what the answer says is not looked at: that is `groundedness`.

    >>> cites_source("It is 8321 [1].", context=["The port is 8321."]).passed
    True
    """
    if passages is None and context is None:
        return Unscored("missing: context")
    if is_abstention(output):
        return ABSTAINED
    named = citations(output)
    known = {passage.id for passage in passages or ()}
    size = len(passages if passages is not None else context or ())
    numbered = [number for number in _NUMBERED.findall(output) if 1 <= int(number) <= size]
    found = [name for name in named if name in known] + numbered
    if found:
        return Judgement(passed=True, reason=f"cites {', '.join(found[:5])}")
    if named and passages is None:
        return Unscored("the ids of the retrieved passages are not known")
    if named:
        reason = "cites only what was not retrieved"
        return Judgement(passed=False, reason=reason, evidence=tuple(named[:5]))
    return Judgement(passed=False, reason="cites none of the retrieved passages")
