"""Relevance and topics: what a text is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ConfigError
from trimtab.signals.catalogue import signal
from trimtab.signals.normal import normal
from trimtab.signals.relevance import Relevance
from trimtab.signals.signal import About, Signal
from trimtab.signals.text import Text
from trimtab.signals.topics import Topics

anything = st.text(st.characters(codec=None), max_size=200)

TOPICS = {
    "billing": [
        "Why was my card charged twice?",
        "I want a refund for this invoice.",
        "When is the next payment due?",
    ],
    "delivery": [
        "Where is my parcel?",
        "The courier did not bring the package.",
        "How long does shipping to Spain take?",
    ],
    "access": [
        "I forgot my password.",
        "How do I log in to my account?",
        "The verification code does not arrive.",
    ],
}


@pytest.mark.parametrize(
    ("question", "relevant", "irrelevant"),
    [
        (
            "How long may I keep a library book?",
            "Books can be borrowed for three weeks.",
            "The museum is closed on Mondays.",
        ),
        (
            "What causes tides?",
            "The pull of the moon raises the sea.",
            "A violin has four strings.",
        ),
        (
            "Which port does the server listen on?",
            "It is 8321, on which the server listens.",
            "Tomatoes should be planted in May.",
        ),
    ],
)
def test_what_answers_is_nearer_than_what_does_not(
    question: str, relevant: str, irrelevant: str
) -> None:
    about = About(question=question)
    near, far = (Relevance().read(Text(text), about).score for text in (relevant, irrelevant))
    assert near is not None
    assert far is not None
    assert near > far + 0.1


@pytest.mark.parametrize(
    ("text", "question"), [("yes", None), ("yes", ""), ("", "Why?"), ("a", "!")]
)
def test_there_is_no_relevance_without_two_texts(text: str, question: str | None) -> None:
    reading = Relevance().read(Text(text), About(question=question))
    assert reading.score is None
    assert reading.reason


def test_a_text_that_repeats_the_question_is_as_relevant_as_can_be() -> None:
    text = "Which port does the server listen on?"
    assert Relevance().read(Text(text), About(question=text)).score == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("You billed me two times, give me my money back", "billing"),
        ("My order has not been delivered yet", "delivery"),
        ("I cannot sign in, it says wrong password", "access"),
        ("has the package been shipped", "delivery"),
    ],
)
def test_the_label_is_the_nearest_topic(text: str, topic: str) -> None:
    reading = Topics(topics=TOPICS).read(Text(text))
    assert reading.label == topic
    assert reading.score is not None
    assert reading.score > 0.4


def test_sentences_of_a_topic_are_found_at_their_places() -> None:
    text = "The weather is fine today. Where is my parcel, please?"
    (finding,) = Topics(topics=TOPICS).read(Text(text)).findings
    assert text[finding.start : finding.end] == "Where is my parcel, please?"
    assert finding.kind == "delivery"


@pytest.mark.parametrize("examples", [[], [""], ["fine", "?!"]])
def test_a_topic_needs_examples_that_say_something(examples: list[str]) -> None:
    with pytest.raises(ConfigError, match="odd"):
        Topics(topics={"odd": examples})


def test_without_topics_there_is_no_score() -> None:
    found = signal("topics")
    assert isinstance(found, Signal)
    assert found.read(Text("anything")).reason == "there are no topics"


def test_the_version_changes_with_the_topics() -> None:
    some = Topics(topics=TOPICS)
    assert some.version == Topics(topics=dict(reversed(TOPICS.items()))).version
    assert some.version != Topics(topics={**TOPICS, "billing": ["Invoices"]}).version


@given(anything, anything)
def test_any_text_is_about_something_or_nothing(text: str, question: str) -> None:
    for found, about in ((Topics(topics=TOPICS), About()), (Relevance(), About(question=question))):
        reading = found.read(Text(text), about)
        assert reading.score is None or 0 <= reading.score <= 1
        assert found.read(Text(normal(text).text), about).score == reading.score
        assert all(0 <= one.start <= one.end <= len(text) for one in reading.findings)
