"""The shipped table: its shape, its numbers, and how near it is to the model it was made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.embeddings.static import StaticEmbedder
from trimtab.embeddings.table import Table, table
from trimtab.ports import Embedder
from trimtab.testing.embedder import EmbedderContract

anything = st.text(st.characters(codec=None))


class TestStaticEmbedder(EmbedderContract):
    @pytest.fixture
    def embedding(self) -> Any:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Embedder]:
            yield StaticEmbedder()

        return opened


def test_its_name_changes_with_the_vectors() -> None:
    other = Table(
        version="other",
        vocabulary=["a"],
        vectors=np.ones((1, 2), np.int8),
        scales=np.ones(1, np.float32),
    )
    assert StaticEmbedder().name == f"static/{table().version}"
    assert StaticEmbedder(other).name == "static/other"
    assert asyncio.run(StaticEmbedder(other).embed(["a"])) == [pytest.approx([2**-0.5] * 2)]


@given(st.lists(anything, max_size=4))
def test_rows_are_of_length_one_or_of_zeros(texts: list[str]) -> None:
    found = table().embed(texts)
    assert found.shape == (len(texts), table().dimensions)
    assert found.dtype == np.float32
    for row, text in zip(found, texts, strict=True):
        length = float(np.linalg.norm(row))
        assert length == pytest.approx(1 if table().ids(text) else 0, abs=1e-4)


@pytest.mark.parametrize("kinds", [2, 40], ids=["of few kinds", "of many kinds"])
def test_bags_are_the_bags_of_their_parts(kinds: int) -> None:
    ids = [at * at % kinds for at in range(100)]
    found = table().bags(ids, np.array([0, 10, 55, 100]))
    each = [table().bag(ids[0:10]), table().bag(ids[10:55]), table().bag(ids[55:100])]
    assert found == pytest.approx(np.array(each), rel=1e-4, abs=1e-3)


@given(st.lists(st.sampled_from(["the", "a", "cat", "port", "unbelievably", "7", "!"]), max_size=9))
def test_a_bag_is_the_sum_of_its_rows_in_any_order(chosen: list[str]) -> None:
    ids = table().ids(" ".join(chosen))
    expected = table().rows(ids).sum(axis=0)
    assert table().bag(ids) == pytest.approx(expected, abs=1e-3)
    assert table().bag(ids[::-1]) == pytest.approx(expected, abs=1e-3)


def test_a_long_text_is_counted_to_the_same_vector() -> None:
    text = "The port of the widget server is 8321. "
    short, long = table().embed([text, text * 2_000])
    assert float(short @ long) == pytest.approx(1, abs=1e-4)


def test_tokens_are_words_and_ends_of_words() -> None:
    assert table().tokens("Groundedness, 8 cats") == ["grounded", "##ness", ",", "8", "cats"]


def test_cosines_go_with_those_of_the_full_model() -> None:
    recorded = json.loads((Path(__file__).parent / "parity.json").read_text())
    ours = table().embed(recorded["texts"])
    found = [float(ours[i] @ ours[j]) for i, j in combinations(range(len(ours)), 2)]
    theirs = recorded["cosines"]
    assert len(found) == len(theirs) == 2_775
    assert np.corrcoef(found, theirs)[0, 1] > 0.7


def test_the_nearest_of_a_paraphrase_is_what_it_paraphrases() -> None:
    """Of 25 sentences, each beside one that says the same in other words, among all others."""
    texts = json.loads((Path(__file__).parent / "parity.json").read_text())["texts"]
    vectors = table().embed(texts)
    near = vectors[1::3] @ np.delete(vectors, np.s_[1::3], axis=0).T
    right = sum(int(row.argmax()) == 2 * at for at, row in enumerate(near))
    assert right >= 18  # the full model: 24


def test_what_is_shipped_is_small() -> None:
    assert len((files("trimtab.embeddings") / "table.npz").read_bytes()) < 4_500_000
