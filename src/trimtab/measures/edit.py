"""How many characters apart two texts are, and fuzzy ratios of them. Pure: rapidfuzz, thinly.

All similarities are in [0, 1], 1 for equal texts. They compare code points: normalise texts first
where composed and decomposed letters should be the same. rapidfuzz is imported at the first call.
"""

from __future__ import annotations

from trimtab.measures.text import words

__all__ = [
    "edit_distance",
    "edit_similarity",
    "jaro_winkler",
    "partial_ratio",
    "token_set_ratio",
    "token_sort_ratio",
]


def edit_distance(first: str, second: str, *, most: int | None = None) -> int:
    """Fewest insertions, deletions and substitutions of characters (Levenshtein 1966).

    Args:
        most: stop counting beyond it, which is faster; anything further apart is `most + 1`.

    >>> edit_distance("kitten", "sitting")
    3
    """
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.distance(first, second, score_cutoff=most)


def edit_similarity(first: str, second: str) -> float:
    """1 - edits / length of the longer text; two empty texts are equal.

    >>> edit_similarity("abcd", "abxd")
    0.75
    """
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(first, second)


def jaro_winkler(first: str, second: str, *, prefix_weight: float = 0.1) -> float:
    """Similarity of short names, more where they begin alike (Jaro 1989, Winkler 1990).

    Args:
        prefix_weight: of each of the first four characters in common, in [0, 0.25].

    >>> round(jaro_winkler("MARTHA", "MARHTA"), 4)
    0.9611
    """
    from rapidfuzz.distance import JaroWinkler

    return JaroWinkler.similarity(first, second, prefix_weight=prefix_weight)


def partial_ratio(first: str, second: str) -> float:
    """How well the shorter text fits somewhere in the longer: best indel similarity of a window.

    >>> partial_ratio("port 8321", "The port 8321 is the default.")
    1.0
    """
    from rapidfuzz import fuzz

    return fuzz.partial_ratio(first, second) / 100


def token_sort_ratio(first: str, second: str) -> float:
    """Indel similarity of the texts with their words in alphabetical order.

    >>> token_sort_ratio("Curie, Marie", "marie curie")
    1.0
    """
    from rapidfuzz import fuzz

    return fuzz.token_sort_ratio(" ".join(words(first)), " ".join(words(second))) / 100


def token_set_ratio(first: str, second: str) -> float:
    """Like `token_sort_ratio`, but words of one text alone weigh little: a subset is equal.

    >>> token_set_ratio("Marie Curie", "the physicist Marie Curie")
    1.0
    """
    from rapidfuzz import fuzz

    return fuzz.token_set_ratio(" ".join(words(first)), " ".join(words(second))) / 100
