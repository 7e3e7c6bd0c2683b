"""What is hidden in records."""

from __future__ import annotations

import itertools
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.guards.marks import MARK, Marks

from trimtab.guards.case import Case
from trimtab.guards.edits import apart
from trimtab.guards.redaction import Redaction
from trimtab.records import Score, Span, Target
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


def test_what_records_are_found_by_has_pseudonyms_for_people() -> None:
    people = Redaction([Marks("pii")])
    ann = people.span(span(user=f"u {MARK}", session=MARK, run="run"))
    assert MARK not in str(ann)
    assert ann.user is not None
    assert ann.session is not None
    assert (ann.user, ann.run) == (f"u {ann.session}", "run")
    assert ann.session.startswith("mark-")
    # The same on every record of a project, and on no other's; a second look changes nothing.
    assert people.name("default", MARK) == ann.session
    assert people.name("other", MARK) != ann.session
    assert people.span(ann) is ann


@given(JSON)
def test_where_nothing_is_hidden_everything_stays(value: Any) -> None:
    assert Redaction([Marks()]).value(value) is value


def test_unsure_findings_stay() -> None:
    assert MARK in Redaction([Marks(score=0.4)]).text(f"x {MARK}")


def test_values_of_a_call_are_tokens_on_record() -> None:
    case = Case()
    token = case.vault.token("email_address", "ann@example.org")
    assert Redaction([], case).value({"a": "to ann@example.org"}) == {"a": f"to {token}"}


def test_what_a_rule_redacted_is_in_no_text_of_the_record() -> None:
    case = Case()
    case.vault.conceal('ann "a"@example.org', "[EMAIL_ADDRESS]")
    case.vault.conceal("short", "[EMAIL_ADDRESS]")
    said = {"a": 'to ann "a"@example.org', "b": '{"to": "ann \\"a\\"@example.org"}', "c": "short"}
    assert Redaction([], case).value(said) == {
        "a": "to [EMAIL_ADDRESS]",
        "b": '{"to": "[EMAIL_ADDRESS]"}',
        "c": "short",
    }


def test_names_of_members_and_long_numbers_are_texts_too() -> None:
    people = Redaction([Marks("pii"), Marks("pii", word="4111111111111111", kind="card")])
    given = {f"by {MARK}": 1, f"or {MARK}": 2, MARK: {"n": 4111111111111111, "m": 41, "t": True}}
    assert people.value(given) == {
        "by [MARK]": 1,
        "or [MARK]": 2,
        "[MARK]": {"n": "[CARD]", "m": 41, "t": True},
    }
    twice = {"4111111111111111": 1, f"{MARK}": 2, "[MARK]": 3}
    assert people.value(twice) == {"[CARD]": 1, "[MARK] 2": 2, "[MARK]": 3}


def test_a_long_word_that_is_no_file_is_read() -> None:
    minified = '{"a":"' + "x" * 5_000 + f'","to":"{MARK}"}}'
    assert MARK not in Redaction([Marks()]).text(minified)


def test_a_score_says_nothing_that_is_hidden() -> None:
    given = Score(
        score_id="s",
        target=Target(kind="trace", id="t"),
        name="helpful",
        label=MARK,
        reason=f"because {MARK}",
        evidence=(MARK, "b"),
        author=MARK,
        time_ns=1,
        metadata={"a": [MARK]},
    )
    kept = Redaction([Marks("pii")]).score(given)
    assert MARK not in str(kept)
    assert (kept.name, kept.evidence, kept.reason) == ("helpful", ("[MARK]", "b"), "because [MARK]")
    failed = Redaction([Marks(fails=True)]).score(given)
    assert MARK not in str(failed)
    assert failed.status == "error"
    plain = replace(given, label="good", reason=None, evidence=(), author=None, metadata={})
    assert Redaction([Marks()]).score(plain) is plain


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
