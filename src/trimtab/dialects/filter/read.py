"""Text to filter: a reader that goes through the text once, one method per rule of the grammar.

The keywords may be in lower case, but for `not` before a word to search for, which is refused:
"could not connect" would mean its opposite.

any       = all { "OR" all }
all       = one { ["AND"] one }
one       = ( "-" | "NOT" ) one | "(" any ")" | condition | words
condition = field [ "." key ] operator value { "," value }  |  "has:" field { "," field }
value     = quoted | bare        a bare value ends at a space, a comma, a quote or a parenthesis
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from trimtab.dialects.filter.fault import fault
from trimtab.dialects.filter.fields import (
    CHOICES,
    HAS,
    KEYED,
    ORDERED,
    SEARCHED,
    may_be_absent,
    nearest,
    operators,
    resolved,
)
from trimtab.dialects.filter.scan import Scanner
from trimtab.dialects.filter.values import Raw, Reading, value
from trimtab.records.filter import (
    FIELDS,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Filter,
    Not,
)

MAX_CHARACTERS: Final = 40_000
MAX_CONDITIONS: Final = 500
_MAX_DEPTH = 30


def parse(text: str, *, now_ns: int) -> Filter | None:
    """The filter that a text means; None when it is blank.

    Args:
        now_ns: Unix nanoseconds that `since:24h` counts back from.
    Raises:
        InvalidRequest: says what was expected; `column` (from 1) and `pointer` show where.

    >>> parse("status:error cost>0.01", now_ns=0)
    AllOf(of=(Condition(field='status', key=None, op='=', values=('error',)),
              Condition(field='cost_usd', key=None, op='>', values=(Decimal('0.01'),))))
    """
    if len(text) > MAX_CHARACTERS:
        raise fault(
            text,
            MAX_CHARACTERS,
            MAX_CHARACTERS + 1,
            f"the filter has more than {MAX_CHARACTERS:,} characters",
            fix="ask for less at once",
        )
    if not text.strip():
        return None
    return _Reader(text, now_ns).whole()


class _Reader(Scanner):
    """One method per rule of the grammar."""

    def __init__(self, text: str, now_ns: int) -> None:
        super().__init__(text)
        self._now_ns = now_ns
        self._depth = 0
        self._conditions = 0

    # -- how conditions combine ----------------------------------------------------------------

    def whole(self) -> Filter:
        found = self._any()
        if self.at < len(self.text):
            raise self.fault(
                self.at, self.at + 1, "this parenthesis closes nothing", fix="remove it"
            )
        return found

    def _any(self) -> Filter:
        found = [self._all()]
        while self.keyword() == "OR":
            self.at += len("OR")
            found.append(self._all())
        return any_of(found)

    def _all(self) -> Filter:
        found = [self._one()]
        while not self.is_over() and self.keyword() != "OR":
            if self.keyword() == "AND":
                self.at += len("AND")
            found.append(self._one())
        return all_of(found)

    def _one(self) -> Filter:
        """One operand; every way back into the grammar goes through here, so depth is counted."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self.fault(
                self.at,
                self.at + 1,
                f"the filter is nested deeper than {_MAX_DEPTH} levels",
                fix="use fewer parentheses and minus signs",
            )
        found = self._operand()
        self._depth -= 1
        return found

    def _count(self) -> None:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise self.fault(
                self.at,
                self.at + 1,
                f"the filter has more than {MAX_CONDITIONS} conditions",
                fix="give one condition several values: trace_id:4bf9,51c2",
            )

    def _operand(self) -> Filter:
        keyword = self.keyword()
        if self.is_over() or keyword in ("AND", "OR"):
            length = len(keyword or " ")
            raise self.fault(
                self.at,
                self.at + length,
                "a condition is missing here",
                fix='write for example status:error; a keyword is searched for in quotes: "OR"',
            )
        if keyword == "NOT":
            return self._negated()
        char = self.char
        if char == "-":
            return self._excluded()
        if char == "(":
            return self._group()
        self._count()
        return self._words() if char == '"' else self._condition_or_word()

    def _negated(self) -> Filter:
        start = self.at
        self.at += len("NOT")
        found = self._one()
        if self.text[start : self.at].startswith("NOT") or not _is_word(found):
            return negated(found)
        raise self.fault(
            start,
            start + len("NOT"),
            "it is not clear whether this word is searched for or negates the next one",
            fix='write NOT for the opposite, or put all the words in quotes: "could not connect"',
        )

    def _excluded(self) -> Filter:
        start = self.at
        self.at += 1
        if not self.char.strip(") "):
            raise self.fault(
                start,
                start + 1,
                "nothing is excluded by this minus sign",
                fix='put it right before a condition: -status:ok; or quote it: "-"',
            )
        return negated(self._one())

    def _group(self) -> Filter:
        start = self.at
        self.at += 1
        found = self._any()
        if self.char != ")":
            raise self.fault(
                start, start + 1, "this parenthesis is not closed", fix="add the ) it needs"
            )
        self.at += 1
        return found

    # -- conditions ----------------------------------------------------------------------------

    def _words(self) -> Filter:
        raw = self.quoted()
        self.end_of_condition()
        return Condition(field="text", op="contains", values=(raw.text,))

    def _condition_or_word(self) -> Filter:
        start = self.at
        name = self.name()
        if name.lower() == HAS and self.char == ":":
            self.at += 1
            return self._has()
        field, key = self._reference(name)
        operator = self.operator(loosely=field is not None)
        if operator is None:
            return self._word(start)
        known = self._known(start, name, field, key)
        found = self._comparison(known, key, operator)
        self.end_of_condition()
        return found

    def _word(self, start: int) -> Filter:
        """A word to search for, as it stands."""
        text = self.text[start : self.at]
        self.end_of_condition()
        return Condition(field="text", op="contains", values=(text,))

    def _reference(self, name: str) -> tuple[str | None, str | None]:
        """The field and the entry of it that a name means; the entry's name may be in quotes."""
        head, dot, key = name.partition(".")
        field = resolved(head)
        if not dot or field not in KEYED:
            return resolved(name), None
        if not key and self.char == '"':
            key = self.quoted().text
        return field, key or None

    def _known(self, start: int, name: str, field: str | None, key: str | None) -> str:
        """The field. Raises InvalidRequest when there is none, or when it needs an entry's name."""
        end = start + len(name)
        if field is None:
            near = nearest(name)
            what = f"there is no field {name[:50]!r}" if name else "a field is missing here"
            raise self.fault(
                start,
                end,
                what + (f"; did you mean {near}?" if near else ""),
                fix=f"use one of {', '.join(FIELDS)}; text with such signs is searched for in "
                "quotes",
                allowed=list(FIELDS),
            )
        if field in KEYED and key is None:
            raise self.fault(
                start,
                end,
                f"{field} needs the name of an entry",
                fix=f'write for example {field}.{_EXAMPLES[field]}, or {field}."two words"',
            )
        return field

    def _has(self) -> Filter:
        found = [self._present()]
        while self.char == ",":
            self.at += 1
            self.skip_space()
            found.append(self._present())
        self.end_of_condition()
        return any_of(found)

    def _present(self) -> Condition:
        start = self.at
        name = self.name().partition(",")[0]
        self.at = start + len(name)
        field, key = self._reference(name)
        known = self._known(start, name, field, key)
        if not may_be_absent(known):
            raise self.fault(
                start, self.at, f"every span has {known}", fix=f"ask for a value: {known}:…"
            )
        return Condition(field=known, key=key, op="exists")

    def _comparison(self, field: str, key: str | None, operator: str) -> Filter:
        sign = operator.removeprefix(":") or ":"
        self._require_operator(field, sign, operator)
        raws = self._values(field, operator)
        if sign in ORDERED or FIELDS[field] in ("time", "flag"):
            self._require_one(field, raws)
        if sign == "!=":
            return negated(self._equal(field, key, sign, raws))
        if sign in (":", "="):
            return self._equal(field, key, sign, raws)
        reading = Reading(self.text, field, self._now_ns)
        op = cast("Comparison", "contains" if sign == "~" else sign)
        values = tuple(value(reading, raw, ordered=sign in ORDERED) for raw in raws)
        return Condition(field=field, key=key, op=op, values=values)

    def _require_operator(self, field: str, sign: str, operator: str) -> None:
        allowed = operators(field)
        if sign in allowed or (sign == "=" and ":" in allowed) or (sign == "!=" and ":" in allowed):
            return
        end = self.text.rfind(operator, 0, self.at) + len(operator)
        raise self.fault(
            end - len(operator),
            end,
            f"{field} cannot be compared with {sign}",
            fix=f"use {' '.join(allowed)}",
            field=field,
            allowed=list(allowed),
        )

    def _require_one(self, field: str, raws: Sequence[Raw]) -> None:
        if len(raws) > 1:
            raise self.fault(
                raws[1].start,
                raws[1].end,
                f"{field} takes one value here",
                fix="combine two conditions with OR",
            )

    def _equal(self, field: str, key: str | None, sign: str, raws: Sequence[Raw]) -> Filter:
        """`:`, where a star stands for any text around a word, and alone for any value."""
        reading = Reading(self.text, field, self._now_ns)
        inside = field == "text" or (field in SEARCHED and sign == ":")
        exact, within, found = [], [], list[Filter]()
        for raw in raws:
            if raw.text == "*" and not raw.quoted and may_be_absent(field):
                found.append(Condition(field=field, key=key, op="exists"))
            elif "*" in raw.text and not raw.quoted and FIELDS[field] in ("text", "entry"):
                within.append(self._between_stars(field, raw))
            elif inside:
                within.append(raw.text)
            else:
                exact.append(value(reading, raw, ordered=False))
        if exact:
            found.append(Condition(field=field, key=key, values=tuple(exact)))
        if within:
            found.append(Condition(field=field, key=key, op="contains", values=tuple(within)))
        return any_of(found)

    def _between_stars(self, field: str, raw: Raw) -> str:
        inner = raw.text[1:-1]
        if field in CHOICES or raw.text[0] != "*" or raw.text[-1] != "*" or not inner.strip("*"):
            raise self.fault(
                raw.start,
                raw.end,
                "a star stands at both ends of a word, or alone",
                fix=f"write {field}:*word* for a part of it, {field}:* for any value, or quote a "
                "star that is meant as one",
            )
        return inner

    def _values(self, field: str, operator: str) -> list[Raw]:
        found = [self.value(field, operator)]
        while self.char == ",":
            self.at += 1
            self.skip_space()
            found.append(self.value(field, ","))
        return found


def all_of(found: Sequence[Filter]) -> Filter:
    """All must hold; one alone is itself, and all of all is one list."""
    flat = [inner for one in found for inner in (one.of if isinstance(one, AllOf) else (one,))]
    return flat[0] if len(flat) == 1 else AllOf(of=tuple(flat))


def any_of(found: Sequence[Filter]) -> Filter:
    """One must hold; one alone is itself, and any of any is one list."""
    flat = [inner for one in found for inner in (one.of if isinstance(one, AnyOf) else (one,))]
    return flat[0] if len(flat) == 1 else AnyOf(of=tuple(flat))


def negated(one: Filter) -> Filter:
    """The opposite; the opposite of an opposite is itself."""
    return one.of if isinstance(one, Not) else Not(of=one)


def _is_word(one: Filter) -> bool:
    return isinstance(one, Condition) and one.field == "text"


_EXAMPLES = {"metadata": "tenant", "attributes": "gen_ai.request.model", "score": "faithfulness"}
