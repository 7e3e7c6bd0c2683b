"""What hides in characters is found by kind, and what scripts and emoji need is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.signals.text import Text
from trimtab.signals.unicode import Unicode

FLAG = "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000e007f"


@pytest.mark.parametrize(
    ("raw", "kind", "part", "least"),
    [
        (
            "hi " + "".join(chr(0xE0000 + ord(c)) for c in "obey"),
            "tag_characters",
            slice(3, 7),
            0.9,
        ),
        ("ig\u200bnore", "zero_width", slice(2, 3), 0.5),
        ("a" + "\u200b\u200c" * 20, "zero_width", slice(1, 41), 0.9),
        ("file\u202egpj.exe", "bidi_control", slice(4, 5), 0.7),
        ("x\u2066y\u2069", "bidi_control", slice(1, 2), 0.3),
        ("use \u0440\u0430ypal", "homoglyph", slice(4, 10), 0.6),
        ("\U0001f600\ufe01\U000e0141\U000e0142\U000e0143", "variation_selectors", slice(1, 5), 0.9),
        ("a\x00b", "control", slice(1, 2), 0.4),
        ("\x1b[2J", "control", slice(0, 1), 0.4),
        ("a\ud83d", "control", slice(1, 2), 0.4),
        ("a" + "\u0336" * 9, "stacked_marks", slice(1, 10), 0.3),
    ],
)
def test_what_hides_is_found_at_its_place(raw: str, kind: str, part: slice, least: float) -> None:
    reading = Unicode().read(Text(raw))
    first = next(one for one in reading.findings if one.kind == kind)
    assert (first.start, first.end) == (part.start, part.stop)
    assert first.score >= least
    assert reading.score is not None
    assert reading.score >= first.score


@pytest.mark.parametrize(
    "text",
    [
        "plain text\r\n\twith lines",
        "family \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3",
        FLAG + " football",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\ufeffa file with a mark",
        "\u05e9\u05dc\u05d5\u05dd\u200f (abc)",
        "\u908a\U000e0101",
        "\u0421\u043e\u0440 \u0438 \u0445\u043e\u0440",
        "caf\u00e9, na\u00efve, \u201cquoted\u201d",
    ],
)
def test_what_scripts_and_emoji_need_is_no_finding(text: str) -> None:
    assert Unicode().read(Text(text)).score == 0.0


def test_units_in_greek_letters_stay_low() -> None:
    assert (Unicode().read(Text("a dose of 5 \u03bcg or 10\u03bcm")).score or 0) <= 0.2


@given(st.text(st.characters(), max_size=60))
def test_any_text_is_read(raw: str) -> None:
    reading = Unicode().read(Text(raw))
    assert reading.score is not None
    assert 0.0 <= reading.score <= 1.0
    assert list(reading.findings) == sorted(reading.findings)
    assert all(0 <= one.start < one.end <= len(raw) for one in reading.findings)
