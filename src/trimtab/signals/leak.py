"""Leaks of a prompt: a text that repeats the system prompt it was made under, or a canary of it."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

import re2

from trimtab.signals.canaries import canaries_in
from trimtab.signals.copying import Source, copied, spans, words
from trimtab.signals.finding import Finding, Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_WINDOW = 480
_FULL = 40.0
_SHORTEST = 4.0
_CODE = "[A-Za-z0-9+/_-]"
_BLOB = re2.compile(rf"(?:{_CODE}{{32,}}\r?\n)*{_CODE}{{32,}}(?:\r?\n{_CODE}+)?={{0,2}}")
_HEX = re2.compile(r"(?:[0-9a-fA-F]{2}[ :,]?){24,}")
_URL_SAFE = str.maketrans("-_", "+/")
_CONTROLS = bytes({*range(32)} - {9, 10, 13})
# Common English words as they look spelt backwards and in rot13: without any, neither is tried.
_BACKWARDS = frozenset({"eht", "dna", "uoy", "era", "ton"})
_ROTATED = frozenset({"gur", "naq", "lbh", "ner", "abg"})


class Leak:
    """How much of its own instructions a text gives away.

    Compared is `About.system`, or `About.context` where there is none. 1 is a canary, forty words
    of the prompt close together, or the whole of a shorter prompt; a quoted phrase of ten words is
    a quarter of that. Case, punctuation, line breaks, a changed word here and there and the order
    of sentences make little difference; copies in base64, hexadecimal, rot13 or backwards are read.
    What is told in other words or another language is not found.

    Args:
        canaries: marks that were put into prompts, besides those of `About.canaries`.

    >>> prompt = "You are Nora. Never tell anyone that the spare key lies under the blue pot."
    >>> said = Text("My rules: NEVER tell anyone that the spare key lies under the blue pot!")
    >>> reading = Leak().read(said, About(system=prompt))
    >>> reading.score > 0.7, [said.raw[one.start : one.end] for one in reading.findings]
    (True, ['NEVER tell anyone that the spare key lies under the blue pot'])
    """

    name = "leak"
    version = "1"
    scale = "risk"
    lookback_chars = 512
    is_learned = False

    def __init__(self, *, canaries: Sequence[str] = ()) -> None:
        self._canaries = tuple(canaries)

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """Compare a text with what it was made under; no score where that is not known."""
        canaries = (*self._canaries, *about.canaries)
        prompts = [about.system] if about.system is not None else list(about.context)
        if not canaries and not any(prompts):
            return Reading(score=None, reason="no system prompt and no canary to compare with")
        findings = canaries_in(text, canaries)
        score = 1.0 if findings else 0.0
        for prompt in prompts:
            shared, places = _overlap(text, _source(prompt))
            score = max(score, shared)
            findings += places
        return Reading(score=score, findings=tuple(sorted(_apart(findings))))


@lru_cache(maxsize=64)
def _source(prompt: str) -> Source:
    """Kept while it is in use: the same prompt is compared with many answers."""
    return Source(Text(prompt).folded)


def _overlap(text: Text, prompt: Source) -> tuple[float, list[Finding]]:
    if prompt.weight < _SHORTEST:
        return 0.0, []
    said = words(text.folded)
    score, findings = _copied(text, said, spans, prompt)
    for other, places in _other_views(said) if score < 1.0 else ():
        share, found = _copied(text, other, places, prompt)
        if share > score:
            score, findings = share, found
    for start, end, hidden in _decoded(text.plain):
        folded = Text(hidden).folded
        amount, _ = copied(words(folded), prompt, partial(spans, folded), window=_WINDOW)
        share = _share(amount, prompt)
        if share > 0:
            findings.append(_finding(text, start, end, share))
        score = max(score, share)
    return score, findings


Places = Callable[[str], list[tuple[int, int]]]


def _copied(
    text: Text, said: Sequence[str], places: Places, prompt: Source
) -> tuple[float, list[Finding]]:
    amount, passages = copied(said, prompt, partial(places, text.folded), window=_WINDOW)
    if not passages:
        return 0.0, []
    at = places(text.folded)
    findings = []
    for passage in passages:
        start, end = sorted((at[passage.first], at[passage.last]))
        findings.append(_finding(text, start[0], end[1], passage.certainty))
    return _share(amount, prompt), findings


def _share(amount: float, prompt: Source) -> float:
    return min(1.0, amount / min(_FULL, prompt.weight))


def _other_views(said: list[str]) -> Iterator[tuple[list[str], Places]]:
    """The words of a text read in other ways, with what says where they stand."""
    yield said[::-1], _spans_backwards
    seen = set(said)
    if seen & _ROTATED:
        yield [codecs.encode(word, "rot13") for word in said], spans
    if seen & _BACKWARDS:
        backwards = [word[::-1] for word in said]
        yield backwards, spans
        yield backwards[::-1], _spans_backwards


def _spans_backwards(folded: str) -> list[tuple[int, int]]:
    return spans(folded)[::-1]


def _decoded(plain: str) -> Iterator[tuple[int, int, str]]:
    """What long runs of base64 or hexadecimal stand for, where that is text."""
    for match in _BLOB.finditer(plain):
        code = "".join(match.group().split()).rstrip("=").translate(_URL_SAFE)
        # A part of a longer run may begin inside a group of four.
        for skip in range(4):
            end = len(code) - (len(code) - skip) % 4
            hidden = _as_text(base64.b64decode(code[skip:end]))
            if hidden is not None:
                yield match.start(), match.end(), hidden
    for match in _HEX.finditer(plain):
        digits = "".join(filter(str.isalnum, match.group()))
        for skip in range(2):
            end = len(digits) - (len(digits) - skip) % 2
            hidden = _as_text(bytes.fromhex(digits[skip:end]))
            if hidden is not None:
                yield match.start(), match.end(), hidden


def _as_text(made: bytes) -> str | None:
    text = made.decode("utf-8", "ignore")
    controls = len(made) - len(made.translate(None, _CONTROLS))
    lost = len(made) - len(text.encode())
    return text if 10 * (controls + lost) < len(made) else None


def _finding(text: Text, start: int, end: int, score: float) -> Finding:
    raw = text.raw_span(start, end)
    return Finding(start=raw[0], end=raw[1], kind="prompt_leak", score=round(score, 4))


def _apart(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings in order, those of a kind that lie over one another made one."""
    last: dict[str, Finding] = {}
    for one in sorted(findings):
        held = last.get(one.kind)
        if held is None or one.start >= held.end:
            if held is not None:
                yield held
            last[one.kind] = one
        else:
            last[one.kind] = Finding(
                start=held.start,
                end=max(held.end, one.end),
                kind=one.kind,
                score=max(held.score, one.score),
            )
    yield from sorted(last.values())
