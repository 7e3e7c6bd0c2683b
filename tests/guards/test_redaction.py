"""What is hidden in records."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.guards.marks import MARK, Marks

from trimtab.guards.case import Case
from trimtab.guards.edits import apart
from trimtab.guards.redaction import Redaction
from trimtab.records import Span
from trimtab.signals.finding import Finding

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def span(**fields: Any) -> Span:
    return Span(
        trace_id="t", span_id="s", name="n", kind="llm", start_ns=1, end_ns=2, status="ok", **fields
    )


def test_every_text_of_a_span_is_looked_at() -> None:
    says = f"x {MARK} y"
    messages = [{"role": "user", "content": [{"type": "text", "text": says}], "n": 1}]
    calls = [{"function": {"name": "f", "arguments": f'{{"a": "{MARK}"}}'}}]
    given = span(
        input=messages,
        output=[{"role": "assistant", "content": None, "tool_calls": calls}],
        error=says,
        attributes={"app": {"note": says}, "n": 3},
    )
    kept = Redaction([Marks()]).span(given)
    assert MARK not in str(kept)
    assert kept.input == [
        {"role": "user", "content": [{"type": "text", "text": "x [MARK] y"}], "n": 1}
    ]
    assert kept.output[0]["tool_calls"][0]["function"]["arguments"] == '{"a": "[MARK]"}'
    assert (kept.error, kept.attributes) == ("x [MARK] y", {"app": {"note": "x [MARK] y"}, "n": 3})
    assert MARK in str(given)


def test_secrets_are_hidden_in_names_and_in_what_providers_said_of_attempts() -> None:
    says = f"no key {MARK}"
    attempts = [{"target": "far", "error": says}, {"target": "near", "error": None}]
    given = span(
        model=says,
        session=says,
        user=says,
        attributes={"trimtab.attempts": attempts, "trimtab.dialect": "d"},
    )
    kept = Redaction([Marks("secrets")]).span(given)
    assert MARK not in str(kept)
    assert (kept.model, kept.session, kept.user) == ("no key [MARK]",) * 3
    assert kept.attributes["trimtab.attempts"][0] == {"target": "far", "error": "no key [MARK]"}
    # Of people only what was said is hidden: a session or a user may well be called by a name.
    people = Redaction([Marks("pii")]).span(given)
    assert (people.session, people.user) == (says, says)
    assert MARK not in str(people.attributes)


@given(JSON)
def test_where_nothing_is_hidden_everything_stays(value: Any) -> None:
    assert Redaction([Marks()]).value(value) is value


def test_unsure_findings_stay() -> None:
    assert MARK in Redaction([Marks(score=0.4)]).text(f"x {MARK}")


def test_values_of_a_call_are_tokens_on_record() -> None:
    case = Case()
    token = case.vault.token("email_address", "ann@example.org")
    assert Redaction([], case).value({"a": "to ann@example.org"}) == {"a": f"to {token}"}


def test_a_record_that_cannot_be_redacted_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    attributes = {"trimtab.route": "r", "app": MARK, "trimtab.attempts": [{"error": MARK}]}
    given = span(input=f"{MARK} x", user=MARK, session=MARK, attributes=attributes)
    kept = Redaction([Marks(fails=True)]).span(given)
    assert MARK not in str(kept)
    assert kept.attributes == {"trimtab.route": "r", "trimtab.redaction": "failed"}
    assert MARK not in caplog.text
    assert any(one.levelno == logging.ERROR for one in caplog.records)


def test_a_file_in_base64_is_not_read() -> None:
    marks = Marks()
    image = "data:image/png;base64," + "A" * 10_000
    assert Redaction([marks]).value({"url": image}) == {"url": image}
    assert marks.read_texts == []


FINDINGS = st.lists(
    st.builds(
        lambda start, size, kind, score: Finding(
            start=start, end=start + size, kind=kind, score=score
        ),
        st.integers(0, 30),
        st.integers(0, 10),
        st.sampled_from(["a", "b"]),
        st.sampled_from([0.5, 0.9, 1.0]),
    )
)


@given(FINDINGS)
def test_findings_that_overlap_are_hidden_as_one(findings: list[Finding]) -> None:
    found = apart(tuple(findings))
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    covered = {at for one in findings for at in range(one.start, one.end)}
    assert {at for one in found for at in range(one.start, one.end)} == covered
