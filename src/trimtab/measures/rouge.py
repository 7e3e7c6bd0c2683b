"""ROUGE: n-grams and longest common subsequences shared with a reference (Lin 2004). Pure.

"ROUGE: A Package for Automatic Evaluation of Summaries", ACL workshop Text Summarization Branches
Out, W04-1013. Words, stems and the counting of the union LCS are those of ROUGE-1.5.5 as the
package `rouge_score` reproduces it, and values are equal to its. A word is a run of ASCII letters
and digits, so texts in other scripts have none and score 0.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from trimtab.errors import MeasureError
from trimtab.measures.overlap import shared_ngrams
from trimtab.measures.porter import stem

__all__ = ["Rouge", "rouge", "rouge_l", "rouge_lsum", "rouge_n", "rouge_words"]

_WORD = re.compile("[a-z0-9]+")
_KEPT = string.ascii_letters + string.digits
_ASCII = {code: chr(code).lower() if chr(code) in _KEPT else " " for code in range(128)}


class Rouge(NamedTuple):
    """Shares in [0, 1]: of the answer's units, of the reference's, and their harmonic mean."""

    precision: float
    recall: float
    f1: float


def rouge(
    answer: str,
    references: str | Sequence[str],
    *,
    kinds: Iterable[str] = ("rouge1", "rouge2", "rougeL"),
    stemmed: bool = False,
) -> dict[str, Rouge]:
    """Several kinds of ROUGE at once, each text split into words only once.

    Args:
        references: one text or several; each kind takes the reference with the highest F1.
        kinds: `rouge1` ... `rouge9`, `rougeL`, `rougeLsum`.
        stemmed: compare Porter stems of words longer than three letters.
    Raises:
        MeasureError: no reference, or a kind that does not exist.

    >>> found = rouge("the cat sat", "the cat slept")
    >>> {kind: round(value.f1, 4) for kind, value in found.items()}
    {'rouge1': 0.6667, 'rouge2': 0.5, 'rougeL': 0.6667}
    """
    wanted = list(kinds)
    accepted = [references] if isinstance(references, str) else references
    if not accepted:
        raise MeasureError("a reference text is needed", where="references")
    given = _Text(answer, stemmed)
    texts = [_Text(reference, stemmed) for reference in accepted]
    return {kind: _best(_formula(kind), given, texts) for kind in wanted}


def rouge_n(
    answer: str, references: str | Sequence[str], *, n: int = 1, stemmed: bool = False
) -> Rouge:
    """ROUGE-N: shared n-grams, each as often as both texts have it (Lin 2004, sec. 2).

    >>> rouge_n("the cat", "the cat sat", n=2)
    Rouge(precision=1.0, recall=0.5, f1=0.6666666666666666)
    """
    kind = f"rouge{n}"
    return rouge(answer, references, kinds=[kind], stemmed=stemmed)[kind]


def rouge_l(answer: str, references: str | Sequence[str], *, stemmed: bool = False) -> Rouge:
    """ROUGE-L: longest common subsequence of the two texts, newlines ignored (Lin 2004, sec. 3.1).

    >>> rouge_l("police kill the gunman", "police killed the gunman").f1
    0.75
    """
    return rouge(answer, references, kinds=["rougeL"], stemmed=stemmed)["rougeL"]


def rouge_lsum(answer: str, references: str | Sequence[str], *, stemmed: bool = False) -> Rouge:
    """ROUGE-Lsum: union of the LCS of each reference sentence with every sentence of the answer.

    Sentences are lines: put a newline after each. A word counts no more often than either text
    has it, as in ROUGE-1.5.5 (Lin 2004, sec. 3.2).

    >>> rouge_lsum("c\\na b", "a b\\nc").recall  # ROUGE-L, which keeps the order, finds 2 of 3
    1.0
    """
    return rouge(answer, references, kinds=["rougeLsum"], stemmed=stemmed)["rougeLsum"]


def rouge_words(text: str, *, stemmed: bool = False) -> list[str]:
    """The words that ROUGE compares: runs of ASCII letters and digits in lower case.

    >>> rouge_words("The 2nd café's flies", stemmed=True)
    ['the', '2nd', 'caf', 's', 'fli']
    """
    found = text.translate(_ASCII).split() if text.isascii() else _WORD.findall(text.lower())
    return [stem(word) if len(word) > 3 else word for word in found] if stemmed else found


class _Text:
    """One text with its words, made once when first needed."""

    __slots__ = ("_stemmed", "_words", "text")

    def __init__(self, text: str, stemmed: bool) -> None:
        self.text = text
        self._stemmed = stemmed
        self._words: list[str] | None = None

    def words(self) -> list[str]:
        if self._words is None:
            self._words = rouge_words(self.text, stemmed=self._stemmed)
        return self._words

    def lines(self) -> list[list[str]]:
        return [rouge_words(line, stemmed=self._stemmed) for line in self.text.split("\n") if line]


_Formula = Callable[[_Text, _Text], Rouge]


def _formula(kind: str) -> _Formula:
    if kind == "rougeL":
        return _common_subsequence
    if kind == "rougeLsum":
        return _union_subsequence
    n = kind.removeprefix("rouge")
    if len(n) == 1 and n in "123456789":
        return _N_GRAMS[int(n) - 1]
    raise MeasureError(
        f"there is no ROUGE {kind!r}",
        fix="use rouge1 ... rouge9, rougeL or rougeLsum",
        got=kind,
    )


def _best(formula: _Formula, answer: _Text, references: list[_Text]) -> Rouge:
    if len(references) == 1:
        return formula(answer, references[0])
    return max((formula(answer, reference) for reference in references), key=lambda r: r.f1)


def _of(hits: int, given: int, wanted: int) -> Rouge:
    if not hits:
        return Rouge(0.0, 0.0, 0.0)
    precision, recall = hits / given, hits / wanted
    return Rouge(precision, recall, 2 * precision * recall / (precision + recall))


def _by_n_grams(n: int) -> _Formula:
    def formula(answer: _Text, reference: _Text) -> Rouge:
        given, wanted = answer.words(), reference.words()
        hits = shared_ngrams(given, wanted, n)
        return _of(hits, len(given) - n + 1, len(wanted) - n + 1)

    return formula


_N_GRAMS = tuple(_by_n_grams(n) for n in range(1, 10))


def _common_subsequence(answer: _Text, reference: _Text) -> Rouge:
    from rapidfuzz.distance import LCSseq

    given, wanted = answer.words(), reference.words()
    return _of(LCSseq.similarity(given, wanted), len(given), len(wanted))


def _union_subsequence(answer: _Text, reference: _Text) -> Rouge:
    given, wanted = answer.lines(), reference.lines()
    left_given: Counter[str] = Counter()
    left_wanted: Counter[str] = Counter()
    for line in given:
        left_given.update(line)
    for line in wanted:
        left_wanted.update(line)
    sizes = left_given.total(), left_wanted.total()
    hits = 0
    for line in wanted:
        for place in sorted(_union(line, given)):
            word = line[place]
            if left_given[word] and left_wanted[word]:
                hits += 1
                left_given[word] -= 1
                left_wanted[word] -= 1
    return _of(hits, *sizes)


def _union(line: list[str], answers: list[list[str]]) -> set[int]:
    """Places of `line` that lie on its LCS with any line of the answer.

    Bit-parallel LCS (Hyyro 2004), one integer kept for each word of the answer's line, read back
    from the end: where both words differ and the bit says that the reference's last word adds to
    the length, the answer's word is dropped, else the reference's. Which of several longest
    subsequences is found decides the union, and this is the one of ROUGE-1.5.5's table.
    """
    where: dict[str, int] = {}
    for place, word in enumerate(line):
        where[word] = where.get(word, 0) | 1 << place
    full = (1 << len(line)) - 1
    found: set[int] = set()
    for answer in answers:
        rows = _rows(where, full, answer)
        i, j = len(line), len(answer)
        while i and j:
            if line[i - 1] == answer[j - 1]:
                found.add(i - 1)
                i, j = i - 1, j - 1
            elif rows[j - 1] >> (i - 1) & 1:
                i -= 1
            else:
                j -= 1
    return found


def _rows(where: dict[str, int], full: int, answer: list[str]) -> list[int]:
    rows: list[int] = []
    row = full
    for word in answer:
        hits = row & where.get(word, 0)
        row = ((row + hits) | (row - hits)) & full
        rows.append(row)
    return rows
