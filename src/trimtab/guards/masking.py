"""Masking: a text as it may be shown to people, its secrets and personal data cut short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trimtab.signals.catalogue import signal
from trimtab.signals.text import Text

_HIDDEN = frozenset({"pii", "secrets"})
_KEPT = 4
_DOT = "•"


def masked(text: str, findings: Iterable[Mapping[str, Any]] = ()) -> str:
    """The same number of characters, with dots for most of what is secret or personal.

    Args:
        findings: of a scan; secrets are looked for whether it did or not.

    >>> masked("mail ann@example.org", [{"signal": "pii", "start": 5, "end": 20}])
    'mail ann••••••••••••'
    """
    spans = [(one["start"], one["end"]) for one in findings if one["signal"] in _HIDDEN]
    spans += [(one.start, one.end) for one in signal("secrets").read(Text(text)).findings]
    shown = list(text)
    for start, end in spans:
        kept = min(_KEPT, (end - start) // 4)
        for at in range(start + kept, end):
            if shown[at] != "\n":
                shown[at] = _DOT
    return "".join(shown)
