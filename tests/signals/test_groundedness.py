"""Groundedness: what rests on a context and what does not, of any text."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.signals.catalogue import signal
from trimtab.signals.groundedness import WEIGHTS, Groundedness
from trimtab.signals.normal import normal
from trimtab.signals.signal import About, Signal
from trimtab.signals.support import Source, sentences, stem
from trimtab.signals.text import Text

anything = st.text(st.characters(codec=None), max_size=200)
GROUND = Groundedness()
SERVER = (
    "The widget server was released in 2019 by Acme. It listens on port 8321 of every interface."
    " Its administrators are asked for a password when they open the console."
)
CONTEXT = (SERVER, "Widgets are painted green before they leave the factory in Oslo.")


def score(text: str, context: tuple[str, ...] = CONTEXT) -> float:
    found = GROUND.read(Text(text), About(context=context)).score
    assert found is not None
    return found


def test_it_is_a_signal() -> None:
    assert isinstance(signal("groundedness"), Signal)


@pytest.mark.parametrize(
    ("grounded", "not_grounded"),
    [
        ("The widget server listens on port 8321.", "The widget server listens on port 9999."),
        ("It was released in 2019 by Acme.", "It was released in 2019 by Globex."),
        ("Widgets are painted green in Oslo.", "Gadgets are shipped blue from Madrid."),
        ("Administrators are asked for a password.", "Anybody may see the console of a gadget."),
        ("Admins need a password for the console.", "Visitors need a passport for the museum."),
        ("The factory is in Oslo.", "I love Oslo, have you been there?"),
        ("Acme released it in 2019.", "Yes, my brother told me all about that!"),
    ],
)
def test_what_the_context_says_scores_higher(grounded: str, not_grounded: str) -> None:
    assert score(grounded) > score(not_grounded)


def test_a_copy_scores_high_whatever_its_length() -> None:
    whole = " ".join(CONTEXT)
    scores = [score(text) for text in (whole, CONTEXT[1], "in Oslo", "Acme", "8321")]
    assert min(scores) > 0.7
    assert score("in Madrid") < 0.2
    assert score("Globex makes gadgets that are red, and sells them in Madrid. " * 20) < 0.1


def test_sentences_without_support_are_found_at_their_places() -> None:
    text = "Widgets are painted green. Elephants sing in the rain! It listens on port 8321."
    reading = GROUND.read(Text(text), About(context=CONTEXT))
    (finding,) = reading.findings
    assert text[finding.start : finding.end] == "Elephants sing in the rain!"
    assert finding.kind == "unsupported"
    assert finding.score > 0.9


def test_places_are_those_of_the_text_as_it_was_given() -> None:
    text = "Widgets are \u200bpainted green. \u200b\u200bElephants sing in the rain!"
    (finding,) = GROUND.read(Text(text), About(context=CONTEXT)).findings
    assert text[finding.start : finding.end].strip("\u200b") == "Elephants sing in the rain!"


@pytest.mark.parametrize(
    ("text", "context", "reason"),
    [
        ("A claim.", (), "no context"),
        ("A claim.", ("",), "no context"),
        ("", CONTEXT, "nothing is said"),
        ("?!\u200b", CONTEXT, "nothing is said"),
    ],
)
def test_there_is_no_score_without_something_to_judge(
    text: str, context: tuple[str, ...], reason: str
) -> None:
    reading = GROUND.read(Text(text), About(context=context))
    assert reading.score is None
    assert reason in (reading.reason or "")


@given(anything, st.lists(anything, max_size=3))
def test_any_text_is_judged(text: str, context: list[str]) -> None:
    about = About(context=tuple(context))
    reading = GROUND.read(Text(text), about)
    assert reading.score is None or 0 <= reading.score <= 1
    ends = 0
    for finding in reading.findings:
        assert ends <= finding.start <= finding.end <= len(text)
        ends = finding.end
    again = GROUND.read(Text(normal(text).text), about)
    assert (again.score, len(again.findings)) == (reading.score, len(reading.findings))


@given(st.lists(st.sampled_from(["Oslo", "ports", "are", "4", "green", "."]), max_size=12))
def test_more_context_never_makes_words_lack(chosen: list[str]) -> None:
    found = sentences(" ".join(chosen))
    less = np.array(Source(CONTEXT[:1]).support(found)).reshape(-1, len(WEIGHTS))
    more = np.array(Source(CONTEXT).support(found)).reshape(-1, len(WEIGHTS))
    assert (more >= less - 1e-5).all()


def test_no_weight_is_below_zero() -> None:
    assert (WEIGHTS >= 0).all()


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20))
def test_a_stem_is_the_beginning_of_its_word(word: str) -> None:
    assert word.startswith(stem(word))
    assert stem(word)


@pytest.mark.parametrize(
    "unit", ["a ", "a. ", "x1 y2. ", "\n", "?", "word", "zq ", "! \u200b", "one two three. "]
)
def test_work_grows_with_the_length_of_text_and_context(unit: str) -> None:
    long = unit * (300_000 // len(unit))
    start = time.process_time()
    GROUND.read(Text(long), About(context=(long,)))
    GROUND.read(Text(long), About(context=("Nothing of it is here.",)))
    assert time.process_time() - start < 20  # every pair of sentences would be an hour


def test_the_scorecard_is_of_this_version() -> None:
    path = Path("src/trimtab/signals/scorecards/groundedness.json")
    card = json.loads(path.read_text())
    assert (card["name"], card["version"]) == (GROUND.name, GROUND.version)
    assert min(one["auc"] for one in card["leave_one_source_out"]) >= 0.93
