"""Sinks: parts of an output that would do harm if it were executed, rendered or opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, get_args

import re2

from trimtab.errors import ConfigError
from trimtab.signals.finding import NOTHING, Finding, Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.sink_rules import RULES, Sink
from trimtab.signals.text import Text

_MOST = 1000
_SHOWN = 0.5
_UNDECLARED = 0.8


class Sinks:
    """What in a text would harm the thing that executes it: a database, a shell, a browser.

    No text is harmful by itself, and teaching code looks like the attack it warns of, so this
    measures and cannot decide: name in `into` what the output is really put into. Then the other
    sinks are not looked at and the score is that of the worst finding. Without it a finding
    weighs .8 of that, and half of that again inside a fenced block, which is shown to a reader.

    Args:
        into: of `sql`, `shell`, `code`, `html`, `template`, `path`, `spreadsheet`, `xml`
            and `header`.
    Raises:
        ConfigError: there is no such sink.

    >>> from trimtab.signals.text import Text
    >>> said = Text("Sure: SELECT 1; DROP TABLE users;")
    >>> Sinks().read(said).score, Sinks(into=["sql"]).read(said).score
    (0.72, 0.9)
    >>> Sinks(into=["html"]).read(said).score
    0.0
    """

    name = "sinks"
    version = "2"
    scale = "risk"
    lookback_chars = 512
    is_learned = False

    def __init__(self, *, into: Sequence[str] = ()) -> None:
        known: tuple[Sink, ...] = get_args(Sink)
        for one in into:
            if one not in known:
                raise ConfigError(f"there is no sink {one!r}", where="into", allowed=known)
        self._into = tuple(sink for sink in known if sink in into or not into)
        self._is_declared = bool(into)

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The worst of what is found; at most a thousand findings of a sink are listed."""
        del about
        plain = text.plain
        found = [one for sink in self._into for one in islice(_found(sink, plain), _MOST)]
        if not found:
            return NOTHING
        fences = [] if self._is_declared else _fences(plain)
        findings = []
        for start, end, kind, risk in found:
            score = risk if self._is_declared else risk * _UNDECLARED
            if any(first <= start < last for first, last in fences):
                score *= _SHOWN
            raw = text.raw_span(start, end)
            findings.append(Finding(start=raw[0], end=raw[1], kind=kind, score=round(score, 4)))
        kept = tuple(_apart(sorted(findings)))
        return Reading(score=max(one.score for one in kept), findings=kept)


def _found(sink: Sink, plain: str) -> Iterator[tuple[int, int, str, float]]:
    if _any_of(sink).search(plain) is None:
        return
    for rule in RULES[sink]:
        for match in islice(_each(rule.pattern).finditer(plain), _MOST):
            yield match.start(), match.end(), rule.kind, rule.risk


@cache
def _any_of(sink: Sink) -> Any:
    return re2.compile("(?is)" + "|".join(f"(?:{rule.pattern})" for rule in RULES[sink]))


@cache
def _each(pattern: str) -> Any:
    return re2.compile(f"(?is){pattern}")


def _fences(plain: str) -> list[tuple[int, int]]:
    """The insides of fenced blocks; one that is not closed reaches to the end."""
    if "```" not in plain:
        return []
    marks = [match.start() for match in _fence().finditer(plain)] + [len(plain)]
    return list(zip(marks[::2], marks[1::2], strict=False))[:_MOST]


@cache
def _fence() -> Any:
    return re2.compile(r"(?m)^[ \t>]*```")


def _apart(findings: list[Finding]) -> list[Finding]:
    """Findings of which none lies over another of its kind; the higher score stays."""
    last: dict[str, int] = {}
    kept: list[Finding] = []
    for one in findings:
        at = last.get(one.kind)
        if at is None or kept[at].end <= one.start:
            last[one.kind] = len(kept)
            kept.append(one)
        elif one.score > kept[at].score:
            kept[at] = one
    return sorted(kept)
