"""Kinds of personal data that a pattern, a check and words nearby decide about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from importlib import import_module

import msgspec
import re2

from trimtab.signals.gates import Gates
from trimtab.signals.pii.near import near
from trimtab.signals.pii.view import GATES, Hit, View, Words, is_coded

EDGE = r"(?!\w)(?![.\-/@]\w)"
_BEFORE = "(?:^|[^0-9A-Za-z_])"
"""What RE2, which cannot look around, sees of `is_apart`; of `EDGE` nothing, for what a part of a
text cuts off would else be a find in it."""

_LONGEST = 64
"""Of what a pattern matches, with its edges."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One way to write one kind, as data.

    Args:
        pattern: how it is written, without its edges, for both RE2 and `re`.
        check: whether what was found is well made: a function, or `module` or `module:function` of
            python-stdnum, imported when the first candidate is checked.
        words: what people write near one, separated by spaces.
        bare: the score without such a word, None where the form alone says too little.
        near: the score with one.
        unchecked: the score with a word nearby where the check fails, None for no finding: a
            mistyped number is as private as a right one.
    """

    name: str
    pattern: str
    check: Callable[[str], bool] | str | None = None
    words: str
    bare: float | None = None
    near: float
    unchecked: float | None = None
    any_case: bool = False


class Finder:
    """Finds one kind. Compiled when the first text comes that may hold one."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.words = Words(kind.words)

    @cached_property
    def _form(self) -> re.Pattern[str]:
        flags = "(?i)" if self.kind.any_case else ""
        found: re.Pattern[str] = re2.compile(f"{flags}{_BEFORE}(?:{self.kind.pattern})")
        return found

    @cached_property
    def _exact(self) -> re.Pattern[str]:
        flags = re.IGNORECASE if self.kind.any_case else 0
        return re.compile(f"(?:{self.kind.pattern}){EDGE}", flags)

    @cached_property
    def _check(self) -> Callable[[str], bool]:
        check = self.kind.check
        if check is None:
            return lambda _: True
        return standard(check) if isinstance(check, str) else check

    def find(self, view: View, *, told: bool) -> Iterator[Hit]:
        """Every candidate that its check, or a word nearby, speaks for.

        Args:
            told: whether any of its words may be in the text.
        """
        for first, last in near(self._form, view.plain, _LONGEST):
            for match in self._exact.finditer(view.plain, first, last):
                start, end = match.span()
                if is_apart(view.plain, start) and is_coded(match[0]):
                    is_told = told and view.around(start, end).says(self.words)
                    score = self._score(match[0], is_told=is_told)
                    if score is not None:
                        yield Hit(start, end, self.kind.name, score)

    def _score(self, found: str, *, is_told: bool) -> float | None:
        kind = self.kind
        if not is_told and kind.bare is None:
            return None
        if self._check(found):
            return kind.near if is_told else kind.bare
        return kind.unchecked if is_told else None


def is_apart(text: str, start: int) -> bool:
    """Whether what starts there is no part of a longer word, number or amount."""
    if start == 0:
        return True
    last = text[start - 1]
    if last in " \n\t(":
        return True
    if last.isalnum() or last in "_@$€£+":
        return False
    joined = text[start - 2 : start - 1] if start > 1 else ""
    if last in ".-/":
        return not joined.isalnum()
    return last not in ",:=" or not joined.isdigit()


class Table:
    """Kinds looked for together: what none of them can match costs a pass or two over the text.

    Every one of them holds four digits or more, with no more than three characters between them.
    """

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self.finders = tuple(Finder(kind) for kind in kinds)
        self._words = Words(*(finder.kind.words for finder in self.finders), gates=GATES)
        self._each = Gates()
        self._told = tuple(finder.words.among(self._each) for finder in self.finders)

    @cached_property
    def _bare(self) -> re.Pattern[str]:
        # Not one of GATES: its many counts, together with others, take RE2 a state a character.
        forms = (each.kind.pattern for each in self.finders if each.kind.bare is not None)
        found: re.Pattern[str] = re2.compile("(?i)" + "|".join(f"(?:{form})" for form in forms))
        return found

    def find(self, view: View) -> Iterator[Hit]:
        """What any kind of the table finds."""
        if not view.is_coded:
            return
        told = self._each.open(view.folded) if view.mentions(self._words) else frozenset()
        formed = self._bare.search(view.plain) is not None
        if not told and not formed:
            return
        for finder, gate in zip(self.finders, self._told, strict=True):
            if gate in told or (formed and finder.kind.bare is not None):
                yield from finder.find(view, told=gate in told)


@cache
def standard(path: str) -> Callable[[str], bool]:
    """A checker of python-stdnum, which raises for nothing."""
    module, _, function = path.partition(":")
    found = getattr(import_module(f"stdnum.{module}"), function or "is_valid")

    def check(text: str) -> bool:
        try:
            return bool(found(text))
        except (ValueError, KeyError, IndexError, TypeError):  # of digits it did not expect
            return False

    return check
