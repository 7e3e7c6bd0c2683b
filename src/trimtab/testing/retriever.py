"""What every retriever does, as tests: subclass and provide the fixture `index`.

    class TestMyRetriever(RetrieverContract):
        @pytest.fixture
        def index(self):
            return MyRetriever

`index` makes a retriever of passages. The contract is about order and bounds; how good a ranking is
must be measured, not asserted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from trimtab.ports import Retriever
from trimtab.records import Passage

Index = Callable[[Sequence[Passage]], Retriever]


def passage(id: str, text: str, heading: str = "") -> Passage:
    """A passage named `docs/{id}.md#{id}/0`."""
    source = f"docs/{id}.md"
    return Passage(id=f"{source}#{id}/0", source=source, text=text, heading=heading)


PASSAGES = (
    passage("ports", "The server listens on port 8321.", "Serving > Ports"),
    passage("keys", "An API key is shown once and stored hashed.", "Security > Keys"),
    passage("routes", "A route sends requests to the live release.", "Gateway > Routes"),
    passage("rollback", "Roll back a release to return to the one before it.", "Releases"),
    passage("twin-b", "Zebras graze."),
    passage("twin-a", "Zebras graze."),
)


class RetrieverContract:
    """Everything `ports.Retriever` promises."""

    @pytest.fixture
    def retriever(self, index: Index) -> Retriever:
        return index(PASSAGES)

    def test_the_passage_with_the_words_of_the_query_comes_first(
        self, retriever: Retriever
    ) -> None:
        assert retriever.search("port the server listens on", k=3)[0].id == "docs/ports.md#ports/0"

    def test_passages_come_back_whole_with_scores_that_never_rise(
        self, retriever: Retriever
    ) -> None:
        found = retriever.search("release route key port server", k=10)
        originals = {passage.id: passage for passage in PASSAGES}
        for each in found:
            original = originals[each.id]
            assert (each.text, each.heading, each.source) == (
                original.text,
                original.heading,
                original.source,
            )
        scores = [each.score for each in found]
        assert len(found) > 2
        assert scores == sorted(scores, reverse=True)
        assert len({each.id for each in found}) == len(found)

    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_a_smaller_k_gives_the_beginning_of_a_longer_list(
        self, retriever: Retriever, k: int
    ) -> None:
        longer = retriever.search("live release route", k=6)
        assert retriever.search("live release route", k=k) == longer[:k]

    def test_equal_scores_are_ordered_by_id(self, retriever: Retriever) -> None:
        found = [each.source for each in retriever.search("zebras graze", k=2)]
        assert found == ["docs/twin-a.md", "docs/twin-b.md"]

    def test_the_order_in_which_passages_are_given_makes_no_difference(self, index: Index) -> None:
        query = "release key port zebras"
        assert index(PASSAGES[::-1]).search(query, k=6) == index(PASSAGES).search(query, k=6)

    @pytest.mark.parametrize("query", ["", " ", "?!", "\x00", "\u202e", "🚢", "' OR 1=1; --"])
    def test_a_strange_query_finds_little_and_breaks_nothing(
        self, retriever: Retriever, query: str
    ) -> None:
        assert len(retriever.search(query, k=3)) <= 3

    def test_a_very_long_query_is_answered(self, retriever: Retriever) -> None:
        assert retriever.search("port " * 100_000, k=1)[0].source == "docs/ports.md"

    def test_a_k_below_one_finds_nothing(self, retriever: Retriever) -> None:
        assert retriever.search("port", k=0) == []
        assert retriever.search("port", k=-1) == []

    def test_an_empty_index_finds_nothing(self, index: Index) -> None:
        assert index([]).search("port", k=3) == []

    def test_a_passage_without_words_can_be_indexed(self, index: Index) -> None:
        found = index([passage("blank", ""), *PASSAGES]).search("port", k=1)
        assert found[0].source == "docs/ports.md"

    def test_threads_that_search_at_once_get_the_same_answers(self, retriever: Retriever) -> None:
        queries = ["port server", "key hashed", "live release", "zebras"] * 25
        expected = [retriever.search(query, k=3) for query in queries]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda query: retriever.search(query, k=3), queries)) == expected
