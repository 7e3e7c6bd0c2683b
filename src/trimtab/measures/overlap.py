"""How much two texts share: exact match, token F1, longest common subsequence, n-grams. Pure."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from trimtab.errors import MeasureError

__all__ = [
    "Grams",
    "containment",
    "exact_match",
    "lcs_length",
    "ngrams",
    "normalised",
    "shared",
    "shared_ngrams",
    "token_f1",
]

Grams = Counter[Hashable]

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
    return shared_ngrams(part, whole, n) / (len(part) - n + 1)


def ngrams(tokens: Sequence[Hashable], n: int) -> Grams:
    """How often each run of n neighbouring tokens occurs; single tokens are their own keys.

    >>> ngrams("a b a b".split(), 2)[("a", "b")]
    2
    """
    return Counter(_runs(tokens, n))


def shared(first: Grams, second: Grams) -> int:
    """Size of the intersection of two bags: each gram as often as both have it.

    >>> shared(Counter("aab"), Counter("abb"))
    2
    """
    common = first.keys() & second.keys()
    return sum(map(min, map(first.__getitem__, common), map(second.__getitem__, common)))


def shared_ngrams(first: Sequence[Hashable], second: Sequence[Hashable], n: int) -> int:
    """N-grams that both texts have, each as often as both have it.

    The same as `shared` of `ngrams`, without counting where one text repeats nothing.

    >>> shared_ngrams("a b a b".split(), "a b c".split(), 2)
    1
    """
    given, wanted = set(_runs(first, n)), set(_runs(second, n))
    common = given & wanted
    once = len(given) == len(first) - n + 1 or len(wanted) == len(second) - n + 1
    if once or not common:
        return len(common)
    kept = common.__contains__
    return shared(Counter(filter(kept, _runs(first, n))), Counter(filter(kept, _runs(second, n))))


def _runs(tokens: Sequence[Hashable], n: int) -> Iterable[Hashable]:
    if n == 1:
        return tokens
    return zip(*(tokens[start:] for start in range(n)), strict=False)
