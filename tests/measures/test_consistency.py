"""Agreement among samples: shares, entropies and n-gram surprise, by their definitions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trimtab.errors import MeasureError
from trimtab.measures.consistency import majority, semantic_entropy, unsupported

LABELS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=20)


@given(LABELS)
def test_the_majority_is_the_commonest_label(labels: list[str]) -> None:
    counts = Counter(labels)
    found = majority(labels)
    assert counts[found.label] == max(counts.values())
    assert found.share == pytest.approx(max(counts.values()) / len(labels))
    assert found.tied == (list(counts.values()).count(max(counts.values())) > 1)


@given(LABELS)
def test_semantic_entropy_is_shannons_over_clusters(labels: list[str]) -> None:
    expected = stats.entropy(list(Counter(labels).values()), base=2)
    assert semantic_entropy(labels) == pytest.approx(expected, abs=1e-12)
    even = semantic_entropy(labels, [-2.0] * len(labels))
    assert even == pytest.approx(expected, abs=1e-12)


def test_likely_samples_weigh_more() -> None:
    # masses e^-1 + e^-2 of x against e^-3 of y
    x, y = math.exp(-1) + math.exp(-2), math.exp(-3)
    found = semantic_entropy(["x", "x", "y"], [-1.0, -2.0, -3.0])
    assert found == pytest.approx(stats.entropy([x, y], base=2))
    assert semantic_entropy(["x", "y"], [-5000.0, -5001.0]) == pytest.approx(
        stats.entropy([1, math.exp(-1)], base=2)
    )


def test_surprise_by_hand() -> None:
    # words: blue 3, sky 2, is 3, green 1 among nine, the answer's own two sentences counted in
    found = unsupported("Sky is blue. Is green.", ["Blue. Sky is blue."])
    counts, total = {"sky": 2, "is": 3, "blue": 3, "green": 1}, 9
    first = [-math.log(counts[word] / total) for word in ("sky", "is", "blue")]
    second = [-math.log(counts[word] / total) for word in ("is", "green")]
    assert [each.sentence for each in found] == ["Sky is blue.", "Is green."]
    assert found[0].mean == pytest.approx(sum(first) / 3)
    assert found[0].highest == pytest.approx(max(first))
    assert found[1].mean == pytest.approx(sum(second) / 2)
    assert found[1].highest == pytest.approx(-math.log(1 / 9))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_what_no_other_sample_says_is_the_most_surprising(n: int) -> None:
    told = "The tower is in Paris. It was finished in 1889."
    found = unsupported(f"{told} Cows built it from cheese.", [told] * 4, n=n)
    assert max(found, key=lambda each: each.highest).sentence == "Cows built it from cheese."
    assert max(found, key=lambda each: each.mean).sentence == "Cows built it from cheese."


def test_an_answer_without_words_has_no_sentence_to_doubt() -> None:
    assert unsupported("...", ["Yes."]) == []
    assert unsupported("", [""]) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda: majority([]),
        lambda: semantic_entropy([]),
        lambda: semantic_entropy(["a"], [-1.0, -2.0]),
        lambda: semantic_entropy(["a"], [float("nan")]),
        lambda: unsupported("a", []),
        lambda: unsupported("a", ["a"], n=0),
    ],
)
def test_what_cannot_agree_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(MeasureError):
        call()
