"""Scores over HTTP: one or many, of every kind of target, durable when answered."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.problems import problem
from tests.serving import Served

PATH = "/api/v1/scores"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


def score(**fields: Any) -> dict[str, Any]:
    return {"name": "helpful", "trace_id": TRACE, **fields}


def stored(server: Served, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = server.client.get(PATH, query)["data"]
    return rows


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"passed": True}, {"passed": True}),
        ({"passed": False}, {"passed": False}),
        ({"value": 0.25}, {"value": 0.25}),
        ({"value": 3}, {"value": 3.0}),
        ({"label": "rude"}, {"label": "rude"}),
        ({"label": "sehr höflich 🙂"}, {"label": "sehr höflich 🙂"}),
        ({"status": "unscored", "reason": "no idea"}, {"status": "unscored"}),
        ({"status": "error", "reason": "it broke"}, {"status": "error"}),
        ({"status": "timeout", "reason": "too slow"}, {"status": "timeout"}),
    ],
)
def test_a_score_of_each_state_is_read_back_as_it_was_sent(
    widgets: Served, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    answered = widgets.client.post(PATH, score(**given))
    (found,) = [row for row in stored(widgets) if row["score_id"] == answered["score_id"]]
    assert found == answered, "what is answered is what is stored, at once"
    judgement = {key: found[key] for key in ("status", "value", "label", "passed")}
    absent = {"status": "scored", "value": None, "label": None, "passed": None}
    assert judgement == absent | kept
    assert found["reason"] == given.get("reason")


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({}, "value"),
        ({"value": 1, "passed": True}, "passed"),
        ({"value": 1, "label": "a"}, "label"),
        ({"value": 1, "label": "a", "passed": False}, "passed"),
        ({"value": True}, "$.value"),
        ({"value": "1"}, "$.value"),
        ({"passed": 1}, "$.passed"),
        ({"label": 7}, "$.label"),
        ({"label": ""}, "label"),
        ({"status": "unscored"}, "reason"),
        ({"status": "unscored", "reason": "  "}, "reason"),
        ({"status": "error", "reason": "x", "passed": False}, "passed"),
        ({"status": "lost", "reason": "x"}, "$.status"),
        ({"passed": True, "source": "oracle"}, "$.source"),
        ({"passed": True, "cost_usd": "NaN"}, "cost_usd"),
        ({"passed": True, "cost_usd": "-1"}, "cost_usd"),
        ({"passed": True, "latency_ms": -1}, "latency_ms"),
        ({"passed": True, "metadata": ["a"]}, "$.metadata"),
        ({"passed": True, "evidence": "a"}, "$.evidence"),
        ({"passed": True, "name": "a\0b"}, "name"),
        ({"passed": True, "name": ""}, "name"),
        ({"passed": True, "name": "n" * 201}, "name"),
        ({"passed": True, "id": "i" * 201}, "id"),
        ({"passed": True, "author": "a\nb"}, "author"),
    ],
)
def test_a_score_that_contradicts_itself_is_refused_and_the_field_is_named(
    widgets: Served, given: dict[str, Any], where: str
) -> None:
    problem(widgets.ask("POST", PATH, score(**given)), 400, where=where)


@pytest.mark.parametrize("field", ["reason", "evidence", "metadata"])
def test_a_field_over_its_limit_is_too_large(widgets: Served, field: str) -> None:
    long = "x" * 20_001
    value = {"reason": long, "evidence": [long], "metadata": {"long": long}}[field]
    problem(widgets.ask("POST", PATH, score(passed=True, **{field: value})), 413, where=field)


TARGETS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"trace_id": TRACE}, {"kind": "trace", "id": TRACE, "trace_id": TRACE}),
    ({"trace_id": TRACE, "span_id": SPAN}, {"kind": "span", "id": SPAN, "trace_id": TRACE}),
    (
        {"target": {"kind": "span", "id": SPAN, "trace_id": TRACE}},
        {"kind": "span", "id": SPAN, "trace_id": TRACE},
    ),
    (
        {"target": {"kind": "session", "id": "chat 7"}},
        {"kind": "session", "id": "chat 7", "trace_id": None},
    ),
    (
        {"target": {"kind": "example", "id": "g-001", "trace_id": TRACE}},
        {"kind": "example", "id": "g-001", "trace_id": TRACE},
    ),
    ({"target": {"kind": "run", "id": "r1"}}, {"kind": "run", "id": "r1", "trace_id": None}),
    (
        {"target": {"kind": "window", "id": "2026-11"}},
        {"kind": "window", "id": "2026-11", "trace_id": None},
    ),
]


@pytest.mark.parametrize(("named", "target"), TARGETS)
def test_every_kind_of_target_can_be_named_and_found_again(
    widgets: Served, named: dict[str, Any], target: dict[str, Any]
) -> None:
    body = {"name": "by target", "passed": True, **named}
    answered = widgets.client.post(PATH, body)
    assert answered["target"] == target
    query = {"target_kind": target["kind"], "target_id": target["id"]}
    assert answered["score_id"] in [row["score_id"] for row in stored(widgets, **query)]


@pytest.mark.parametrize(
    ("named", "where"),
    [
        ({}, "target"),
        ({"span_id": SPAN}, "target"),
        ({"trace_id": "4BF92F3577B34DA6A3CE929D0E0E4736"}, "target.trace_id"),
        ({"trace_id": "0" * 32}, "target.trace_id"),
        ({"trace_id": TRACE, "span_id": "short"}, "target.id"),
        ({"target": {"kind": "span", "id": SPAN}}, "target.trace_id"),
        ({"target": {"kind": "trace", "id": "x"}}, "target.id"),
        ({"target": {"kind": "planet", "id": "x"}}, "$.target.kind"),
        ({"target": {"kind": "session", "id": ""}}, "target.id"),
        ({"target": {"kind": "session", "id": "a", "idd": "b"}}, "$.target"),
        ({"target": {"kind": "session", "id": "a"}, "trace_id": TRACE}, "trace_id"),
        ({"target": {"kind": "session", "id": "a"}, "span_id": SPAN}, "span_id"),
    ],
)
def test_a_target_that_could_not_be_found_again_is_refused(
    widgets: Served, named: dict[str, Any], where: str
) -> None:
    body = {"name": "by target", "passed": True, **named}
    problem(widgets.ask("POST", PATH, body), 400, where=where)


def test_the_same_id_again_replaces_the_judgement(widgets: Served) -> None:
    body = score(name="twice", id="vote-1", passed=True)
    first = widgets.client.post(PATH, body)
    second = widgets.client.post(PATH, body | {"passed": False})
    assert first["score_id"] == second["score_id"]
    (row,) = stored(widgets, name="twice")
    assert row["passed"] is False


def test_without_an_id_every_score_is_a_new_one(widgets: Served) -> None:
    for _ in range(2):
        widgets.client.post(PATH, score(name="again", passed=True))
    assert len(stored(widgets, name="again")) == 2


def test_an_array_is_stored_whole_and_answered_in_its_order(widgets: Served) -> None:
    answered = widgets.client.post(PATH, [score(name="many", value=n) for n in range(50)])["data"]
    assert [row["value"] for row in answered] == list(range(50))
    found = {row["score_id"]: row for row in stored(widgets, name="many")}
    assert found == {row["score_id"]: row for row in answered}


def test_an_array_with_one_bad_score_stores_none_and_says_which(widgets: Served) -> None:
    good = score(name="partly", passed=True)
    wrong_target = {"name": "partly", "passed": True}
    problem(widgets.ask("POST", PATH, [good, wrong_target]), 400, where="$[1].target")
    problem(widgets.ask("POST", PATH, [good, good | {"value": "x"}]), 400, where="$[1].value")
    problem(widgets.ask("POST", PATH, []), 400, where="$")
    assert stored(widgets, name="partly") == []


def test_who_says_so_is_recorded(widgets: Served) -> None:
    said = widgets.client.post(PATH, score(passed=True, author="ada", source="human"))
    unsaid = widgets.client.post(PATH, score(passed=True))
    assert (said["author"], said["source"]) == ("ada", "human")
    assert (unsaid["author"], unsaid["source"]) == ("local", "user")


def test_scores_can_be_narrowed_by_each_filter(widgets: Served) -> None:
    other = "a" * 32
    widgets.client.post(PATH, score(name="f", passed=True, run="run-1", source="human"))
    widgets.client.post(PATH, score(name="f", passed=True, trace_id=other))
    assert len(stored(widgets, name="f")) == 2
    for query in ({"trace_id": TRACE}, {"run": "run-1"}, {"source": "human"}):
        assert [row["run"] for row in stored(widgets, name="f", **query)] == ["run-1"]
    assert len(stored(widgets, name="f", trace_id=f"{TRACE},{other}")) == 2
    assert len(stored(widgets, name="f", limit=1)) == 1
    assert stored(widgets, name="no such score") == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%EF%BC%91", "limit"),
        ("limit=", "limit"),
        ("source=oracle", "source"),
        ("target_kind=planet&target_id=x", "target_kind"),
        ("target_kind=span", "target_id"),
        ("target_id=x", "target_kind"),
        ("naem=helpful", "naem"),
        pytest.param("trace_id=" + ",".join("a" * 201), "trace_id", id="too many traces"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(
    widgets: Served, query: str, parameter: str
) -> None:
    reply = widgets.ask("GET", f"{PATH}?{query}")
    assert problem(reply, 400, where=f"query parameter {parameter}")["fix"]
