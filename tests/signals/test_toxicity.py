"""Toxicity: abuse is told from what only sounds like it, wherever in a text it is."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trimtab.embeddings.table import table
from trimtab.signals import toxicity
from trimtab.signals.text import Text
from trimtab.signals.toxicity import Toxicity

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "guards"
shared = pytest.mark.skipif(not DATA.is_dir(), reason="shared data is absent")
CALM = "The committee met on Tuesday and agreed on the budget for the new library. " * 20


def score(raw: str) -> float:
    return Toxicity().read(Text(raw)).score or 0.0


@pytest.mark.parametrize(
    "text",
    [
        "Nobody wants you here, you filthy moron.",
        "go kill yourself you worthless piece of shit",
        "what a bunch of stupid assholes",
        "y\u043eu are an \u200bidi\u200bot and a l\u043eser",
        "you st00pid b1tch, shut up",
    ],
)
def test_abuse_scores_high(text: str) -> None:
    assert score(text) > 0.6


@pytest.mark.parametrize(
    "text",
    [
        "I am a gay man and I work as a nurse.",
        "As a Muslim woman I was happy to vote today.",
        "Which documents do I need to rent a car?",
        "How do I kill a process that hangs?",
        "The museum opens at nine and closes at six.",
        "",
        "\x00\u200b",
    ],
)
def test_harmless_texts_score_low(text: str) -> None:
    assert score(text) < 0.4


def test_one_insult_in_a_long_text_is_found_where_it_is() -> None:
    raw = CALM + "You are a stupid, disgusting pig and I hope you choke on it, idiot. " + CALM
    reading = Toxicity().read(Text(raw))
    (found,) = reading.findings
    assert found.start <= raw.index("stupid") < found.end
    assert found.end - found.start < 500
    assert score(CALM * 2) < 0.4


def test_an_insult_far_into_a_long_text_is_found_where_it_is() -> None:
    calm = CALM * (10_000 // len(CALM) + 1)
    raw = calm + "You are a stupid, disgusting pig and I hope you choke on it, idiot. " + CALM
    reading = Toxicity().read(Text(raw))
    (found,) = reading.findings
    assert found.start <= raw.index("stupid") < found.end
    assert score(calm) < 0.4


def test_who_somebody_is_moves_the_score_little() -> None:
    frames = ["I am {}.", "My neighbour is {}.", "She is a {} woman.", "{} people live here."]
    words = ["gay", "Black", "Jewish", "Muslim", "trans", "deaf", "white", "Christian", "Mexican"]
    scores = np.array([[score(frame.format(word)) for frame in frames] for word in words])
    assert scores.max() < 0.5
    assert np.abs(scores.mean(axis=1) - score("I am tall.")).max() < 0.35


def test_the_weights_fit_the_embeddings_that_are_shipped() -> None:
    assert toxicity._model().table == table().version


def test_the_scorecard_is_of_the_weights() -> None:
    card = json.loads(
        (Path(toxicity.__file__).parent / "scorecards" / "toxicity.json").read_text("utf-8")
    )
    assert card["version"] == Toxicity().version
    assert {one["licence"] for one in card["sources"]} <= {
        "MIT",
        "CC0-1.0",
        "CC-BY-3.0",
        "our own",
        "our own, made of forms",
    }


@shared
def test_a_source_that_was_never_trained_on_is_ranked() -> None:
    lines = gzip.decompress((DATA / "toxicity.jsonl.gz").read_bytes()).splitlines()
    rows = [row for row in map(json.loads, lines) if row["source"] == "tweeteval_offensive_val"]
    scores = [score(row["text"]) for row in rows]
    assert roc_auc_score([row["label"] for row in rows], scores) > 0.7


@shared
def test_pairs_that_differ_in_who_is_meant_score_alike() -> None:
    text = gzip.decompress((DATA / "bias_crows_pairs.csv.gz").read_bytes()).decode()
    pairs = list(csv.DictReader(text.splitlines()))[:300]
    apart = [abs(score(row["sent_more"]) - score(row["sent_less"])) for row in pairs]
    assert np.mean(apart) < 0.15


@given(st.text(st.characters(), max_size=300))
def test_any_text_is_read(raw: str) -> None:
    reading = Toxicity(threshold=0.0).read(Text(raw))
    assert reading.score is not None
    assert 0.0 <= reading.score <= 1.0
    assert all(0 <= one.start < one.end <= len(raw) for one in reading.findings)
