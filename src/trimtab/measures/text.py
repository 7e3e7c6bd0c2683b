"""Words and sentences of prose, Markdown included. Pure: a string in, slices of it out.

Both are used by lexical scorers and by BM25, so they are deterministic, linear in the length of the
text, and defined for every string, hostile ones included. They know no language model: sentence
ends are found by rules that suit technical prose in English and other punctuated languages.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator

__all__ = ["each_sentence", "sentence_spans", "sentences", "words"]

# Letters and digits of any script, with the combining marks that `\w` leaves out: without them
# words of Hindi, Thai or pointed Hebrew would break at every vowel sign.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    r"\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    r"\u0711\u0730-\u074a\u0900-\u0963\u0966-\u096f\u0971-\u0df3\u0e31-\u0e3a\u0e47-\u0e4e"
    r"\u0eb1-\u0ebc\u0ec8-\u0ece\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f90-\u0fbc\u102b-\u103e"
    r"\u1056-\u1059\u17b4-\u17d3\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
_HAN_KANA = r"\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"(?:[^\W_{_HAN_KANA}]|[{_MARKS}\u200c\u200d])"
_WORD = re.compile(
    # a full stop or comma joins digits (3.11, 1,000), an apostrophe joins letters (don't)
    rf"[{_HAN_KANA}]|{_LETTER}+(?:(?:(?<=\d)[.,](?=\d)|'(?=[^\W\d_])){_LETTER}+)*"
)
_APOSTROPHES = str.maketrans("\u2019\u02bc\u2018", "'''")


def words(text: str) -> list[str]:
    """The words of a text in order, normalised for comparison.

    NFKC and case-folded. Split at everything that is not a letter, digit or combining mark, so
    `max_tokens` is two words and punctuation is none; `3.11` and `don't` stay whole. Chinese and
    Japanese, written without spaces, yield one word per character.

    >>> words("Don't set MAX_TOKENS above 1,000 in `trimtab.yaml`!")
    ["don't", 'set', 'max', 'tokens', 'above', '1,000', 'in', 'trimtab', 'yaml']
    """
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        folded = folded.translate(_APOSTROPHES)
    return _WORD.findall(folded)


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, each a verbatim slice of it.

    Markdown is understood: a heading, a list item, a table row and a paragraph end a sentence, the
    marker in front of them is left out, and a fenced code block is one piece. Full stops inside
    code spans, URLs, numbers and abbreviations end nothing. Pieces without a letter or digit are
    left out.

    >>> sentences("# Ports\\n- Use `a. B`, e.g. 8321. See https://x.io/a.b. Done")
    ['Ports', 'Use `a. B`, e.g. 8321.', 'See https://x.io/a.b.', 'Done']
    """
    return [text[start:end] for start, end in sentence_spans(text)]


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where the sentences of `sentences` are: `(start, end)` offsets, disjoint and in order.

    >>> sentence_spans("One. Two.")
    [(0, 4), (5, 9)]
    """
    return list(each_sentence(text))


def each_sentence(text: str) -> Iterator[tuple[int, int]]:
    """The same one by one, for those who want the first few of a long text."""
    for start, end, prose in _blocks(text):
        pieces = _split_prose(text, start, end) if prose else iter([(start, end)])
        yield from _trimmed(text, pieces)


_FENCE = re.compile(r"\s{0,12}(`{3,}|~{3,})")
_MARKER = re.compile(r"(?:[ \t]*(?:[-*+\u2022]|\d{1,9}[.)]|>|#{1,6})(?=[ \t]|$))*[ \t]*")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]")


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Ranges that sentences do not cross, with whether each is prose (or one fixed piece)."""
    start: int | None = None
    fence: tuple[str, int] | None = None  # its ticks and where it opened
    here = 0
    for line in text.splitlines(keepends=True):
        after = here + len(line)
        ticks = _FENCE.match(line)
        if fence is not None:
            if ticks and ticks[1].startswith(fence[0]) and not line[ticks.end() :].strip():
                yield fence[1], after, False
                fence = None
            here = after
            continue
        marker = _MARKER.match(line)
        inner = here + (marker.end() if marker else 0)
        row = line.lstrip().startswith("|")
        alone = row or _HEADING.match(line) is not None
        if start is not None and (ticks or alone or inner > here + _indent(line) or line.isspace()):
            yield start, here, True
            start = None
        if ticks:
            fence = ticks[1], here
        elif alone:
            yield inner, after, not row
        elif start is None and not line.isspace():
            start = inner
        here = after
    if fence is not None:
        yield fence[1], here, False
    elif start is not None:
        yield start, here, True


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


