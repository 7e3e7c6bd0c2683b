"""Sentiment: praise and complaint, turned round, strengthened, and absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.signals.sentiment import Sentiment
from trimtab.signals.text import Text


def score(raw: str) -> float:
    return Sentiment().read(Text(raw)).score or 0.0


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this phone, it is wonderful", "positive"),
        ("Great service and delicious food!", "positive"),
        ("the new season is AWESOME :)", "positive"),
        ("nothing bad to say, really good", "positive"),
        ("Terrible support, I want my money back", "negative"),
        ("The film was boring and the ending ridiculous.", "negative"),
        ("I don't like it, not good at all", "negative"),
        ("so sad and disappointed \U0001f62d", "negative"),
        ("The meeting is on Tuesday at ten.", "neutral"),
        ("The train leaves from platform four", "neutral"),
        ("", "neutral"),
        ("\x00\u200b", "neutral"),
    ],
)
def test_a_text_is_labelled(text: str, label: str) -> None:
    assert Sentiment().read(Text(text)).label == label


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("good", "very good"),
        ("slightly good", "good"),
        ("not good", "good"),
        ("it was good but boring", "it was boring but good"),
        ("great", "great! great! great!"),
        ("awful", "bad"),
    ],
)
def test_rules_move_the_score(less: str, more: str) -> None:
    assert score(less) < score(more)


def test_the_neutral_band_is_a_setting() -> None:
    assert Sentiment(neutral=0.9).read(Text("a good day")).label == "neutral"


@given(st.text(st.characters(), max_size=200))
def test_any_text_has_a_score(raw: str) -> None:
    reading = Sentiment().read(Text(raw))
    assert reading.score is not None
    assert -1.0 <= reading.score <= 1.0
