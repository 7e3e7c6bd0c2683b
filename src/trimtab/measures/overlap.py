"""How much two texts share: exact match, token F1, longest common subsequence, n-grams. Pure."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from trimtab.errors import MeasureError

__all__ = ["containment", "exact_match", "lcs_length", "normalised", "token_f1"]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalised(text: str) -> str:
    """SQuAD's normal form (Rajpurkar et al. 2016, arXiv:1606.05250, sec. 6.1): lower case, without
    ASCII punctuation, English articles and repeated white space.

    >>> normalised("The  cat's hat!")
    'cats hat'
    """
    bare = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(answer: str, expected: str) -> bool:
    """Whether two answers agree in SQuAD's normal form.

    >>> exact_match("The Eiffel Tower.", "Eiffel tower")
    True
    """
    return normalised(answer) == normalised(expected)


def token_f1(answer: str, expected: str) -> float:
    """Harmonic mean of token precision and recall in SQuAD's normal form, in [0, 1].

    2 |A n E| / (|A| + |E|) over bags of tokens (arXiv:1606.05250, sec. 6.1). Two texts without
    tokens agree (1.0); one with and one without do not (0.0), as in SQuAD 2.0.

    >>> token_f1("in the white house", "the White House")
    0.8
    """
    given, wanted = Counter(normalised(answer).split()), Counter(normalised(expected).split())
    size = given.total() + wanted.total()
    if not size:
        return 1.0
    return 2 * (given & wanted).total() / size


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence of two token lists.

    One bit of an integer per token of `first` (Hyyro 2004, "Bit-parallel LCS-length computation
    revisited"): linear in both lengths for everything that fits a page.

    >>> lcs_length("the cat sat on the mat".split(), "the cat on a mat".split())
    4
    """
    where: dict[str, int] = {}
    for position, token in enumerate(first):
        where[token] = where.get(token, 0) | 1 << position
    full = (1 << len(first)) - 1
    open_bits = full
    for token in second:
        hits = open_bits & where.get(token, 0)
        open_bits = ((open_bits + hits) | (open_bits - hits)) & full
    return len(first) - open_bits.bit_count()


def containment(part: Sequence[str], whole: Sequence[str], *, n: int) -> float:
    """Share of the n-grams of `part` that occur in `whole`, each as often as it does there.

    The containment of Broder (1997) over bags of n-grams. A part of fewer than n tokens is taken
    as one gram of its own length; an empty one is contained (1.0).

    >>> containment("the cat sat".split(), "so the cat lay".split(), n=2)
    0.5
    """
    if n < 1:
        raise MeasureError("an n-gram has at least one token", n=n)
    n = min(n, len(part))
    if n == 0:
        return 1.0
    grams = _grams(part, n)
    return (grams & _grams(whole, n)).total() / grams.total()


def _grams(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
