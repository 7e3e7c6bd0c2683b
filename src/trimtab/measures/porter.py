"""Porter's suffix stripping (1980) with NLTK's later changes: the stems that ROUGE is quoted with.

`snowballstemmer`'s "porter" is the algorithm as published; scores of `rouge_score` come from the
variant here, which keeps short words apart (die, dies), treats `y` after a vowel as part of the
word (enjoy) and lists a few irregular forms. Pure: a word in, its stem out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

__all__ = ["stem"]

Condition = Callable[[str], bool]

_IRREGULAR = {
    "skies": "sky",
    "sky": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "innings": "inning",
    "outings": "outing",
    "cannings": "canning",
    **{
        word: word
        for word in ["news", "inning", "outing", "canning", "howe", "proceed", "exceed", "succeed"]
    },
}


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of a lower-case English word; words of one or two letters are their own.

    >>> [stem(word) for word in ("relational", "flies", "enjoyed", "dies", "controlling")]
    ['relat', 'fli', 'enjoy', 'die', 'control']
    """
    if word in _IRREGULAR or len(word) <= 2:
        return _IRREGULAR.get(word, word)
    word = _past(_plural(word))
    if word.endswith("y") and len(word) > 2 and _shape(word)[-2] == "c":
        word = word[:-1] + "i"
    word = _derived(word)
    for rules in (_STEP_3, _STEP_4):
        word = _first_rule(word, rules)
    return _tidy(word)


def _shape(word: str) -> str:
    """`c` for each consonant and `v` for each vowel; `y` is a vowel after a consonant only."""
    shape: list[str] = []
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and shape[-1:] == ["c"])
        shape.append("v" if vowel else "c")
    return "".join(shape)


def _measure(word: str) -> int:
    """Porter's m: how many times consonants follow vowels."""
    return _shape(word).count("vc")


def _short_end(word: str) -> bool:
    """Porter's *o, `cvc` where the last letter is not w, x or y; or a word of `vc`."""
    shape = _shape(word)
    return shape == "vc" or (shape.endswith("cvc") and word[-1] not in "wxy")


def _double_consonant(word: str) -> bool:
    return len(word) >= 2 and word[-1] == word[-2] and _shape(word)[-1] == "c"


def _plural(word: str) -> str:
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    for suffix in ("ed", "ing"):
        left = word.removesuffix(suffix)
        if left != word and "v" in _shape(left):
            return _restored(left)
    return word


def _restored(word: str) -> str:
    """A verb without its ending, spelt as before it: conflat(ed) to conflate, hopp(ing) to hop."""
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if _double_consonant(word):
        return word if word[-1] in "lsz" else word[:-1]
    return word + "e" if _measure(word) == 1 and _short_end(word) else word


def _derived(word: str) -> str:
    while word.endswith("alli") and _measure(word[:-4]):
        word = word[:-2]
    return _first_rule(word, _STEP_2)


def _first_rule(word: str, rules: tuple[tuple[str, str, Condition], ...]) -> str:
    """The first rule whose suffix fits decides, whether or not its condition then holds."""
    for suffix, replacement, holds in rules:
        if word.endswith(suffix):
            left = word[: -len(suffix)]
            return left + replacement if holds(left) else word
    return word


def _tidy(word: str) -> str:
    if word.endswith("e"):
        left = word[:-1]
        size = _measure(left)
        if size > 1 or (size == 1 and not _short_end(left)):
            word = left
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _some(left: str) -> bool:
    return _measure(left) > 0


def _many(left: str) -> bool:
    return _measure(left) > 1


_STEP_2: tuple[tuple[str, str, Condition], ...] = (
    *(
        (suffix, replacement, _some)
        for suffix, replacement in (
            pair.split(":")
            for pair in [
                "ational:ate",
                "tional:tion",
                "enci:ence",
                "anci:ance",
                "izer:ize",
                "bli:ble",
                "alli:al",
                "entli:ent",
                "eli:e",
                "ousli:ous",
                "ization:ize",
                "ation:ate",
                "ator:ate",
                "alism:al",
                "iveness:ive",
                "fulness:ful",
                "ousness:ous",
                "aliti:al",
                "iviti:ive",
                "biliti:ble",
                "fulli:ful",
            ]
        )
    ),
    ("logi", "log", lambda left: _measure(left + "l") > 0),
)
_STEP_3: tuple[tuple[str, str, Condition], ...] = tuple(
    (suffix, replacement, _some)
    for suffix, replacement in (
        pair.split(":")
        for pair in ["icate:ic", "ative:", "alize:al", "iciti:ic", "ical:ic", "ful:", "ness:"]
    )
)
_STEP_4: tuple[tuple[str, str, Condition], ...] = tuple(
    (suffix, "", (lambda left: _many(left) and left[-1] in "st") if suffix == "ion" else _many)
    for suffix in [
        "al",
        "ance",
        "ence",
        "er",
        "ic",
        "able",
        "ible",
        "ant",
        "ement",
        "ment",
        "ent",
        "ion",
        "ou",
        "ism",
        "ate",
        "iti",
        "ous",
        "ive",
        "ize",
    ]
)
