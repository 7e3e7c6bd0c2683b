"""`language`: which language a text is in, by its script, its words and its letters."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trimtab.signals.finding import Reading
from trimtab.signals.signal import NOBODY, About
from trimtab.signals.text import Text

_READ_CHARS = 1_000
_PATIENCE = 200  # characters whose trigrams are looked at, beside the words
_DOUBT = 8  # letters at which the confidence is half of what the evidence gives
_SURE = 0.97  # of the words alone: then nothing else is looked at
_SCALE = 0.4  # evidence of neighbouring trigrams is not independent

LATIN = frozenset(
    (
        "ca",
        "cs",
        "da",
        "de",
        "en",
        "es",
        "fi",
        "fr",
        "hr",
        "hu",
        "id",
        "it",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "sv",
        "tr",
        "vi",
    )
)
CYRILLIC = frozenset(("bg", "ru", "sr", "uk"))
ARABIC = frozenset(("ar", "fa"))


class LanguageOf:
    """The ISO 639-1 code of a text's language as `label`, the confidence as score.

    Tells some 40 languages: 26 that share a script by their words and trigrams, the others by their
    script (Hindi stands for all of Devanagari, Chinese for all Han without kana). Norwegian and
    Danish, or Croatian and Serbian in Latin letters, are told apart badly when short. A text in two
    languages gets the one that there is more of in its first 1,000 characters.

    >>> found = LanguageOf().read(Text("Der Zug kommt heute leider eine Stunde zu spät an."))
    >>> found.label, found.score > 0.7
    ('de', True)
    >>> LanguageOf().read(Text("3.14")).reason
    'no letters'
    """

    name = "language"
    version = "1"
    scale = "unit"
    lookback_chars = None
    is_learned = False

    def read(self, text: Text, about: About = NOBODY) -> Reading:
        """The language of the first 1,000 characters; low confidence for a few words."""
        del about
        plain = text.plain[:_READ_CHARS]
        script, letters = _script(plain)
        if not letters:
            return _NO_LETTERS
        sure = letters / (letters + _DOUBT)
        alone = _ALONE.get(script)
        if alone is not None:
            return Reading(score=sure, label=alone)
        if script not in _COLUMNS:
            return Reading(score=None, reason="no language of this script is known")
        code, share = likeliest(plain, _model(script))
        return Reading(score=share * sure, label=code)


_NO_LETTERS = Reading(score=None, reason="no letters")
_COLUMNS = {"latin": LATIN, "cyrillic": CYRILLIC, "arabic": ARABIC}
_ALONE = {
    "greek": "el", "hebrew": "he", "devanagari": "hi", "bengali": "bn", "gurmukhi": "pa",
    "gujarati": "gu", "tamil": "ta", "telugu": "te", "kannada": "kn", "malayalam": "ml",
    "sinhala": "si", "thai": "th", "lao": "lo", "burmese": "my", "georgian": "ka",
    "armenian": "hy", "khmer": "km", "hangul": "ko", "kana": "ja", "han": "zh", "amharic": "am",
}  # fmt: skip
_SCRIPTS = (
    (0x0250, "latin"), (0x0370, "none"), (0x0400, "greek"), (0x0530, "cyrillic"),
    (0x0590, "armenian"), (0x0600, "hebrew"), (0x0700, "arabic"), (0x0900, "none"),
    (0x0980, "devanagari"), (0x0A00, "bengali"), (0x0A80, "gurmukhi"), (0x0B00, "gujarati"),
    (0x0B80, "none"), (0x0C00, "tamil"), (0x0C80, "telugu"), (0x0D00, "kannada"),
    (0x0D80, "malayalam"), (0x0E00, "sinhala"), (0x0E80, "thai"), (0x0F00, "lao"),
    (0x1000, "none"), (0x10A0, "burmese"), (0x1100, "georgian"), (0x1200, "hangul"),
    (0x1400, "amharic"), (0x1780, "none"), (0x1800, "khmer"), (0x1E00, "none"),
    (0x1F00, "latin"), (0x2000, "greek"), (0x3040, "none"), (0x3100, "kana"),
    (0x3130, "none"), (0x3190, "hangul"), (0x3400, "none"), (0xA000, "han"),
    (0xAC00, "none"), (0xD7B0, "hangul"), (0x20000, "none"), (0x32000, "han"),
)  # fmt: skip
"""Where a script ends: each reaches from the one before it to its number."""
_KANA_SHARE = 0.05


class _Scripts(dict[str, str]):
    """The script of a character, "none" where it is no letter."""

    def __missing__(self, char: str) -> str:
        code = ord(char)
        is_letter = char.isalpha() or code > 0x900
        found = next((name for end, name in _SCRIPTS if code < end), "none")
        self[char] = found if is_letter else "none"
        return self[char]


_SCRIPT_OF = _Scripts()


def _script(plain: str) -> tuple[str, int]:
    """The script of most letters, and how many letters it has."""
    if plain.isascii():
        return "latin", sum(map(len, _WORD.findall(plain)))
    counts = Counter(map(_SCRIPT_OF.__getitem__, plain))
    del counts["none"]
    if not counts:
        return "none", 0
    asian = counts["kana"] + counts["han"]
    if counts["kana"] > _KANA_SHARE * asian:
        counts["kana"], counts["han"] = asian, 0
    return counts.most_common(1)[0]


class Weights(NamedTuple):
    """`rows`: shape (features, languages), in `steps` of a nat, 0 where the script is another."""

    codes: tuple[str, ...]
    place: Mapping[str, int]
    rows: npt.NDArray[np.int8]
    steps: float

    def model(self, script: str) -> Model:
        """The languages of one script."""
        columns = [at for at, code in enumerate(self.codes) if code in _COLUMNS[script]]
        scaled = self.rows[:, columns] * np.float32(_SCALE / self.steps)
        evidence = np.ascontiguousarray(scaled)  # `take` copies any other, whole, at each call
        return Model(tuple(self.codes[at] for at in columns), self.place, evidence)


class Model(NamedTuple):
    """`evidence`: shape (features, languages), in nats."""

    codes: tuple[str, ...]
    place: Mapping[str, int]
    evidence: npt.NDArray[np.float32]


@cache
def _model(script: str) -> Model:
    return _weights().model(script)


@cache
def _weights() -> Weights:
    with np.load(Path(__file__).parent / "weights" / "language.npz", allow_pickle=False) as file:
        names = str(file["features"]).split("\n")
        place = {name: at for at, name in enumerate(names)}
        codes = tuple(str(file["codes"]).split())
        return Weights(codes, place, file["rows"], float(file["steps"]))


def likeliest(text: str, model: Model) -> tuple[str, float]:
    """The likeliest language of a model, and its share of the likelihood of them all."""
    padded = [f" {word[:30]} " for word in _WORD.findall(text.lower())]
    best, share = _judged(padded, model)
    if share < _SURE:
        best, share = _judged(features(text), model)
    return best, share


def _judged(some: Iterable[str], model: Model) -> tuple[str, float]:
    rows = [model.place[feature] for feature in some if feature in model.place]
    found = model.evidence.take(rows, axis=0).sum(axis=0).tolist()
    most = max(found)
    total = sum(math.exp(one - most) for one in found)
    return model.codes[found.index(most)], 1 / total


_WORD = re.compile(r"[^\W\d_]+")


def features(text: str, patience: int = _PATIENCE) -> Iterator[str]:
    """Padded words, their trigrams within the first `patience` characters, letters beyond ASCII."""
    folded = text.lower()
    seen = 0
    for word in _WORD.findall(folded):
        padded = f" {word[:30]} "
        yield padded
        if seen < patience:
            seen += len(padded)
            if len(padded) > 3:
                for at in range(len(padded) - 2):
                    yield padded[at : at + 3]
    if not folded.isascii():
        yield from (char for char in folded[:patience] if char > "\x7f" and char.isalpha())
