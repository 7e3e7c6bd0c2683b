"""Secrets: keys of every kind in many surroundings, and what only looks like one."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.signals.secret_values import SHAPES, Row, filled

from trimtab.signals.secrets.kinds import KINDS
from trimtab.signals.secrets.signal import Secrets
from trimtab.signals.text import Text

DATA = Path(__file__).parent / "data" / "secrets.jsonl"
SECRETS = Secrets()


def rows(seed: int) -> list[Row]:
    """Every template with values of its own."""
    rng = random.Random(seed)
    return [filled(json.loads(line)["text"], rng) for line in DATA.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("seed", range(5))
def test_precision_and_recall_are_at_least_97_in_100(seed: int) -> None:
    found = expected = hits = right_kind = 0
    for text, spans in rows(seed):
        findings = SECRETS.read(Text(text)).findings
        found += len(findings)
        expected += len(spans)
        for start, end, kind in spans:
            same = [one for one in findings if abs(one.start - start) + abs(one.end - end) <= 2]
            hits += bool(same)
            right_kind += any(one.kind == kind for one in same)
    assert expected > 200
    assert hits / found >= 0.97
    assert hits / expected >= 0.97
    assert right_kind / hits >= 0.95


def test_there_are_kinds_of_at_least_a_hundred_vendors() -> None:
    assert len({kind.name for kind in KINDS}) >= 100


@pytest.mark.parametrize("kind", sorted(set(SHAPES) - {"password", "generic_secret"}))
def test_a_key_is_known_by_its_kind(kind: str) -> None:
    row = filled(f"value: {{{{{kind}}}}}\n", random.Random(4))
    findings = SECRETS.read(Text(row.text)).findings
    assert [(one.start, one.end, one.kind) for one in findings] == list(row.spans)


def test_a_key_with_hidden_characters_in_it_is_found_whole() -> None:
    key = filled("{{groq_api_key}}", random.Random(1)).text
    raw = "use " + key[:9] + "\u200b" + key[9:] + " now"
    (found,) = SECRETS.read(Text(raw)).findings
    assert (found.start, found.end) == (4, 5 + len(key))


def test_text_of_other_scripts_does_not_move_a_finding() -> None:
    text, ((start, end, _),) = filled("пароль 日本 😀: {{github_token}} да", random.Random(2))
    (found,) = SECRETS.read(Text(text)).findings
    assert (found.start, found.end, found.score) == (start, end, 1.0)


def test_the_keys_of_documentation_count_if_asked_for() -> None:
    text = Text("AKIA" + "IOSFODNN7EXAMPLE")
    assert SECRETS.read(text).findings == ()
    assert [one.kind for one in Secrets(placeholders=True).read(text).findings] == [
        "aws_access_key_id"
    ]


def test_no_value_is_in_a_reading() -> None:
    row = filled("password: {{password}}", random.Random(3))
    (start, end, _), *_ = row.spans
    assert row.text[start:end] not in repr(SECRETS.read(Text(row.text)))


@given(st.text(st.sampled_from(list("sk-antAKIA_pw=: \"'@/.eyJ0123456789\n\u00e9")), max_size=80))
def test_any_text_is_read(raw: str) -> None:
    reading = SECRETS.read(Text(raw))
    assert all(0 <= one.start < one.end <= len(raw) for one in reading.findings)
    assert list(reading.findings) == sorted(reading.findings)
