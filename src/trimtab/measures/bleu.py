"""BLEU: n-gram precision against references with a brevity penalty (Papineni et al. 2002). Pure.

"BLEU: a Method for Automatic Evaluation of Machine Translation", ACL, P02-1040. Tokens, smoothing
and rounding are those of sacreBLEU (Post 2018, W18-6319), and values are equal to its. Scores are
in [0, 100]. A BLEU without its settings says nothing: quote `BleuSettings.signature` beside it.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_
from typing import Literal, NamedTuple

from trimtab.errors import MeasureError
from trimtab.measures.overlap import Grams, ngrams, shared, shared_ngrams

__all__ = [
    "Bleu",
    "BleuCounts",
    "BleuSettings",
    "accepted",
    "bleu",
    "bleu_counts",
    "bleu_of",
    "corpus_bleu",
    "tokens_13a",
]

_SMOOTH_VALUES = {"exp": None, "none": None, "floor": 0.1, "add-k": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class BleuSettings:
    """What a BLEU score depends on besides the texts.

    Args:
        tokens: `13a` (mteval-v13a, for languages written with spaces), `char` (one token per
            character, for Chinese or Japanese) or `none` (the text is tokenised already).
        smoothing: what an order without a match counts: `exp` 1/2, 1/4, ... of a match (method 3
            of Chen & Cherry 2014, W14-3346), `floor` a fixed share of one (method 1), `add-k` adds
            to matches and totals of orders above 1 (method 2), `none` makes the score 0.
        smooth_value: of `floor` (None means 0.1) and of `add-k` (None means 1).
        effective_order: leave out orders longer than the answer; meant for single sentences.
    """

    tokens: Literal["13a", "char", "none"] = "13a"
    lowercase: bool = False
    smoothing: Literal["exp", "floor", "add-k", "none"] = "exp"
    smooth_value: float | None = None
    max_order: int = 4
    effective_order: bool = False

    def __post_init__(self) -> None:
        if self.smoothing not in _SMOOTH_VALUES:
            raise MeasureError(
                "there is no such smoothing", got=self.smoothing, allowed=sorted(_SMOOTH_VALUES)
            )
        if self.tokens not in ("13a", "char", "none"):
            raise MeasureError(
                "there is no such tokeniser", got=self.tokens, allowed=["13a", "char", "none"]
            )
        if self.max_order < 1:
            raise MeasureError("an n-gram has at least one token", max_order=self.max_order)

    def signature(self, references: int | str) -> str:
        """The settings in sacreBLEU's words; `references` per answer, or `var`.

        >>> BleuSettings().signature(1)
        'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|impl:trimtab'
        """
        return _signature(self, references)

    def value(self) -> float | None:
        """The smoothing value in force; None where the method has none."""
        default = _SMOOTH_VALUES[self.smoothing]
        return default if default is None or self.smooth_value is None else self.smooth_value


@lru_cache(maxsize=256)
def _signature(settings: BleuSettings, references: int | str) -> str:
    value = settings.value()
    parts = {
        "nrefs": references,
        "case": "lc" if settings.lowercase else "mixed",
        "eff": "yes" if settings.effective_order else "no",
        "tok": settings.tokens,
        "smooth": settings.smoothing if value is None else f"{settings.smoothing}[{value:.2f}]",
        "impl": "trimtab",
    }
    return "|".join(f"{name}:{part}" for name, part in parts.items())


class Bleu(NamedTuple):
    """A score in [0, 100] and what it is made of; precisions in percent, lengths in tokens."""

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    answer_length: int
    reference_length: int
    signature: str


class BleuCounts(NamedTuple):
    """Sums over answers: tokens, tokens of the closest reference, matches and n-grams by order."""

    answer: int
    reference: int
    correct: list[int]
    total: list[int]


_SENTENCE = BleuSettings(effective_order=True)
_CORPUS = BleuSettings()


def bleu(
    answer: str, references: str | Sequence[str], *, settings: BleuSettings = _SENTENCE
) -> Bleu:
    """BLEU of one answer, by default with the effective order that single sentences need.

    Raises:
        MeasureError: no reference.

    >>> round(bleu("the cat sat on a mat", "the cat sat on the mat").score, 4)
    53.7285
    """
    texts = accepted(references)
    return _score(bleu_counts(answer, texts, settings), settings, len(texts))


def corpus_bleu(
    answers: Sequence[str],
    references: Sequence[str | Sequence[str]],
    *,
    settings: BleuSettings = _CORPUS,
) -> Bleu:
    """BLEU of all answers together: counts are added before they are divided.

    Args:
        references: for each answer one text or several.
    Raises:
        MeasureError: no answer, an answer without references, or lists of different length.

    >>> round(corpus_bleu(["the cat sat on a mat"], ["the cat sat on the mat"]).score, 4)
    53.7285
    """
    texts, of_each = all_accepted(answers, references)
    counts = [bleu_counts(*pair, settings) for pair in zip(answers, texts, strict=True)]
    return bleu_of(counts, settings, of_each)


def bleu_of(
    counts: Sequence[BleuCounts], settings: BleuSettings = _CORPUS, references: int | str = 1
) -> Bleu:
    """BLEU of answers that were counted before.

    Args:
        references: how many there were of each, for the signature alone.
    """
    total = BleuCounts(
        sum(each.answer for each in counts),
        sum(each.reference for each in counts),
        [sum(column) for column in zip(*(each.correct for each in counts), strict=True)],
        [sum(column) for column in zip(*(each.total for each in counts), strict=True)],
    )
    return _score(total, settings, references)


def all_accepted(
    answers: Sequence[str], references: Sequence[str | Sequence[str]]
) -> tuple[list[Sequence[str]], int | str]:
    """The references of each answer, and how many each has; "var" where that varies.

    Raises:
        MeasureError: no answer, an answer without references, or lists of different length.

    >>> all_accepted(["a", "b"], ["x", ["y", "z"]])
    ([['x'], ['y', 'z']], 'var')
    """
    if not answers or len(answers) != len(references):
        raise MeasureError(
            "every answer needs its references, and one answer is the least",
            answers=len(answers),
            references=len(references),
        )
    texts = [accepted(each) for each in references]
    sizes = {len(each) for each in texts}
    return texts, sizes.pop() if len(sizes) == 1 else "var"


def accepted(references: str | Sequence[str]) -> Sequence[str]:
    """The references of one answer as a sequence of at least one text."""
    texts = [references] if isinstance(references, str) else references
    if not texts:
        raise MeasureError("a reference text is needed", where="references")
    return texts


# A full stop or comma is a token of its own unless it is between digits, a hyphen after a digit,
# other ASCII punctuation but the apostrophe always.
_ENDINGS = frozenset(string.punctuation) - {"'", "-"}  # at the end of a word always apart
_SEPARATE = re.compile(r"([!-&(-+:-@/\[-`{-~]|(?<![0-9])[.,]|[.,](?![0-9])|(?<=[0-9])-)")
_ADJACENT = re.compile(r"[.,][.,]")
_SYMBOL = re.compile(r"([!-&(-+:-@/\[-`{-~])")
_AFTER_OTHER = re.compile(r"([^0-9])([.,])")
_BEFORE_OTHER = re.compile(r"([.,])([^0-9])")
_AFTER_DIGIT = re.compile(r"([0-9])(-)")


def tokens_13a(text: str) -> list[str]:
    """Tokens of mteval-v13a, the tokeniser of WMT.

    >>> tokens_13a("It's 1,000.5 (or so), e.g. 3-4.")
    ["It's", '1,000.5', '(', 'or', 'so', ')', ',', 'e', '.', 'g', '.', '3', '-', '4', '.']
    """
    line = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in line:
        for entity, character in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
            line = line.replace(entity, character)
    found: list[str] = []
    for word in line.split():
        if word.isalnum():
            found.append(word)
        elif word[-1] in _ENDINGS and word[:-1].isalnum():
            found += (word[:-1], word[-1])
        else:
            found += _pieces(word)
    return found


@lru_cache(maxsize=20_000)
def _pieces(word: str) -> tuple[str, ...]:
    """One run without white space cut into tokens; all that the original's patterns can see."""
    line = f" {word} "
    if _ADJACENT.search(line) is None:
        return tuple(" ".join(_SEPARATE.split(line)).split())
    # Next to another full stop or comma the original's four passes are not one rule: ",.5" gives
    # "," and ".5", though ".5" alone gives "." and "5".
    line = _SYMBOL.sub(r" \1 ", line)
    line = _AFTER_OTHER.sub(r"\1 \2 ", line)
    line = _BEFORE_OTHER.sub(r" \1 \2", line)
    return tuple(_AFTER_DIGIT.sub(r"\1 \2 ", line).split())


