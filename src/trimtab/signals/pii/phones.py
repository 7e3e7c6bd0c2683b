"""Telephone numbers: by how they are grouped, by their country's lengths and by the words around.

Strict validity is not asked for: numbers in examples and tests are often of ranges that no one was
given, and a number with a digit too many is as private as the right one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trimtab.signals.pii.kind import is_apart
from trimtab.signals.pii.phone_countries import is_of, national
from trimtab.signals.pii.phone_words import FIRM, LABELS, OTHERS, OWNERS, TELLING, WORDS
from trimtab.signals.pii.view import DASH, Around, Hit, View

NAMES = ("phone_number",)

_EXTENSION = r",? ?(?:x|ext\.?|extension|durchwahl|#) ?[0-9]{1,6}(?!\w)"
_AFTER = re.compile(_EXTENSION, re.IGNORECASE)
_BEFORE_MORE = frozenset(", xXeEdD#")
_WORLD = re.compile(
    rf"[+0](?:(?<=\+)|(?<=\b0)0)[ .\-]?\(?[1-9][0-9]{{0,3}}\)?"
    rf"(?:[ .\-/(){DASH}]{{0,3}}[0-9]){{5,14}}(?![0-9])"
)
_AMERICAN_END = re.compile(r"[0-9](?<=[ .\-)][0-9])[0-9]{2}[ .\-][0-9]{4}(?![0-9])")
"""Of every American number, and quicker to look for."""

_AMERICAN = re.compile(
    r"(?:\b(?:001|1)[ .\-]?)?(?:\([0-9]{3}\)[ .\-]?|\b[0-9]{3}[ .\-])"
    r"[0-9]{3}[ .\-][0-9]{4}(?![0-9])"
)
_AMERICAN_BEGIN = 10
"""Characters before that end, at most."""

_BETWEEN = " .-/()\u2010\u2011\u2012\u2013\u2014\u2015"
_SEPARATORS = dict.fromkeys(map(ord, f"{_BETWEEN}+"))
_ASCII_SEPARATORS = b" .-/()+"
_DIGITS = "0123456789"
_FIRST_GROUP = re.compile(rf"^[0-9]+[ .\-/){DASH}]+")
_ZEROS = str.maketrans("123456789", "000000000")
_LONGEST = 48
"""A run of digits that is longer, with what separates them, is a table and no telephone number."""
_MOST_DIGITS = 13
"""Of a number without its country."""

_DATE = re.compile(
    r"(?:19|20)[0-9]{2}([.\-/ ])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])(?: [0-9]{1,2})?"
    r"|(?:0?[1-9]|[12][0-9]|3[01])([.\-/ ])(?:0?[1-9]|[12][0-9]|3[01])\2(?:19|20)?[0-9]{2}"
    r"(?: [0-9]{1,2})?"
    rf"|(?:19|20)[0-9]{{2}}(?: ?[\-{DASH}/] ?(?:19|20)[0-9]{{2}})+"
)
_PLAIN_DATE = re.compile(
    r"[0-9]{1,2}([.\-/])[0-9]{1,2}\1(?:19|20)[0-9]{2}|20[0-9]{2}-[0-9]{2}-[0-9]{2}"
)
"""The most frequent, whose parts are no telephone number either."""

_RELEASE = re.compile(r"[0-9]\.[0-9]{1,4}\Z")
"""Before a plus: `1.2+20240131` is a version and the day it was built."""

_AMOUNT = re.compile(r"[0-9]{1,3}(?:[ .][0-9]{3})+|[0-9]+\.[0-9]+|[0-9]+\.[0-9]+\.[0-9]+")
_ISBN = re.compile(r"97[89][ \-]?(?:[0-9][ \-]?){10}")


class _Number(NamedTuple):
    """A candidate: `bare` is without its extension, and `is_extended` says it had one."""

    start: int
    end: int
    bare: str
    is_extended: bool


def find(view: View, regions: tuple[str, ...] = ()) -> Iterator[Hit]:
    """Telephone numbers. `regions` (as `GB`): whose own numbers count without a word nearby."""
    for first, last in view.runs:
        if last - first > _MOST_DIGITS and _is_one_group(view.plain, first, last):
            continue
        start, whole = -1, None
        if last - first <= _LONGEST:
            start = _start(view.plain, first, last)
            whole = _judged(view, start, last, regions)
        if whole is not None:
            yield whole
        elif _PLAIN_DATE.fullmatch(view.plain, first, last) is None:
            for begin, end in _parts(view.plain, first, last):
                if (begin, end) != (start, last):
                    hit = _judged(view, begin, end, regions)
                    if hit is not None:
                        yield hit


def _is_one_group(text: str, first: int, last: int) -> bool:
    """Whether a run is digits alone, and does not begin as numbers with their country do."""
    if not text[first:last].isdigit():
        return False
    return text[first - 1 : first] not in {"+", "("} and not text.startswith("00", first)


def _start(text: str, first: int, last: int) -> int:
    """Where a run of digits begins as one number, with what stands before and belongs to it."""
    start = first
    while start and first - start < 2 and text[start - 1] in "(+":
        start -= 1
    if text[start] == "(" and text.count("(", start, last) > text.count(")", start, last):
        start += 1
    return start


def _extended(text: str, start: int, last: int) -> _Number:
    after = _AFTER.match(text, last) if text[last : last + 1] in _BEFORE_MORE else None
    return _Number(start, after.end() if after else last, text[start:last], after is not None)


def _parts(text: str, first: int, last: int) -> Iterable[tuple[int, int]]:
    """Where numbers may be within a run that holds more than one number."""
    candidates: list[tuple[int, int]] = []
    if last - first >= 10:
        lead = max(0, first - 1)
        if text[lead] == "+" or text.find("00", first, last) >= 0:
            candidates += [match.span() for match in _WORLD.finditer(text, lead, last)]
        for end in _AMERICAN_END.finditer(text, lead, last):
            begin = max(lead, end.start() - _AMERICAN_BEGIN)
            candidates += [one.span() for one in _AMERICAN.finditer(text, begin, end.end())]
    run = text[first:last]
    if 8 < len(run) <= _LONGEST and not _is_far_too_long(run):
        fewer, rest = _without_last(run), _FIRST_GROUP.match(run)
        if fewer is not None:
            candidates.append((first, first + len(fewer)))
        if rest:
            candidates.append((first + rest.end(), last))
    return dict.fromkeys(candidates)


def _is_far_too_long(run: str) -> bool:
    """Whether a run has too many digits for a number, be it without its first group or its last."""
    size = len(run)
    ends = max(size - len(run.rstrip(_DIGITS)), size - len(run.lstrip(_DIGITS)))
    return len(_digits(run)) - ends > _MOST_DIGITS and "00" not in run


def _judged(view: View, start: int, last: int, regions: tuple[str, ...]) -> Hit | None:
    text = view.plain
    bare = text[start:last]
    is_abroad = bare.startswith(("+", "00", "(+", "(00"))
    is_at_home = "+" not in bare and _is_at_home(bare)
    if not is_abroad and not is_at_home:
        return None
    if bare[0] == "+" and _RELEASE.search(text, max(0, start - 8), start):
        return None
    number = _extended(text, start, last)
    hit = _abroad(view, number) if is_abroad else None
    return _at_home(view, number, regions) if hit is None and is_at_home else hit


def _is_at_home(bare: str) -> bool:
    """Whether there are as many digits as in a number without its country."""
    if bare.count("(") != bare.count(")"):
        return False
    return 6 <= len(_digits(bare)) <= _MOST_DIGITS


def _abroad(view: View, number: _Number) -> Hit | None:
    """A number with its country: as many of its groups as that country's numbers may have."""
    start, _, found, _ = number
    has_plus = "+" in found
    digits = _digits(found.replace("(0)", ""))
    lengths, size, zeros = national(digits if has_plus else digits[2:])
    least = min(lengths, default=size + 1)
    for _ in range(4):
        if size < least:
            return None
        if size in lengths or size - zeros in lengths:
            end = start + len(found) if len(found) < len(number.bare) else number.end
            told = _says(view.around(start, end))
            sure = 0.85 if has_plus else 0.6
            return Hit(
                start, end, "phone_number", 0.95 if told > 0 else sure if told == 0 else sure - 0.3
            )
        shorter = _without_last(found)
        if shorter is None:
            return None
        size -= len(found) - len(found.rstrip(_DIGITS))
        size += found.startswith("(0)", len(shorter) - 2)  # whose zero is now a digit like others
        found = shorter
    return None


