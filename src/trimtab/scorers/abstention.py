"""`abstains`: the assistant says that it does not know exactly when it should.

Abstaining is recognised by Trimtab's own wording and by a short list of English phrases in the
opening of an answer; other languages and rare phrasings are not recognised.
"""

from __future__ import annotations

import re
from typing import Any

from trimtab.dialects.passages import ABSTENTION, citations
from trimtab.measures.text import sentences
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import references

_OPENING = 1_000  # characters in which an answer that abstains says so
_NOT = r"(?:not|n't)"
_SOURCES = (
    r"(?:(?:the|this|these|my|your|our|any|provided|given|available|retrieved|supplied) )*"
    r"(?:documentation|documents?|docs|context|passages?|sources?|texts?|materials?|information)"
    r"(?: (?:provided|given|available))?"
)
_SAYS = (
    r"(?:say|state|mention|contain|cover|include|specify|provide|answer|describe|address|discuss"
    r"|have|tell|explain)"
)
_REFUSED = re.compile(
    rf"\b(?:i|we) (?:(?:do|did|would|really|honestly|simply) ?)*{_NOT} (?:actually )?know\b"
    rf"|\b(?:i|we)(?: am| are| was| were|'m|'re)? ?(?:(?:can|could|will|wo|ca)(?: ?{_NOT}|not)"
    rf"|(?:{_NOT} able|unable) to)"
    r" (?:find|locate|answer|determine|help|assist|say|tell|provide|comply|do (?:that|this)"
    r"|share|discuss|confirm|reveal|disclose)"
    rf"|\b{_SOURCES} (?:do|does|did) ?{_NOT} {_SAYS}\b"
    rf"|(?:\bnot|n't) (?:mentioned|covered|specified|found|stated|described|documented|available"
    rf"|answered|present)?(?: ?anywhere)? ?in {_SOURCES}\b"
    r"|\b(?:there (?:is|was)|i (?:have|found|see)) no (?:\w+ )?"
    r"(?:information|mention|answer|details?|data|reference)\b"
    r"|\bno (?:information|answer|details?) (?:(?:is|was|were) )?(?:found|available|provided)\b"
    rf"|\bcan(?: ?not|'t) be (?:answered|determined)\b"
    r"|\b(?:insufficient|not enough) (?:information|context)\b"
)
_PLEASANTRY = re.compile(
    r"(?:i'm |i am |we're |we are )?(?:so |very )?(?:sorry|apolog|thank|hello|hi\b)"
)
_AND_YET = re.compile(r"[,;] (?:but|however|though) ")
_APOSTROPHES = str.maketrans("\u2019\u02bc", "''")


def is_abstention(answer: str) -> bool:
    """Whether an answer says that it has none.

    It does when it cites nothing and either holds Trimtab's own wording, or has a refusing phrase
    without a "but" after it in its first sentence, a pleasantry aside.

    >>> is_abstention("I'm sorry. The documentation does not mention a price.")
    True
    >>> is_abstention("I don't know why, but the port is 8321.")
    False
    """
    if citations(answer):
        return False
    if ABSTENTION in answer:
        return True
    for sentence in sentences(answer[:_OPENING]):
        folded = " ".join(sentence.translate(_APOSTROPHES).casefold().split())
        found = _REFUSED.search(folded)
        if found:
            return _AND_YET.search(folded, found.end()) is None
        if not _PLEASANTRY.match(folded):
            break
    return False


def should_abstain(expected: Any, metadata: dict[str, Any]) -> bool | None:
    """Whether the right answer is to abstain; None when nobody said.

    `metadata["answerable"]` decides; then an expected answer; then `metadata["kind"]`, one of
    "answerable", "unanswerable", "hostile" and "personal" (which is answerable when there is an
    expected answer). That there is no expected answer says nothing by itself: it may be unknown.

    >>> should_abstain(None, {"kind": "unanswerable"}), should_abstain(None, {})
    (True, None)
    """
    answerable = metadata.get("answerable")
    if isinstance(answerable, bool):
        return not answerable
    wanted = references(expected) if expected is not None else []
    if wanted:
        return all(map(is_abstention, wanted))
    kind = metadata.get("kind")
    if kind in ("unanswerable", "hostile", "personal"):
        return True
    return False if kind == "answerable" else None


ABSTAINED = Unscored("abstained")
"""What a scorer of claims says of an answer that makes none."""

UNKNOWN = Unscored("unknown whether to abstain: set metadata.answerable or metadata.kind")


@scorer
def abstains(
    output: str, expected: Any = None, metadata: dict[str, Any] | None = None
) -> Judgement | Unscored:
    """Passes when the answer abstains and should, or does not and should not.

    >>> abstains.check(output="I don't know.", metadata={"answerable": False})[0].reason
    'abstained, as it should'
    """
    should = should_abstain(expected, metadata or {})
    if should is None:
        return UNKNOWN
    did = is_abstention(output)
    what = "abstained" if did else "answered"
    return Judgement(
        passed=did is should,
        reason=f"{what}, {'as it should' if did is should else 'which it should not'}",
    )
