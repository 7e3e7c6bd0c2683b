"""Versions compared, rows that repeat each other or are known elsewhere, and splits."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.tables import metadata_in

from trimtab.datasets import overlap
from trimtab.datasets.difference import differ
from trimtab.datasets.likeness import alike, grams, jaccard
from trimtab.datasets.overlap import contamination, repetition, without_repeated
from trimtab.datasets.splitting import parse_ratio, split
from trimtab.errors import InvalidRequest, NotFound, TooLarge
from trimtab.measures.text import words
from trimtab.records import Example
from trimtab.stores.metadata.sql import SQLMetadata
from trimtab.testing.metadata_datasets import sample_examples

LONG = "the quick brown fox jumps over the lazy dog and runs far away into the dark green wood"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLMetadata]:
    with closing(metadata_in(tmp_path)) as store:
        yield store


def add(store: SQLMetadata, *rows: Example, name: str = "golden") -> str:
    return store.datasets.add("default", name, rows, note="", created_ns=1).ref


def asked(**inputs: str) -> list[Example]:
    return [Example(example_id=name, input=text) for name, text in inputs.items()]


class TestDifference:
    def test_it_names_what_came_went_and_changed(self, store: SQLMetadata) -> None:
        first, second, third, new = sample_examples(*"abcd")
        add(store, first, second, third)
        changed = replace(second, expected="else", split="test")
        add(store, first, changed, new)
        found = differ(store.datasets, "default", "golden@1", "golden")
        assert (found.base, found.new) == ("golden@1", "golden@2")
        assert (found.added, found.removed, found.changed, found.unchanged) == (1, 1, 1, 1)
        assert (found.added_rows, found.removed_rows) == ([new], [third])
        (row,) = found.changed_rows
        assert row.fields == {"expected": (second.expected, "else"), "split": (None, "test")}
        assert not found.reordered

    def test_rows_in_another_order_are_no_changes(self, store: SQLMetadata) -> None:
        rows = sample_examples(*"abc")
        add(store, *rows)
        add(store, *rows[::-1])
        found = differ(store.datasets, "default", "golden@1", "golden@2")
        assert (found.unchanged, found.changed, found.reordered) == (3, 0, True)

    def test_it_counts_all_and_shows_some(self, store: SQLMetadata) -> None:
        rows = sample_examples(*[f"q{n}" for n in range(2000)])
        add(store, *rows)
        add(store, *(replace(row, expected="other") for row in rows), name="other")
        found = differ(store.datasets, "default", "golden", "other", limit=3)
        assert (found.changed, len(found.changed_rows)) == (2000, 3)

    def test_a_version_that_is_not_there_is_not_found(self, store: SQLMetadata) -> None:
        add(store, *sample_examples("a"))
        with pytest.raises(NotFound):
            differ(store.datasets, "default", "golden@1", "golden@2")


class TestRepetition:
    def test_it_tells_the_same_from_nearly_the_same(self, store: SQLMetadata) -> None:
        add(
            store,
            *asked(
                one=LONG,
                same=LONG.upper().replace(" ", "  "),
                near=LONG.replace("wood", "forest"),
                far="which port does the server listen on",
            ),
        )
        found = repetition(store.datasets, "default", "golden")
        assert (found.rows, found.exact, found.near) == (4, 1, 1)
        assert [(one.example_id, one.other_id) for one in found.examples] == [
            ("same", "one"),
            ("near", "one"),
        ]
        assert found.examples[0].similarity == 1.0
        assert 0.8 <= found.examples[1].similarity < 1.0

    def test_repeated_rows_are_left_out_and_the_first_stays(self, store: SQLMetadata) -> None:
        rows = asked(one=LONG, same=LONG + " ", near=LONG.replace("wood", "forest"), other="else")
        add(store, *rows)
        exact = without_repeated(store.datasets, "default", "golden")
        assert [row.example_id for row in exact] == ["one", "near", "other"]
        near = without_repeated(store.datasets, "default", "golden", threshold=0.8)
        assert [row.example_id for row in near] == ["one", "other"]

    def test_the_count_is_that_of_the_dataset(self, store: SQLMetadata) -> None:
        dice = random.Random(4)
        rows = asked(**{f"e{n}": f"question {dice.randrange(40)}?" for n in range(200)})
        add(store, *rows)
        found = repetition(store.datasets, "default", "golden", threshold=1.0)
        assert found.exact == store.datasets.get("default", "golden").duplicates > 0
        assert len(found.examples) == 20

    def test_inputs_without_words_are_the_same_only_if_they_are(self, store: SQLMetadata) -> None:
        add(store, *asked(a="???", b="!!!", c="???"))
        found = repetition(store.datasets, "default", "golden")
        assert (found.exact, found.near) == (1, 0)

    def test_a_set_too_large_to_compare_is_refused(
        self, store: SQLMetadata, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(store, *sample_examples(*"abc"))
        monkeypatch.setattr(overlap, "MAX_COMPARED", 2)
        with pytest.raises(TooLarge, match="golden@1 has 3 rows; at most 2"):
            repetition(store.datasets, "default", "golden")


class TestContamination:
    def test_it_finds_inputs_and_long_runs_of_words(self, store: SQLMetadata) -> None:
        trained = Example(
            example_id="t1", input="Tell a story.", expected=f"Once: {LONG}. The end."
        )
        add(store, trained, *asked(t2="Which port?"), name="train")
        add(
            store,
            *asked(
                asked="WHICH  port?",
                told=f"Is it true that {LONG}?",
                fresh="what colour is the sky over the harbour in the early morning of may",
                short="the quick fox",
            ),
        )
        found = contamination(store.datasets, "default", "golden", "train")
        assert (found.ref, found.against, found.rows) == ("golden@1", "train@1", 4)
        assert (found.exact, found.overlapping, found.share) == (1, 1, 0.5)
        assert [(one.example_id, one.other_id) for one in found.examples] == [
            ("asked", "t2"),
            ("told", ""),
        ]

    def test_an_empty_set_knows_nothing_and_is_known_by_nobody(self, store: SQLMetadata) -> None:
        add(store, *asked(a=LONG))
        add(store, name="empty")
        assert contamination(store.datasets, "default", "golden", "empty").share == 0.0
        assert contamination(store.datasets, "default", "empty", "golden").share == 0.0


class TestLikeness:
    @given(st.lists(st.text(alphabet="ab ", max_size=30), max_size=12))
    def test_what_is_said_to_be_alike_is_alike(self, texts: list[str]) -> None:
        for pair in alike(texts, threshold=0.5):
            assert pair.first < pair.second
            one, other = (set(_shingles(texts[place])) for place in (pair.first, pair.second))
            assert pair.similarity == pytest.approx(len(one & other) / len(one | other))
            assert pair.similarity >= 0.5

    def test_nearly_all_pairs_that_comparing_each_with_each_finds_are_found(self) -> None:
        dice = random.Random(7)
        texts = []
        for _ in range(150):
            words_of = [f"w{dice.randrange(400)}" for _ in range(30)]
            texts.append(" ".join(words_of))
            words_of[dice.randrange(30)] = "changed"
            texts.append(" ".join(words_of))
        found = {pair.second for pair in alike(texts, threshold=0.7)}
        assert found == {2 * n + 1 for n in range(150)}

    def test_texts_far_apart_are_found_too(self) -> None:
        texts = [f"number {n} is not like number {n * n}" for n in range(1500)]
        assert list(alike([*texts, LONG, *texts[:3]], threshold=0.95)) == [
            (0, 1501, 1.0),
            (1, 1502, 1.0),
            (2, 1503, 1.0),
        ]

    def test_likeness_is_in_its_bounds(self) -> None:
        assert jaccard(grams(LONG, 3), grams(LONG, 3)) == 1.0
        assert jaccard(grams(LONG, 3), grams("else", 3)) == 0.0
        assert jaccard(np.zeros(0, np.uint32), np.zeros(0, np.uint32)) == 0.0


def _shingles(text: str) -> list[str]:
    said = words(text)
    return [" ".join(said[n : n + 3]) for n in range(max(len(said) - 2, 1))]


class TestSplitting:
    RATIO: ClassVar[dict[str, float]] = {"train": 0.7, "dev": 0.1, "test": 0.2}

    def test_rows_of_a_cluster_are_together_and_shares_are_about_as_asked(self) -> None:
        rows = [
            Example(example_id=f"{n}", input="x", cluster=f"c{n // 4}" if n % 8 < 4 else None)
            for n in range(8000)
        ]
        found = list(split(rows, self.RATIO))
        counts = Counter(row.split for row in found)
        for name, share in self.RATIO.items():
            assert counts[name] / 8000 == pytest.approx(share, abs=0.03)
        by_cluster: dict[str, set[str | None]] = {}
        for row in found:
            if row.cluster:
                by_cluster.setdefault(row.cluster, set()).add(row.split)
        assert {len(splits) for splits in by_cluster.values()} == {1}

    def test_a_row_stays_in_its_split_whatever_is_added(self) -> None:
        rows = [Example(example_id=f"{n}", input="x") for n in range(200)]
        before = {row.example_id: row.split for row in split(rows[:100], self.RATIO)}
        after = {row.example_id: row.split for row in split(rows[::-1], self.RATIO)}
        assert before.items() <= after.items()
        other = {row.example_id: row.split for row in split(rows, self.RATIO, seed="2")}
        assert other != after

    def test_a_drawn_split_is_the_same_on_every_machine(self) -> None:
        rows = [Example(example_id=f"{n}", input="x") for n in range(8)]
        found = "".join((row.split or "")[1] for row in split(rows, {"train": 0.5, "test": 0.5}))
        assert found == DRAWN

    @pytest.mark.parametrize("text", ["", "train", "train=x", "train=.5", "train=.5,test=.6",
                                      "train=1.5,test=-.5", "=1", "train=0,test=1"])  # fmt: skip
    def test_shares_that_are_none_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidRequest, match=r"train=\.8,test=\.2"):
            parse_ratio(text)


# Of SHA-256 of "\0" and the id, as a fraction of 2**64, worked out with `printf | sha256sum`.
DRAWN = "ereerrrr"
