"""Characters that hide something: what a reader does not see and a model reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice

from trimtab.signals import characters
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.lookalikes import disguised
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_MOST = 1000
_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]")
# Scripts in which a joiner or a selector is spelling: Arabic to Khmer, Mongolian.
_JOINING = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e80-\u109f\u1780-\u18af\ufb50-\ufefc]")
_PICTURES = re.compile(
    "[\u00a9\u00ae\u200d\u20e3\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f"
    "\U0001f000-\U0001faff#*0-9]"
)
_IDEOGRAPHS = re.compile("[\u2200-\u22ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORDY = re.compile("[A-Za-z0-9]")


class Unicode:
    """Hidden and misleading characters, by kind.

    What emoji, Persian, Indic and right-to-left text need, and a byte order mark at the start,
    is no finding. Scores grow with what could be meant: one stray zero-width space is .2, a message
    in tag characters 1.

    >>> from trimtab.signals.text import Text
    >>> [f.kind for f in Unicode().read(Text("pay\\u200bpal \\u202egpj.exe")).findings]
    ['zero_width', 'bidi_control']
    """

    name = "unicode"
    version = "1"
    scale = "risk"
    lookback_chars = 256
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The worst of what is found; at most a thousand findings of a kind are listed."""
        del about
        raw = text.raw
        if raw.isascii() and _plain_ascii().search(raw) is None:
            return NOTHING
        found = [one for look in _LOOKS for one in islice(look(raw), _MOST)]
        if not found:
            return NOTHING
        return Reading(score=max(one.score for one in found), findings=tuple(sorted(found)))


@cache
def _plain_ascii() -> re.Pattern[str]:
    return re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def _tag_characters(raw: str) -> Iterator[Finding]:
    for found in characters.one_of(characters.TAGS).finditer(raw):
        start, end = found.span()
        # A flag of a region is a black flag, its letters, and an end: at most eight characters.
        is_flag = raw[start - 1 : start] == "\U0001f3f4" and end - start <= 8
        if not (is_flag and raw[end - 1] == "\U000e007f"):
            yield Finding(start=start, end=end, kind="tag_characters")


def _zero_width(raw: str) -> Iterator[Finding]:
    for found in characters.one_of(characters.ZERO_WIDTH).finditer(raw):
        start, end = found.span()
        before, after = raw[start - 1 : start], raw[end : end + 1]
        if _is_spelling(found.group(), before, after) or (start == 0 and found.group() == "\ufeff"):
            continue
        if end - start >= 8:
            score = 0.95
        elif _WORDY.match(before) and _WORDY.match(after):
            score = 0.3 if found.group() == "\u00ad" else 0.6
        else:
            score = min(0.2 * (end - start), 0.8)
        yield Finding(start=start, end=end, kind="zero_width", score=score)


def _is_spelling(run: str, before: str, after: str) -> bool:
    if len(run) > 2:
        return False
    if _JOINING.match(before) or _JOINING.match(after):
        return True
    return run == "\u200d" and bool(_PICTURES.match(before) and _PICTURES.match(after))


def _bidi_control(raw: str) -> Iterator[Finding]:
    run = characters.one_of(characters.BIDI)
    if run.search(raw) is None:
        return
    is_rtl = _RTL.search(raw) is not None
    for found in run.finditer(raw):
        if characters.one_of(characters.OVERRIDES).search(found.group()):
            score = 0.8
        elif characters.one_of(characters.EMBEDDINGS).search(found.group()):
            score = 0.1 if is_rtl else 0.4
        else:
            score = 0.0 if is_rtl else 0.2
        if found.end() - found.start() >= 8:
            score = 0.95
        if score:
            yield Finding(start=found.start(), end=found.end(), kind="bidi_control", score=score)


def _variation_selectors(raw: str) -> Iterator[Finding]:
    for found in characters.one_of(characters.SELECTORS).finditer(raw):
        start, end = found.span()
        before = raw[start - 1 : start]
        if end - start == 1:
            of_picture = raw[start] in "\ufe0e\ufe0f" and _PICTURES.match(before)
            of_script = _IDEOGRAPHS.match(before) or _JOINING.match(before)
            if of_picture or of_script:
                continue
        score = 1.0 if end - start >= 4 else 0.2 + 0.2 * (end - start)
        yield Finding(start=start, end=end, kind="variation_selectors", score=score)


def _homoglyph(raw: str) -> Iterator[Finding]:
    if raw.isascii():
        return
    for word in disguised(raw):
        # Greek letters are units and variables: a lone one among Latin letters says little.
        odd = [char for char in raw[word.start : word.end] if not char.isascii()]
        is_unit = len(odd) == 1 and ("\u0370" <= odd[0] < "\u0400" or odd[0] in "\u00b5\u0131")
        score = 0.1 if is_unit else min(0.5 + 0.1 * len(odd), 0.9)
        yield Finding(start=word.start, end=word.end, kind="homoglyph", score=score)


def _control(raw: str) -> Iterator[Finding]:
    for found in characters.one_of(characters.CONTROLS).finditer(raw):
        # C1 controls are most often text of an old code page, read as Latin-1.
        is_old = all("\x7f" < char < "\xa0" for char in found.group())
        score = 0.2 if is_old else 0.5
        yield Finding(start=found.start(), end=found.end(), kind="control", score=score)


def _stacked_marks(raw: str) -> Iterator[Finding]:
    if raw.isascii():
        return
    for found in characters.one_of(characters.marks(), "{5,}").finditer(raw):
        yield Finding(start=found.start(), end=found.end(), kind="stacked_marks", score=0.4)


_LOOKS: tuple[Callable[[str], Iterator[Finding]], ...] = (
    _tag_characters,
    _zero_width,
    _bidi_control,
    _variation_selectors,
    _homoglyph,
    _control,
    _stacked_marks,
)
