"""Rows become train, dev and test, the same ones each time, or an error says what is lacking."""

from __future__ import annotations

import pytest

from trimtab.errors import InvalidRequest
from trimtab.optimiser.splits import LEAST, detectable, splits_of
from trimtab.records import Example


def rows(count: int, split: str | None = None, *, per_cluster: int = 1) -> list[Example]:
    return [
        Example(
            example_id=f"{split}{n}",
            input=f"{split}{n}",
            split=split,
            cluster=None if per_cluster == 1 else f"{split} {n // per_cluster}",
        )
        for n in range(count)
    ]


def test_rows_without_splits_are_drawn_by_cluster_and_always_alike() -> None:
    given = rows(600, per_cluster=3)
    found = splits_of(given)
    assert found == splits_of(list(reversed(given))[::-1])
    clusters = [{row.cluster for row in part} for part in (found.train, found.dev, found.test)]
    assert len(clusters[0] | clusters[1] | clusters[2]) == sum(map(len, clusters))
    assert sum(found.counts.values()) == 600
    assert 180 < found.counts["train"] < 300


@pytest.mark.parametrize("dev", ["dev", "validation", "val"])
def test_the_splits_of_the_rows_are_taken(dev: str) -> None:
    found = splits_of([*rows(20, "train"), *rows(15, dev), *rows(30, "test"), *rows(9, "other")])
    assert found.counts == {"train": 20, "dev": 15, "test": 30}


def test_dev_is_drawn_from_train_where_rows_have_no_dev() -> None:
    found = splits_of([*rows(100, "train"), *rows(30, "test")])
    assert found.counts["test"] == 30
    assert found.counts["train"] + found.counts["dev"] == 100
    assert found.counts["dev"] > 20


def test_splits_can_be_named_and_shared_out() -> None:
    given = [*rows(20, "a"), *rows(20, "b"), *rows(40, "c")]
    assert splits_of(given, "train=a,dev=b,test=c").counts["test"] == 40
    drawn = splits_of(rows(400), "train=.2,dev=.2,test=.6").counts
    assert drawn["test"] > drawn["train"] + drawn["dev"]


@pytest.mark.parametrize(
    ("given", "how", "word"),
    [
        (rows(30), None, "too few independent rows"),
        ([*rows(300, "train"), *rows(300, "dev")], None, "no split for test"),
        (rows(300), "train=.5,test=.5", "splits are train, test"),
        (rows(300), "train=a,dev=a", "does not name"),
        ([*rows(60, "a"), *rows(60, "b")], "train=a,dev=a,test=b", "one split is to be two"),
        (rows(300, "train", per_cluster=300), None, "no split for"),
    ],
)
def test_what_cannot_be_divided_says_why(given: list[Example], how: str, word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        splits_of(given, how)


def test_too_few_rows_say_what_how_many_would_show() -> None:
    small = [*rows(40, "train"), *rows(40, "dev"), *rows(15, "test")]
    with pytest.raises(InvalidRequest) as refused:
        splits_of(small)
    assert f"test has 15 and needs {LEAST['test']}" in str(refused.value)
    shown = detectable(100)
    assert shown is not None
    assert f"100 show {100 * shown:.0f} points" in str(refused.value)


def test_rows_of_one_cluster_count_once() -> None:
    tied = [*rows(40, "train"), *rows(40, "dev"), *rows(100, "test", per_cluster=10)]
    with pytest.raises(InvalidRequest, match="test has 10"):
        splits_of(tied)
