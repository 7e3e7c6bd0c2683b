"""Calls: the rules of a policy about the tools that a model calls, asked when a call is whole."""

from __future__ import annotations

import time

import msgspec

from trimtab.guards.guard import PolicyGuard, together
from trimtab.guards.looked import Looked
from trimtab.guards.rule import Hit, Rule
from trimtab.ports import GuardSubject, GuardText, Ruling
from trimtab.signals.tools import Tools

_ARGUMENTS = "tool_arguments"
_OF_OTHERS = frozenset({"context", "tool_result"})
_NS_PER_MS = 1e6


class CallGuard(PolicyGuard):
    """Rules of the signal `tools`, on the answers of one call.

    What others may have written is what was retrieved and what tools returned; what users said is
    theirs to pass on.
    """

    judges_calls = True

    def settled(self, text: GuardText) -> int:
        """A call is held until it is whole; nothing else is."""
        is_open = text.place.kind == _ARGUMENTS and text.tool is not None and not text.complete
        return 0 if is_open else len(text.text)

    def begins(self, text: GuardText, at: int) -> int:
        is_call = text.place.kind == _ARGUMENTS and text.tool is not None
        return 0 if is_call else at

    async def check(self, subject: GuardSubject) -> Ruling:
        """Hold every call that is whole to every rule."""
        calls = [
            msgspec.structs.replace(one, text=self._restored(one.text, in_json=True))
            for one in subject.texts
            if one.tool is not None and one.complete
        ]
        if subject.stage != "output" or not calls:
            return Ruling()
        sent = [(one.place, self._restored(one.text)) for one in subject.sent]
        others = [text for place, text in sent if place.kind in _OF_OTHERS]
        users = [
            text for place, text in sent if place.role == "user" and place.kind not in _OF_OTHERS
        ]
        opinions, rulings = [], []
        for rule in self._rules:
            began = time.perf_counter_ns()
            looked = [_looked(rule, one, others, users) for one in calls]
            spent_ms = (time.perf_counter_ns() - began) / _NS_PER_MS
            opinion, action, edits = self._opinion(rule, looked, spent_ms)
            opinions.append(opinion)
            rulings.append((rule, action, edits))
        return together(rulings, opinions)

    def _restored(self, text: str, *, in_json: bool = False) -> str:
        """A text as the caller gets it, with values in the place of their tokens."""
        for start, end, value in reversed(self._case.vault.restored(text, in_json=in_json)):
            text = text[:start] + value + text[end:]
        return text


def _looked(rule: Rule, one: GuardText, others: list[str], users: list[str]) -> Looked:
    if not isinstance(rule.signal, Tools):
        return Looked(one, None, error="no policy of tools")
    try:
        reading = rule.signal.read_call(one.tool or "", one.text, others, users)
    except Exception as error:
        # What a model wrote must not end a call in any way but the rule's.
        return Looked(one, None, error=type(error).__name__)
    value = reading.score or 0.0
    return Looked(one, Hit(value >= rule.threshold, value), reason=reading.reason)
