"""What hands out retrievers does, as tests: subclass and provide the fixture `retrievers`.

`retrievers` offers a corpus `animals` whose only document, about zebras, does not mention ships.
"""

from __future__ import annotations

import pytest

from trimtab.errors import NotFound
from trimtab.ports import Retrievers
from trimtab.records import Retrieval

ANIMALS = "# Zebras\n\nA zebra has stripes. Zebras graze in herds.\n"


class RetrieversContract:
    """Everything `ports.Retrievers` promises."""

    def test_a_corpus_is_searched(self, retrievers: Retrievers) -> None:
        found = retrievers.retriever(Retrieval(corpus="animals")).search("zebra stripes", k=3)
        assert "stripes" in found[0].text

    def test_what_is_not_in_the_corpus_is_not_found(self, retrievers: Retrievers) -> None:
        retriever = retrievers.retriever(Retrieval(corpus="animals"))
        assert retriever.search("ship", k=3) == []

    def test_settings_decide_and_do_not_disturb_each_other(self, retrievers: Retrievers) -> None:
        stemmed = retrievers.retriever(Retrieval(corpus="animals", stemmer="english"))
        literal = retrievers.retriever(Retrieval(corpus="animals", stemmer=None))
        assert stemmed.search("grazing", k=1)
        assert not literal.search("grazing", k=1)
        assert stemmed.search("grazing", k=1)

    def test_an_unknown_corpus_is_an_error_that_names_the_known(
        self, retrievers: Retrievers
    ) -> None:
        with pytest.raises(NotFound, match="animals"):
            retrievers.retriever(Retrieval(corpus="plants")).search("x", k=1)
