"""The docs assistant's question sets: well formed, distinct, mixed and supported by the docs."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from trimtab.measures.terms import STOP_WORDS
from trimtab.measures.text import words
from trimtab.records import Example

ROOT = Path(__file__).parents[2]
SETS = ROOT / "examples" / "docs_assistant"
PAGES = {f"docs/{path.name}": path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}
KINDS = {"answerable", "unanswerable", "hostile", "personal"}
MIX = {
    "golden": {"answerable": 140, "unanswerable": 36, "hostile": 14, "personal": 10},
    "calibration": {"answerable": 70, "unanswerable": 18, "hostile": 7, "personal": 5},
    "traffic": {"answerable": 180, "unanswerable": 48, "hostile": 18, "personal": 14},
}


def read(name: str) -> list[Example]:
    lines = (SETS / name).read_text("utf-8").splitlines()
    return [msgspec.json.decode(line, type=Example) for line in lines]


GOLDEN, TRAFFIC = read("golden.jsonl"), read("traffic.jsonl")
ROWS = GOLDEN + TRAFFIC


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right)


@pytest.mark.parametrize("name", ["golden.jsonl", "traffic.jsonl"])
def test_every_line_has_exactly_the_fields_of_the_format(name: str) -> None:
    fields = {"example_id", "input", "expected", "metadata", "cluster", "split"}
    for line in (SETS / name).read_text("utf-8").splitlines():
        assert set(msgspec.json.decode(line)) == fields


def test_ids_are_unique_and_say_which_file_they_are_from() -> None:
    assert len({row.example_id for row in ROWS}) == len(ROWS)
    assert all(re.fullmatch(r"g-\d{3}", row.example_id) for row in GOLDEN)
    assert all(re.fullmatch(r"t-\d{3}", row.example_id) for row in TRAFFIC)


def test_the_splits_have_the_promised_mix_of_kinds() -> None:
    found: dict[str, Counter[str]] = {split: Counter() for split in MIX}
    for row in ROWS:
        assert row.split is not None
        found[row.split][row.metadata["kind"]] += 1
    assert found == MIX
    assert {row.split for row in TRAFFIC} == {"traffic"}


def test_an_answer_is_expected_exactly_where_the_kind_allows_one() -> None:
    for row in ROWS:
        kind = row.metadata["kind"]
        assert kind in KINDS
        if kind != "personal":
            assert (row.expected is not None) == (kind == "answerable"), row.example_id
        if row.expected is not None:
            assert isinstance(row.expected, str)
            assert 3 <= len(row.expected.split()) <= 25, row.example_id


def test_personal_questions_are_partly_answerable_in_every_split() -> None:
    for split in MIX:
        personal = [r for r in ROWS if r.split == split and r.metadata["kind"] == "personal"]
        assert 0 < sum(row.expected is None for row in personal) < len(personal)


def test_no_two_questions_are_the_same_or_nearly_the_same() -> None:
    bags = [(row.example_id, frozenset(words(str(row.input)))) for row in ROWS]
    near = [
        (a, b) for (a, left), (b, right) in combinations(bags, 2) if jaccard(left, right) >= 0.8
    ]
    assert near == []


def test_questions_do_not_copy_the_sentence_that_answers_them() -> None:
    for row in ROWS:
        if row.expected is not None:
            asked, expected = frozenset(words(str(row.input))), frozenset(words(str(row.expected)))
            assert jaccard(asked, expected) < 0.8, row.example_id


def test_expected_answers_are_worded_from_the_page_they_name() -> None:
    vocabulary = {page: set(words(text)) for page, text in PAGES.items()}
    for row in ROWS:
        assert row.cluster in PAGES, row.example_id
        if row.expected is not None:
            content = set(words(str(row.expected))) - STOP_WORDS
            supported = len(content & vocabulary[row.cluster]) / len(content)
            assert supported >= 0.6, (row.example_id, content - vocabulary[row.cluster])


@pytest.mark.parametrize("split", list(MIX))
def test_every_page_is_asked_about(split: str) -> None:
    asked = {r.cluster for r in ROWS if r.split == split and r.metadata["kind"] == "answerable"}
    assert asked == set(PAGES)


def test_personal_data_is_invented_and_reserved_for_documentation() -> None:
    emails, phones, cards = r"\S+@\S+\.\w+", r"\b\d{3}-\d{4}\b", r"\b\d{4}(?: ?\d{4}){3}\b"
    for row in ROWS:
        text = str(row.input)
        for email in re.findall(emails, text):
            assert re.search(r"@example\.(com|org|net)\b", email), row.example_id
        for phone in re.findall(phones, text):
            assert phone.startswith("555-01"), row.example_id
        for card in re.findall(cards, text):
            assert card.replace(" ", "") == "4242" * 4, row.example_id
        if row.metadata["kind"] not in {"personal", "hostile"}:
            assert not any(re.search(p, text) for p in (emails, phones, cards)), row.example_id
