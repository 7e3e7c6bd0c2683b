"""Fitting: cells that every list reads are short, and nothing of what was longer is lost."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from trimtab.records import Span
from trimtab.tracing.fitting import MOST_CHARACTERS, fitted, flagged


def span(**fields: Any) -> Span:
    given = {"trace_id": "a" * 32, "span_id": "b" * 16, "name": "chat", "start_ns": 1, "end_ns": 2}
    return Span(**{**given, **fields})


def test_a_span_with_short_cells_is_left_alone() -> None:
    short = span(session="s", tags=("a",), metadata={"k": 1}, input="x" * 100_000)
    assert fitted(short) is short


@pytest.mark.parametrize("field", ["name", "error", "session", "user", "service", "model"])
def test_a_long_text_is_shortened_and_kept_whole(field: str) -> None:
    text = "t" * 100_000
    found = fitted(span(**{field: text}))
    assert len(getattr(found, field)) == MOST_CHARACTERS
    assert found.attributes == {"trimtab.whole": {field: text}, "trimtab.repaired": [field]}
    assert fitted(found) is found


def test_ids_that_differ_only_far_behind_stay_apart() -> None:
    one, other = (fitted(span(session="s" * 100_000 + end)) for end in "ab")
    assert one.session != other.session


def test_a_span_of_the_future_is_kept_as_it_is_and_flagged() -> None:
    hour, now = 3_600 * 10**9, 10**18
    for start in (0, now, now + hour):
        known = span(start_ns=start)
        assert flagged(known, now) is known
    ahead = span(start_ns=now + hour + 1, attributes={"k": 1, "trimtab.repaired": ["nul"]})
    expected = {"k": 1, "trimtab.repaired": ["future", "nul"]}
    assert flagged(ahead, now) == replace(ahead, attributes=expected)
    assert flagged(flagged(ahead, now), now) == flagged(ahead, now)


def test_tags_and_metadata_that_fit_stay() -> None:
    tags = ("small", "t" * 20_000)
    metadata = {"k": 1, "large": "m" * 20_000}
    found = fitted(span(tags=tags, metadata=metadata, attributes={"trimtab.repaired": ["nul"]}))
    assert (found.tags, found.metadata) == (("small",), {"k": 1})
    assert found.attributes["trimtab.whole"] == {"tags": list(tags), "metadata": metadata}
    assert found.attributes["trimtab.repaired"] == ["metadata", "nul", "tags"]


def test_what_was_kept_whole_before_is_added_to() -> None:
    first = fitted(span(metadata={"one": "m" * 20_000}))
    second = fitted(replace(first, metadata={"two": "n" * 20_000}))
    assert second.attributes["trimtab.whole"]["metadata"].keys() == {"one", "two"}
