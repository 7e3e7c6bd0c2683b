"""Which language a text is probably in: enough to look at groups of cases, and no more. Pure.

Scripts that one language has to itself tell it; others are called by the script. Latin text is told
by its commonest short words, from a handful of words on. A row's own `metadata.language` always
counts for more.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

UNKNOWN = "unknown"
UNKNOWN_LATIN = "unknown (latin script)"
_FEWEST_WORDS = 4
_READ_CHARS = 2_000
_LEAST_SHARE = 0.3

# First and last code point of the letters of a script, and what text in it is called.
_SCRIPTS = (
    (0x0041, 0x024F, "latin"),
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x077F, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bengali"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0E00, 0x0E7F, "th"),
    (0x10A0, 0x10FF, "ka"),
    (0x1100, 0x11FF, "ko"),
    (0x3040, 0x30FF, "ja"),
    (0x3400, 0x9FFF, "zh"),
    (0xAC00, 0xD7AF, "ko"),
)
_COMMON = {
    "de": "der die das und ist nicht ein eine für wie was mit auf den zu kann ich es wird von",
    "en": "the and is of to in what how does which are for with on that it can do you be a an i me"
    " my as at this not have want",
    "es": "el la los las y es de que qué cómo para con una por no en se puede del está",
    "fr": "le la les et est des une que pour dans qui pas sur avec où comment quel quelle je du au",
    "it": "il la gli e è di che per una come non con sono della quale può si del nel cosa",
    "nl": "de het een en is van niet dat wat hoe voor met op zijn te kan ik in er worden",
    "pt": "o a os as e é de que para com uma não como em do da por qual se você pode",
}
_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+")


def guessed(text: str) -> str:
    """An ISO 639-1 code, the name of a script, or `unknown`.

    >>> guessed("Which port does the server use?"), guessed("Wie ist das Wetter?")
    ('en', 'de')
    >>> guessed("このポートは何ですか"), guessed("Какой порт?"), guessed("42")
    ('ja', 'cyrillic', 'unknown')
    """
    scripts = Counter(filter(None, map(_script, text[:_READ_CHARS])))
    if not scripts:
        return UNKNOWN
    letters = sum(scripts.values())
    if scripts["ja"]:  # Japanese is written with Chinese characters too, Chinese without kana
        scripts["ja"] += scripts.pop("zh", 0)
    script, count = scripts.most_common(1)[0]
    if count < _LEAST_SHARE * letters:
        return UNKNOWN
    return _latin(text) if script == "latin" else script


def _script(char: str) -> str | None:
    code = ord(char)
    if not char.isalpha() and not 0x0900 <= code <= 0x0E7F:
        return None
    return next((name for low, high, name in _SCRIPTS if low <= code <= high), None)


def _latin(text: str) -> str:
    words = [match[0].casefold() for match in islice(_WORD.finditer(text[:_READ_CHARS]), 300)]
    hits = {language: sum(map(own.__contains__, words)) for language, own in _WORDS.items()}
    (best, most), (_, next_most) = Counter(hits).most_common(2)
    if len(words) < _FEWEST_WORDS:
        return UNKNOWN_LATIN  # "no" and "a" are words of several languages
    return best if most > next_most else UNKNOWN_LATIN
