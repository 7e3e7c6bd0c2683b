"""What the catalogue of scorers says: whole sentences, and the name that was probably meant."""

from __future__ import annotations

import pytest

from trimtab.errors import NotFound
from trimtab.records.run import Tier
from trimtab.scorers.catalogue import catalogue, entry


def test_no_summary_is_cut_at_an_abbreviation() -> None:
    assert [one.name for one in catalogue(None) if one.summary.endswith(" al.")] == []


@pytest.mark.parametrize(
    ("name", "tier", "meant"), [("exakt", None, "exact"), ("faithful", "judge", "faithfulness")]
)
def test_a_name_that_there_is_not_suggests_one(name: str, tier: Tier | None, meant: str) -> None:
    with pytest.raises(NotFound, match=f"did you mean '{meant}'"):
        entry(name, tier)
