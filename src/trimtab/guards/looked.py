"""Looked: what came of one rule and one text, and the text as signals read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from trimtab.guards import classes
from trimtab.guards.quoting import Quoting, Spelt
from trimtab.guards.rule import Hit, Rule
from trimtab.ports import GuardText
from trimtab.signals.signal import About, Signal
from trimtab.signals.text import Text


class Looked(NamedTuple):
    """One rule at one text."""

    text: GuardText
    hit: Hit | None
    reason: str | None = None
    error: str | None = None
    late: bool = False


class View(NamedTuple):
    """A text as signals read it, and what its escapes say where it is not read as written."""

    text: Text
    spelt: Spelt | None

    @classmethod
    def of(cls, one: GuardText, quoting: Quoting, rule: Rule) -> View:
        said = None if classes.is_of_form(rule.said.signal) else quoting.spelt(one)
        return cls(Text(one.text if said is None else said.text), said)

    def placed(self, hit: Hit) -> Hit:
        """Findings where they are in the text as it was written."""
        spelt = self.spelt
        if spelt is None or not hit.findings:
            return hit
        found = [
            msgspec.structs.replace(one, start=spelt.at(one.start), end=spelt.at(one.end))
            for one in hit.findings
        ]
        return hit._replace(findings=tuple(found))


Asked = Sequence[tuple[Rule, Signal, list[GuardText]]]
"""Each rule, its signal, and the texts that it is about."""

Judged = Mapping[tuple[str, ...], About]
"""What texts are judged against, by the canaries of rules."""