def _digits(number: str) -> str:
    """A number without what separates its digits."""
    if number.isascii():  # bytes take a third of the time
        return number.encode().translate(None, _ASCII_SEPARATORS).decode()
    return number.translate(_SEPARATORS)


def _without_last(groups: str) -> str | None:
    """A number without its last group of digits; None where it has but one."""
    lead = groups.rstrip(_DIGITS)
    rest = lead.rstrip(_BETWEEN)
    return rest if len(rest) < len(lead) < len(groups) else None


def _at_home(view: View, number: _Number, regions: tuple[str, ...]) -> Hit | None:
    start, end, bare, is_extended = number
    digits = _digits(bare)
    if not is_extended and not regions:
        is_plain = len(digits) == len(bare)
        if not view.mentions(TELLING) and (is_plain or not _may_stand_alone(view, number)):
            return None
    if _is_part_of_more(view.plain, number) or _DATE.fullmatch(bare) or _ISBN.fullmatch(bare):
        return None
    told = _says(view.around(start, end))
    if told <= 0 and len(digits) == len(bare) and not is_extended and not regions:
        return None
    if _is_something_else(view.plain, number, told):
        return None
    score = _score(bare, digits, told, is_extended=is_extended)
    if told == 0 and score < 0.5 and len(digits) > 6 and _is_a_line(view.plain, number):
        score = 0.5
    if score < 0.5 and told == 0 and is_of(regions, bare):
        score = 0.5
    return Hit(start, end, "phone_number", score) if score else None


