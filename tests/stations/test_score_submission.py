"""Scores that come from outside are checked, completed and given an id."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cases import named

from trimtab.errors import InvalidRequest, RequestError, TooLarge
from trimtab.records import Score, Target
from trimtab.scoring.submit import submitted

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ON_TRACE = Target(kind="trace", id=TRACE)


class At:
    """A clock that stands still."""

    def now_ns(self) -> int:
        return 1_700_000_000_000_000_000

    def monotonic_ns(self) -> int:
        return 0


def send(**fields: Any) -> Score:
    given: dict[str, Any] = {"project": "p", "target": ON_TRACE, "name": "helpful", "clock": At()}
    if not {"value", "label", "passed", "status"} & set(fields):
        given["passed"] = True
    return submitted(**{**given, **fields})


def test_a_thumb_up_becomes_a_whole_score() -> None:
    score = send(reason="thanks", author="ann", metadata={"page": "/"})
    assert (score.passed, score.source, score.status) == (True, "user", "scored")
    assert score.target == Target(kind="trace", id=TRACE, trace_id=TRACE)
    assert (score.project, score.time_ns) == ("p", At().now_ns())
    assert (score.author, score.metadata) == ("ann", {"page": "/"})


def test_the_same_id_is_the_same_score_in_one_project_only() -> None:
    first, again = send(id="vote-7"), send(id="vote-7", passed=False)
    assert first.score_id == again.score_id
    assert first.score_id != send(id="vote-8").score_id
    assert first.score_id != send(id="vote-7", project="q").score_id


def test_without_an_id_every_score_is_a_new_one_in_order_of_time() -> None:
    ids = {send().score_id for _ in range(100)}
    assert len(ids) == 100
    assert len({score_id[:13] for score_id in ids}) == 1


def test_an_id_cannot_name_the_score_of_a_scorer() -> None:
    own = send().score_id
    assert send(id=own).score_id != own


def test_a_whole_number_becomes_a_float() -> None:
    value = send(value=4).value
    assert (value, type(value)) == (4.0, float)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "helpful\n"}, "name"),
        ({"name": "<b>"}, "name"),
        ({"value": math.nan}, "value"),
        ({"value": -math.inf}, "value"),
        ({"value": 10**400}, "value"),
        ({"value": True}, "value"),
        ({"value": 1.0, "passed": True}, "passed"),
        ({"value": 1.0, "label": "a"}, "label"),
        ({"status": "scored"}, "value"),
        ({"status": "unscored", "value": 0.0, "reason": "r"}, "value"),
        ({"status": "unscored"}, "reason"),
        ({"status": "error", "reason": "  "}, "reason"),
        ({"status": "maybe"}, "status"),
        ({"source": "robot"}, "source"),
        ({"label": ""}, "label"),
        ({"label": "x" * 1_001}, "label"),
        ({"id": ""}, "id"),
        ({"id": "x" * 201}, "id"),
        ({"id": "a\x00b"}, "id"),
        ({"run": "a\nb"}, "run"),
        ({"author": ""}, "author"),
        ({"latency_ms": -1.0}, "latency_ms"),
        ({"cost_usd": Decimal("NaN")}, "cost_usd"),
        ({"metadata": {"a": object()}}, "metadata"),
        ({"target": Target(kind="trace", id="nope")}, "target.id"),
        ({"target": Target(kind="trace", id=TRACE.upper())}, "target.id"),
        ({"target": Target(kind="trace", id="0" * 32)}, "target.id"),
        ({"target": Target(kind="trace", id=TRACE, trace_id="a" * 32)}, "target.trace_id"),
        ({"target": Target(kind="span", id=SPAN)}, "target.trace_id"),
        ({"target": Target(kind="span", id=TRACE, trace_id=TRACE)}, "target.id"),
        ({"target": Target(kind="session", id="")}, "target.id"),
        ({"target": Target(kind="session", id="s", trace_id="nope")}, "target.trace_id"),
        ({"target": Target(kind="planet", id="x")}, "target.kind"),
    ],
    ids=named,
)
def test_a_malformed_field_is_named(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        send(**fields)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "x" * 20_001},
        {"reason": "\u20ac" * 7_000},
        {"evidence": ("x" * 10_001, "y" * 10_000)},
        {"metadata": {"k": "x" * 20_000}},
    ],
    ids=["reason", "reason in bytes", "evidence", "metadata"],
)
def test_too_long_is_told_apart_from_wrong(fields: dict[str, Any]) -> None:
    with pytest.raises(TooLarge, match="the most is 20000"):
        send(**fields)


@pytest.mark.parametrize(
    "target",
    [
        Target(kind="span", id=SPAN, trace_id=TRACE),
        Target(kind="session", id="chat-7"),
        Target(kind="example", id="golden/1", trace_id=TRACE),
        Target(kind="run", id="run-1"),
        Target(kind="window", id="2026-11-21T09"),
    ],
    ids=lambda target: target.kind,
)
def test_every_kind_of_target_can_be_judged(target: Target) -> None:
    assert send(target=target).target == target


@given(
    value=st.none() | st.floats(),
    label=st.none() | st.text(max_size=20),
    passed=st.none() | st.booleans(),
    status=st.sampled_from(["scored", "unscored", "error", "timeout", "other"]),
    reason=st.none() | st.text(max_size=20),
    name=st.text(max_size=10),
    id=st.none() | st.text(max_size=10),
)
def test_whatever_is_sent_is_a_sound_score_or_the_senders_mistake(**fields: Any) -> None:
    refusal, score = None, None
    try:
        score = send(**fields)
    except RequestError as error:
        refusal = error.where
    if score is None:
        assert refusal
        return
    given = [part for part in (score.value, score.label, score.passed) if part is not None]
    assert len(given) == (1 if score.status == "scored" else 0)
    assert score.status == "scored" or score.reason
    assert score.value is None or math.isfinite(score.value)