_HARD = "\u3002\uff01\uff1f\uff61"  # CJK full stops need no space after them
_SOFT = ".!?\u2026\u061f\u06d4\u0964\u0965"
_CLOSERS = "\"')\\]}*_\u201d\u2019\u00bb\u300d\u300f\uff09"
_END = re.compile(
    rf"(?<![{_SOFT}])[{_SOFT}]++[{_CLOSERS}]*+(?=\s)|(?<![{_HARD}])[{_HARD}]++[{_CLOSERS}]*+"
)
_NEXT = re.compile(r"[\s\"'(\[{*_\u201c\u2018\u00ab\u00bf\u00a1]*+([^\W\d_]+|.)?")
# A title or connective is never the end; a reference is not before a digit; a tail is the end only
# when a word that usually begins a sentence follows.
_NEVER = re.compile(
    r"mr|mrs|ms|dr|prof|st|rev|hon|gen|col|capt|lt|sgt|mt|vs|cf|viz|resp|approx|ca|e\.g|i\.e|eg|ie"
)
_BEFORE_DIGIT = re.compile(
    r"nos?|figs?|eqs?|sec|ch|vol|pp?|art|ver|v|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_TAIL = re.compile(r"etc|inc|ltd|co|corp|jr|sr|al|bros|dept|est")
_STARTER = re.compile(
    r"a|after|all|also|although|an|and|any|are|as|at|because|before|but|by|do|each|for|from|he|her"
    r"|here|his|how|however|i|if|in|is|its?|many|most|my|no|not|of|on|one|only|or|our|several|she"
    r"|since|so|some|such|that|the|their|then|there|these|they|this|those|to|use|we|what|when"
    r"|where|which|while|who|why|with|yes|your?"
)
_ACRONYM = re.compile(r"(?:[^\W\d_]{1,3}\.)*[^\W\d_]{1,3}")


def _split_prose(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    opened, closed = _protected(text, start, end)
    for match in _END.finditer(text, start, end):
        inside = bisect_right(opened, match.start()) - 1
        if inside >= 0 and match.start() < closed[inside]:
            continue
        if _is_end(text, start, match, end):
            yield start, match.end()
            start = match.end()
    yield start, end


def _is_end(text: str, start: int, match: re.Match[str], end: int) -> bool:
    """Whether a terminator with white space after it ends the sentence that began at `start`."""
    if match[0][0] in _HARD:
        return True
    following = _NEXT.match(text, match.end(), end)
    after = (following[1] if following else None) or ""
    if after[:1].islower():
        return False
    if not match[0].startswith(".") or match[0].startswith(".."):
        return True
    before = _word_before(text, start, match.start())
    if before.isdigit() and text[max(start, match.start() - 24) : match.start()].lstrip() == before:
        return False  # "1. First" written inside a paragraph
    folded = before.lower()
    if _NEVER.fullmatch(folded):
        return False
    if _BEFORE_DIGIT.fullmatch(folded) and after[:1].isdigit():
        return False
    initial = len(before) == 1 and before.isupper()
    acronym = "." in before and _ACRONYM.fullmatch(before) is not None
    if initial or acronym or _TAIL.fullmatch(folded):
        return _STARTER.fullmatch(after.lower()) is not None
    return True


def _word_before(text: str, start: int, stop: int) -> str:
    """What stands before a full stop, back to white space or an opening mark; 24 characters."""
    tail = text[max(start, stop - 24) : stop]
    return re.split(r"[\s(\[{\"'*_\u201c\u2018]", tail)[-1]


_SPECIAL = re.compile(r"`+|\bhttps?://[^\s<>`]+|\]\([^()\s]{0,2000}\)")


def _protected(text: str, start: int, end: int) -> tuple[list[int], list[int]]:
    """Starts and ends of code spans, URLs and link targets; code spans as CommonMark pairs them."""
    if all(text.find(mark, start, end) < 0 for mark in ("`", "://", "](")):
        return [], []
    runs: dict[int, list[int]] = {}
    marks = list(_SPECIAL.finditer(text, start, end))
    for mark in reversed(marks):
        if mark[0][0] == "`":
            runs.setdefault(len(mark[0]), []).append(mark.start())
    opened: list[int] = []
    closed: list[int] = []
    for mark in marks:
        if closed and mark.start() < closed[-1]:
            continue
        stop = mark.end()
        if mark[0][0] == "`":
            later = runs[len(mark[0])]
            while later and later[-1] <= mark.start():
                later.pop()
            if not later:
                continue  # nothing closes it: ordinary characters
            stop = later[-1] + len(mark[0])
        elif mark[0][0] == "h":
            stop = mark.start() + len(mark[0].rstrip(".,;:!?)]}'\"*_\u2026"))
        opened.append(mark.start())
        closed.append(stop)
    return opened, closed


def _trimmed(text: str, pieces: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Pieces without the white space and table borders around them; empty ones dropped."""
    for start, end in pieces:
        piece = text[start:end]
        left = start + len(piece) - len(piece.lstrip(" \t\r\n|\x0b\x0c\x85\u2028\u2029"))
        right = start + len(piece.rstrip(" \t\r\n|\x0b\x0c\x85\u2028\u2029"))
        if any(character.isalnum() for character in text[left:right]):
            yield left, right