def _score(bare: str, digits: str, told: int, *, is_extended: bool) -> float:
    shape = bare.translate(_ZEROS)
    is_firm = shape in FIRM or is_extended
    if is_firm and " " in shape and "(" not in shape and not is_extended:
        is_firm = digits[0] == "0" or shape == "000 000 0000"
    if told > 0:
        if len(digits) == 6 and len(shape) == 7:
            return 0.3  # two groups: a house and its street more often than a telephone
        return 0.9 if is_firm else 0.75 if len(digits) > 6 or len(shape) > 6 else 0.4
    if told < 0:
        return 0.2 if is_firm else 0.0
    if is_firm:
        return 0.7
    is_grouped = len(shape) > len(digits)
    return 0.45 if digits[0] == "0" and is_grouped and 9 <= len(digits) <= 11 else 0.1


def _may_stand_alone(view: View, number: _Number) -> bool:
    """Whether a grouped number can count without any word near it."""
    bare = number.bare
    if bare[0] in "(0" or bare.translate(_ZEROS) in FIRM:
        return True
    return _is_a_line(view.plain, number)


_ZIP = re.compile(r"[0-9]{5}(?:-[0-9]{4})?")


def _is_a_line(text: str, number: _Number) -> bool:
    """Whether a grouped number is all there is on a line between others, as below an address."""
    before = text[max(0, number.start - 8) : number.start].rstrip(" \t>?")
    after = text[number.end : number.end + 2].lstrip(" \t\r")
    is_alone = before.endswith("\n") and after[:1] in ("", "\n")
    return is_alone and not number.bare.isdigit() and _ZIP.fullmatch(number.bare) is None


_SENTENCE_END = re.compile(r"(?<=\w{4}[.!?])\s")
"""Not after a short word, which may be an abbreviation: `ref. 4155550132`."""


def _says(around: Around) -> int:
    """1 where the nearest telling word says a telephone, -1 where something else, else 0."""
    if around.after and around.after[0] in LABELS:
        return 1
    before = around.before
    for place, word in enumerate(before[:8]):
        if word in WORDS.whole or (
            word == "number" and not OWNERS.isdisjoint(before[place + 1 :][:2])
        ):
            return 1
        if word in OTHERS and word in _SENTENCE_END.split(around.leading)[-1]:
            return -1
    if not WORDS.whole.isdisjoint(around.after[:3]):
        return 1
    if around.text.isascii():
        return 0
    return int(any(word in around.text for word in WORDS.unspaced))


def _is_part_of_more(text: str, number: _Number) -> bool:
    """A part of something longer, or an amount with its sign."""
    before, after = text[max(0, number.start - 2) : number.start], text[number.end : number.end + 2]
    if not is_apart(text, number.start) or before.strip()[-1:] in ("$", "€", "£", "¥", "₹"):
        return True
    return bool(after) and (
        after[0] in "$€£¥₹%°_@"
        or after[0].isalpha()
        or (after[0] in "-:/" and after[1:].isdigit())
        or (after[0] == " " and after[1:] in ("€", "$", "£", "%"))
    )


def _is_something_else(text: str, number: _Number, told: int) -> bool:
    """An amount, or joined to something, where nothing tells of a telephone."""
    bare, after = number.bare, text[number.end : number.end + 2]
    if told <= 0 and (
        text.endswith(("-", "#", "="), 0, number.start)
        or (after[:1] == "-" and after[1:].isalpha())
    ):
        return True
    if _AMOUNT.fullmatch(bare) is None:
        return False
    return bare.count(".") == 1 or (told <= 0 and bare.translate(_ZEROS) not in FIRM)
