"""`refusal`: whether an answer declines to answer, or says that it does not know.

Recognised by Trimtab's own wording and by English phrases in the opening of an answer; other
languages and rare phrasings are not recognised. A refusal comes first: what comes later is a
caveat.
"""

from __future__ import annotations

import re
from itertools import islice

from trimtab.dialects.passages import ABSTENTION, citations
from trimtab.measures.text import each_sentence
from trimtab.signals.finding import NOTHING, Reading
from trimtab.signals.gates import Gate, Gates
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
_GATES = Gates()


def _gate(pattern: re.Pattern[str]) -> Gate:
    """Opens wherever the pattern matches: RE2's `\\w` is of ASCII, and long gaps cost it states."""
    return _GATES.add(pattern.pattern.replace(r"\w+", "[^ ]+").replace(".{0,80}", ".*"))


_MAY_HAVE_NONE, _MAY_DECLINE = _gate(_HAS_NONE), _gate(_DECLINES)
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
        opening = plain[:_OPENING]
        may = _may_decline(opening)
        if may and _refuses(opening):
            return _REFUSAL
        if may or ABSTENTION in plain:
            return _ABSTENTION if _abstains(plain, may=may) else NOTHING
        return NOTHING


_REFUSAL = Reading(score=1.0, label="refusal")
_ABSTENTION = Reading(score=1.0, label="abstention")


def declines(answer: str) -> bool:
    """Whether an answer refuses or abstains.

    >>> declines("I must decline."), declines("You must decline the offer in writing.")
    (True, False)
    """
    if ABSTENTION in answer:
        return True
    opening = answer[:_OPENING]
    return _may_decline(opening) and (_abstains(answer, may=True) or _refuses(opening))


def is_abstention(answer: str) -> bool:
    """Whether an answer says that it has none.

    It does when it cites nothing and either holds Trimtab's own wording, or has a refusing phrase
    without a "but" after it in its first sentence, a pleasantry aside.

    >>> is_abstention("I'm sorry. The documentation does not mention a price.")
    True
    >>> is_abstention("I don't know why, but the port is 8321.")
    False
    """
    return _abstains(answer, may=_may_decline(answer[:_OPENING]))


def _abstains(answer: str, *, may: bool) -> bool:
    """`may`: whether the opening has any word that a refusal has."""
    if ABSTENTION in answer:
        return not citations(answer)
    if not may:
        return False
    opening = answer[:_OPENING]
    for start, end in each_sentence(opening):
        folded = _folded(opening[start:end])
        found = _HAS_NONE.search(folded) if _MAY_HAVE_NONE in _GATES.open(folded) else None
        if found:
            return _AND_YET.search(folded, found.end()) is None and not citations(answer)
        if not _PLEASANTRY.match(folded):
            break
    return False


def _refuses(opening: str) -> bool:
    first = (opening[start:end] for start, end in islice(each_sentence(opening), 2))
    folded = _folded(" ".join(first))
    return _MAY_DECLINE in _GATES.open(folded) and _DECLINES.search(folded) is not None


def _may_decline(opening: str) -> bool:
    folded = _folded(opening)
    if folded.startswith("no "):
        return True
    return any(word in folded for word in _EVERY) or any(word in folded for word in _OTHERS)


def _folded(text: str) -> str:
    plain = text if text.isascii() else text.translate(_APOSTROPHES)
    return " ".join(plain.casefold().split())
