"""The words of the language: a scanner that stands at one place of a text and goes forward."""

from __future__ import annotations

from trimtab.dialects.filter.fault import fault
from trimtab.dialects.filter.fields import OPERATORS
from trimtab.dialects.filter.values import Raw
from trimtab.errors import InvalidRequest

_ENDS_VALUE = frozenset('(),"')
_ENDS_NAME = frozenset('()":=<>~')
KEYWORDS = frozenset({"AND", "OR", "NOT"})


class Scanner:
    """Reads one word after the other. What it expects and does not find is an InvalidRequest."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def char(self) -> str:
        """The character here; "" at the end."""
        return self.text[self.at : self.at + 1]

    def name(self) -> str:
        start = self.at
        while self.at < len(self.text) and not self._ends_name():
            self.at += 1
        return self.text[start : self.at]

    def _ends_name(self) -> bool:
        char = self.text[self.at]
        return char.isspace() or char in _ENDS_NAME or self.text.startswith("!=", self.at)

    def operator(self, *, loosely: bool) -> str | None:
        """The operator here; there may be spaces around a comparison, not around a colon."""
        start = self.at
        if loosely:
            self.skip_space()
        found = next((sign for sign in OPERATORS if self.text.startswith(sign, self.at)), None)
        spaced = self.at > start
        if found is None or (spaced and found.startswith(":")):
            self.at = start
            return None
        self.at += len(found)
        if not found.startswith(":"):
            self.skip_space()
        return found

    def value(self, field: str, after: str) -> Raw:
        start = self.at
        if self.char == '"':
            return self.quoted()
        while self.at < len(self.text) and not self._ends_value():
            self.at += 1
        if self.at == start:
            raise self.fault(
                start,
                start + 1,
                f"a value of {field} is missing after {after}",
                fix=f"write it right behind: {field}{after.strip(',') or ':'}VALUE; an empty one "
                'is ""',
            )
        return Raw(self.text[start : self.at], False, start, self.at)

    def _ends_value(self) -> bool:
        char = self.text[self.at]
        return char.isspace() or char in _ENDS_VALUE

    def quoted(self) -> Raw:
        """Text in quotes, in which a backslash takes the next character as it is."""
        start = self.at
        chars: list[str] = []
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return Raw("".join(chars), True, start, self.at)
            if char == "\\" and self.at + 1 < len(self.text):
                self.at += 1
                char = self.text[self.at]
            chars.append(char)
            self.at += 1
        raise self.fault(
            start, start + 1, "this quote is not closed", fix='add the " it needs; a \\" is text'
        )

    def skip_space(self) -> None:
        while self.char.isspace():
            self.at += 1

    def is_over(self) -> bool:
        self.skip_space()
        return self.at >= len(self.text) or self.text[self.at] == ")"

    def keyword(self) -> str | None:
        """`AND`, `OR` or `NOT`, in any case of its letters, if it stands here as a word."""
        self.skip_space()
        end = self.at
        while end < len(self.text) and self.text[end].isalpha():
            end += 1
        word, following = self.text[self.at : end], self.text[end : end + 1]
        alone = not following or following.isspace() or following in '()"'
        return word.upper() if alone and word.upper() in KEYWORDS else None

    def end_of_condition(self) -> None:
        following = self.char
        if following and not following.isspace() and following != ")":
            raise self.fault(
                self.at,
                self.at + 1,
                "a space is missing here",
                fix="put a space between conditions, and quotes around a value with such signs",
            )

    def fault(
        self, start: int, end: int, what: str, *, fix: str, **fields: object
    ) -> InvalidRequest:
        return fault(self.text, start, end, what, fix=fix, **fields)
