"""Credentials in a text: keys of some 130 kinds, passwords and tokens by the words before them."""

from __future__ import annotations

from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.secrets.assignments import assigned
from trimtab.signals.secrets.keys import keys, named
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text


class Secrets:
    """Finds what must not be seen, sent or stored.

    Kinds are `<vendor>_<what>`, and `private_key`, `jwt`, `connection_string`, `basic_auth_url`,
    `basic_auth_credentials`, `bearer_token`, `password`, `generic_secret`.

    Args:
        placeholders: whether the values of documentation count: `<your-key>`, `changeme`, and keys
            that vendors print in theirs.

    >>> key = "gsk_" + "x7Yw2mQ9" * 6
    >>> Secrets().read(Text(f"use {key} or <your-key>")).findings
    (Finding(start=4, end=56, kind='groq_api_key', score=0.95),)
    """

    name = "secrets"
    version = "1"
    scale = "risk"
    lookback_chars = 512
    is_learned = False

    def __init__(self, *, placeholders: bool = False) -> None:
        self._placeholders = placeholders

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """How sure the surest finding is."""
        del about
        plain = text.plain
        # One byte a character: places in the bytes are places in the text.
        data = plain.encode("ascii", "replace")
        found = list(keys(plain, data, placeholders=self._placeholders))
        taken = [(key.start, key.end) for key in found]
        at = 0
        made = [(key.start, key.end, key.kind, key.score) for key in found]
        for one in assigned(plain, data, placeholders=self._placeholders):
            while at < len(taken) and taken[at][1] <= one.start:
                at += 1
            if at < len(taken) and taken[at][0] < one.end:
                continue
            kind = named(plain, one.start, one.end)
            made.append((one.start, one.end, kind or one.kind, 0.9 if kind else one.score))
        if not made:
            return NOTHING
        findings = []
        for start, end, kind, score in sorted(made):
            first, last = text.raw_span(start, end)
            findings.append(Finding(start=first, end=last, kind=kind, score=score))
        return Reading(score=max(one.score for one in findings), findings=tuple(findings))
