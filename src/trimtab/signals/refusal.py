"""`refusal`: whether an answer declines to answer, or says that it does not know.

Recognised by Trimtab's own wording and by English phrases in the opening of an answer; other
languages and rare phrasings are not recognised. A refusal comes first: what comes later is a
caveat.
"""

from __future__ import annotations

import re

from trimtab.dialects.passages import ABSTENTION, citations
from trimtab.measures.text import sentences
from trimtab.signals.finding import NOTHING, Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_OPENING = 1_000  # characters in which a refusal shows

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
_HAS_NONE = re.compile(
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

_CANNOT = r"(?:can(?:no|')?t|cannot|unable|not able)"
_DECLINES = re.compile(
    r"\b(?:i|we)(?:'m| am|'re| are)? (?:sorry|afraid|unable|not able|not allowed|not permitted)\b"
    r"|\b(?:i|we) (?:must|have to|need to|will have to|would have to) (?:decline|refuse)\b"
    r"|\b(?:i|we) (?:can(?:no|')?t|cannot|won't|will not|do not|don't|am not going to) "
    r"(?:\w+ ){0,2}(?:help|assist|provide|comply|fulfil|fulfill|create|generate|write|engage"
    r"|discuss|share|continue|support|do (?:that|this))\b"
    rf"|\bas an? (?:ai|language model|assistant)\b.{{0,80}}\b{_CANNOT}\b"
    r"|\b(?:against|violates?) (?:my|our|the) (?:guidelines|polic(?:y|ies)|rules|terms)\b"
)
# No phrase is without one of these: most answers are judged by them alone.
_EVERY = ("not", "n't", "cant", " no ", "sorry", "afraid", "unable", "insufficient", "decline")
_OTHERS = ("refuse", "against", "violate")
_APOSTROPHES = str.maketrans("\u2019\u02bc", "''")


class Refusal:
    """Whether an answer refuses (label "refusal") or has no answer (label "abstention").

    >>> Refusal().read(Text("I'm sorry, but I can't help with that.")).score
    1.0
    >>> Refusal().read(Text("The port is 8321. It can't be changed.")).score
    0.0
    """

    name = "refusal"
    version = "1"
    scale = "risk"
    lookback_chars = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """1 or 0, judged by the first thousand characters."""
        del about
        plain = text.plain
        if not _may_decline(plain[:_OPENING]) and ABSTENTION not in plain:
            return NOTHING
        if _refuses(plain):
            return _REFUSAL
        return _ABSTENTION if is_abstention(plain) else NOTHING


_REFUSAL = Reading(score=1.0, label="refusal")
_ABSTENTION = Reading(score=1.0, label="abstention")


def declines(answer: str) -> bool:
    """Whether an answer refuses or abstains.

    >>> declines("I must decline."), declines("You must decline the offer in writing.")
    (True, False)
    """
    return ABSTENTION in answer or is_abstention(answer) or _refuses(answer)


def is_abstention(answer: str) -> bool:
    """Whether an answer says that it has none.

    It does when it cites nothing and either holds Trimtab's own wording, or has a refusing phrase
    without a "but" after it in its first sentence, a pleasantry aside.

    >>> is_abstention("I'm sorry. The documentation does not mention a price.")
    True
    >>> is_abstention("I don't know why, but the port is 8321.")
    False
    """
    if ABSTENTION in answer:
        return not citations(answer)
    opening = answer[:_OPENING]
    if not _may_decline(opening):
        return False
    for sentence in sentences(opening):
        folded = _folded(sentence)
        found = _HAS_NONE.search(folded)
        if found:
            return _AND_YET.search(folded, found.end()) is None and not citations(answer)
        if not _PLEASANTRY.match(folded):
            break
    return False


def _refuses(answer: str) -> bool:
    opening = answer[:_OPENING]
    if not _may_decline(opening):
        return False
    return _DECLINES.search(_folded(" ".join(sentences(opening)[:2]))) is not None


def _may_decline(opening: str) -> bool:
    folded = _folded(opening)
    if folded.startswith("no "):
        return True
    return any(word in folded for word in _EVERY) or any(word in folded for word in _OTHERS)


def _folded(text: str) -> str:
    plain = text if text.isascii() else text.translate(_APOSTROPHES)
    return " ".join(plain.casefold().split())
