"""Edits: what stands in place of what a rule does not let pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from trimtab.guards.case import Case
from trimtab.guards.quoting import Quoted
from trimtab.guards.rule import Hit, Rule
from trimtab.guards.vault import unescaped
from trimtab.ports import Edit, GuardText
from trimtab.signals.finding import Finding

_REMOVED = frozenset({"unicode"})  # Signals whose findings are nothing that a reader would miss.
_PRIVATE = frozenset({"pii", "secrets"})  # What they find is nowhere on record once redacted.
JSON = frozenset({"tool_arguments"})
"""Kinds of texts that may be JSON."""


def placeholder(kind: str) -> str:
    """What is shown of a redacted part.

    >>> placeholder("email_address")
    '[EMAIL_ADDRESS]'
    """
    return f"[{kind.upper()}]"


def edits_of(
    rule: Rule, text: GuardText, hit: Hit | None, case: Case, quoted: Quoted | None = None
) -> Iterator[Edit]:
    """The edits of a rule that replaces.

    Args:
        quoted: the text as JSON, if it is: what stands in place of a number becomes a string.
    """
    if hit is None:
        return
    for finding in apart([_widened(one, quoted) for one in hit.findings]):
        instead = _instead(rule, text, finding, case)
        if quoted is not None and quoted.number(finding.start, finding.end):
            instead = f'"{instead}"'
        yield Edit(text.place, finding.start, finding.end, instead)


def _widened(finding: Finding, quoted: Quoted | None) -> Finding:
    """A finding in a number as the whole of it: half a number beside a string is no JSON."""
    number = quoted.number(finding.start, finding.end) if quoted is not None else None
    if number is None:
        return finding
    return msgspec.structs.replace(finding, start=number[0], end=number[1])


def apart(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of which none lies over another: of those that do, one that covers all of them.

    Its kind is that of the surest, and of two as sure that of the longer.

    >>> a, b = Finding(start=0, end=9, kind="url"), Finding(start=2, end=12, kind="iban_code")
    >>> [(one.start, one.end, one.kind) for one in apart((a, b))]
    [(0, 12, 'iban_code')]
    """
    kept: list[tuple[Finding, int]] = []  # the surest so far, and where all of them begin
    end = 0
    for one in sorted(findings, key=lambda one: (one.start, -one.end)):
        if one.start >= one.end:
            continue
        if not kept or one.start >= end:
            kept.append((one, one.start))
            end = one.end
            continue
        best, start = kept[-1]
        surer = (one.score, one.end - one.start) > (best.score, best.end - best.start)
        end = max(end, one.end)
        kind = one if surer else best
        kept[-1] = msgspec.structs.replace(kind, start=start, end=end), start
    return [one for one, _ in kept]


def _instead(rule: Rule, text: GuardText, finding: Finding, case: Case) -> str:
    if rule.said.signal in _REMOVED and rule.action != "tokenise":
        return ""
    value = text.text[finding.start : finding.end]
    if text.place.kind in JSON:
        value = unescaped(value)
    if rule.action != "tokenise":
        if rule.said.signal in _PRIVATE:
            case.vault.conceal(value, placeholder(finding.kind))
        return placeholder(finding.kind)
    return case.vault.token(finding.kind, value)
