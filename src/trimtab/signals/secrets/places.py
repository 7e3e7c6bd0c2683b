"""Credentials in what is about to be stored: where they are and of which kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from trimtab.errors import InvalidRequest
from trimtab.signals.secrets.signal import Secrets
from trimtab.signals.text import Text

_IN_CAPITALS = {"api", "aws", "gcp", "jwt", "pem", "rsa", "ssh", "uri", "url"}


class Secret(NamedTuple):
    """What looks like a credential. `value` is for comparing, and never shown."""

    where: str
    kind: str
    value: str

    @property
    def words(self) -> str:
        """Its kind, to be read."""
        words = self.kind.split("_")
        return " ".join(one.upper() if one in _IN_CAPITALS else one for one in words)


def secrets_at(texts: Iterable[tuple[str, str]]) -> Iterator[Secret]:
    """Those in texts, each with its place."""
    signal = Secrets()
    for where, text in texts:
        for found in signal.read(Text(text)).findings:
            line = text.count("\n", 0, found.start) + 1
            place = f"{where}, line {line}" if "\n" in text else where
            yield Secret(place, found.kind, text[found.start : found.end])


def refused(secrets: Sequence[Secret], *, way: str) -> InvalidRequest:
    """Why versions with credentials are not stored.

    Args:
        way: how to store them all the same, as the words after "where it has to stay,".
    """
    kinds = ", ".join(dict.fromkeys(one.words for one in secrets))
    return InvalidRequest(
        f"there is what looks like a credential ({kinds}), and versions are never forgotten",
        where=secrets[0].where,
        fix=f"take it out and revoke it; where it is none, or has to stay, {way}",
        kinds=[one.kind for one in secrets],
    )


def masked(text: str) -> str:
    """A text with the kinds of credentials in the place of what looks like one.

    >>> masked("as agreed")
    'as agreed'
    """
    findings = sorted(Secrets().read(Text(text)).findings, key=lambda one: one.start)
    pieces, at = [], 0
    for one in findings:
        if one.start >= at:
            pieces += [text[at : one.start], f"[{one.kind.upper()}]"]
        at = max(at, one.end)
    return "".join((*pieces, text[at:]))
