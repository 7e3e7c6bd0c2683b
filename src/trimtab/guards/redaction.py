"""Redaction: what is hidden in spans and scores before anything is stored."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trimtab.guards.case import Case
from trimtab.guards.hiding import Hiding
from trimtab.records import Score, Span
from trimtab.signals.signal import Signal

_log = logging.getLogger("trimtab.guards")

_TEXTS = ("name", "model", "error", "environment", "input", "output", "tags", "metadata", "events")
_NAMES = ("session", "user", "run")  # what records are found by
# Of the gateway's own spans these say what there is, and not what somebody said.
_FOREIGN_TEXTS = ("service", "links", "resource")
_FOREIGN_NAMES = ("route", "release", "prompt", "provider")
_EMPTY: Mapping[str, Any] = {
    "tags": (),
    "metadata": {},
    "events": (),
    "links": (),
    "resource": {},
}
_OURS = "trimtab."
# Of the attributes that are ours, those that quote providers, callers or answers.
_QUOTING = frozenset(
    {
        "trimtab.attempts",
        "trimtab.lost",
        "trimtab.output.fault",
        "trimtab.request",
        "trimtab.variables",
    }
)
_GUARDS = "trimtab.guards"
_SAID_BY_GUARDS = ("reason", "error")
_FAILED = "trimtab.redaction"


class Redaction:
    """Hides the findings of some signals, and the values behind the tokens of a call.

    Args:
        case: of the call that is recorded.
        foreign: the records came from outside, so Trimtab wrote nothing in them.
    """

    def __init__(
        self, signals: Sequence[Signal], case: Case | None = None, *, foreign: bool = False
    ) -> None:
        self._hiding = Hiding(signals, case or Case())
        self._foreign = foreign
        self._texts = (*_TEXTS, *(_FOREIGN_TEXTS if foreign else ()))
        self._names = (*_NAMES, *(_FOREIGN_NAMES if foreign else ()))
        self.value = self._hiding.value
        self.text = self._hiding.text
        self.name = self._hiding.name

    def spans(self, spans: Sequence[Span]) -> list[Span]:
        """Spans as they may be stored."""
        return [self.span(span) for span in spans]

    def span(self, span: Span) -> Span:
        """A span as it may be stored; the same one where nothing is hidden.

        Where that cannot be told, it goes on record without what it says.
        """
        try:
            return self._hidden(span)
        except Exception as error:
            # A signal may be anybody's, and what it could not look at may be a secret.
            _log.error("a record could not be redacted: %s", type(error).__name__)
            return self._silenced(span)

    def score(self, score: Score) -> Score:
        """A score as it may be stored: its label, reason, evidence, author and metadata.

        Its name and its target stay: they are what it is found by.
        """
        try:
            changes = self._changed(score, ("label", "reason", "evidence", "metadata"))
            changes |= self._renamed(score, ("author", "run"))
        except Exception as error:
            _log.error("a score could not be redacted: %s", type(error).__name__)
            judged = score.value is not None or score.passed is not None
            status = score.status if judged or score.status != "scored" else "error"
            return msgspec.structs.replace(
                score,
                status=status,
                label=None,
                reason="it could not be redacted",
                evidence=(),
                author=None,
                run=None,
                metadata={},
            )
        return msgspec.structs.replace(score, **changes) if changes else score

    def _hidden(self, span: Span) -> Span:
        changes = self._changed(span, self._texts) | self._renamed(span, self._names)
        attributes = self._attributes(span.attributes)
        if attributes is not span.attributes:
            changes["attributes"] = attributes
        return msgspec.structs.replace(span, **changes) if changes else span

    def _changed(self, record: Span | Score, fields: Sequence[str]) -> dict[str, Any]:
        found = {}
        for field in fields:
            value = getattr(record, field)
            if value and (new := self.value(value)) is not value:
                found[field] = new
        return found

    def _renamed(self, record: Span | Score, fields: Sequence[str]) -> dict[str, Any]:
        found = {}
        for field in fields:
            value = getattr(record, field)
            if value and (new := self.name(record.project, value)) != value:
                found[field] = new
        return found

    def _attributes(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """The same ones where nothing is hidden."""
        if self._foreign:
            found: dict[str, Any] = self.value(attributes)
            return found
        given = {key: one for key, one in attributes.items() if _quotes(key)}
        new = self.value(given)
        guards = attributes.get(_GUARDS)
        told = self._told(guards) if isinstance(guards, list) else guards
        if new is given and told == guards:
            return attributes
        kept = {key: one for key, one in attributes.items() if key not in given}
        return {**kept, **new, **({_GUARDS: told} if guards is not None else {})}

    def _told(self, entries: Sequence[Any]) -> list[Any]:
        """What guards said; the rest of an entry is numbers and names of ours."""
        return [
            {**one, **self.value({name: one[name] for name in _SAID_BY_GUARDS if one.get(name)})}
            if isinstance(one, dict)
            else one
            for one in entries
        ]

    def _silenced(self, span: Span) -> Span:
        said = (*self._texts, *self._names)
        empty = {field: _EMPTY.get(field) for field in said}
        kept = span.attributes if not self._foreign else {}
        attributes = {key: one for key, one in kept.items() if not _quotes(key) and key != _GUARDS}
        empty |= {"name": span.kind, "attributes": {**attributes, _FAILED: "failed"}}
        return msgspec.structs.replace(span, **empty)


def _quotes(key: str) -> bool:
    """Whether an attribute may say what others said; the rest of Trimtab's own quotes nobody."""
    return not key.startswith(_OURS) or key in _QUOTING