def _tokens(text: str, settings: BleuSettings) -> list[str]:
    if settings.lowercase:
        text = text.lower()
    if settings.tokens == "13a":
        return tokens_13a(text)
    return list("".join(text.split())) if settings.tokens == "char" else text.split()


def bleu_counts(
    answer: str, references: Sequence[str], settings: BleuSettings = _CORPUS
) -> BleuCounts:
    """What one answer adds to the BLEU of a corpus."""
    given = _tokens(answer, settings)
    wanted = [_tokens(reference, settings) for reference in references]
    closest = min((abs(len(given) - len(each)), len(each)) for each in wanted)[1]
    orders = range(1, settings.max_order + 1)
    correct = [0] * settings.max_order
    for n in orders:
        correct[n - 1] = _matches(given, wanted, n)
        if not correct[n - 1]:
            break  # nor can a longer one be there
    return BleuCounts(len(given), closest, correct, [max(len(given) - n + 1, 0) for n in orders])


def _matches(given: list[str], wanted: list[list[str]], n: int) -> int:
    """N-grams of the answer, each counted as often as the reference with most of it has it."""
    if len(wanted) == 1:
        return shared_ngrams(given, wanted[0], n)
    most: Grams = reduce(or_, (ngrams(words, n) for words in wanted))
    return shared(ngrams(given, n), most)


def _score(counts: BleuCounts, settings: BleuSettings, references: int | str) -> Bleu:
    penalty = 1.0
    if counts.answer < counts.reference:
        penalty = math.exp(1 - counts.reference / counts.answer) if counts.answer else 0.0
    precisions = [0.0] * settings.max_order
    score = 0.0
    if any(counts.correct):
        found = list(_precisions(counts, settings))
        precisions[: len(found)] = found
        order = len(found) if settings.effective_order else settings.max_order
        if all(precisions[:order]):
            score = penalty * math.exp(sum(map(math.log, precisions[:order])) / order)
    return Bleu(
        score,
        tuple(precisions),
        penalty,
        counts.answer,
        counts.reference,
        settings.signature(references),
    )


def _precisions(counts: BleuCounts, settings: BleuSettings) -> Iterable[float]:
    """Smoothed precisions in percent, up to the longest order that the answers have."""
    value = settings.value() or 0.0
    halved = 1.0
    for n, (correct, total) in enumerate(zip(counts.correct, counts.total, strict=True), 1):
        added = value if settings.smoothing == "add-k" and n > 1 else 0.0
        if total + added == 0:
            return
        if correct + added:
            yield 100 * (correct + added) / (total + added)
        elif settings.smoothing == "exp":
            halved *= 2
            yield 100 / (halved * total)
        else:
            yield 100 * value / total if settings.smoothing == "floor" else 0.0
