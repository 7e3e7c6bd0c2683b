"""MLflow's protocol beside OTLP: what its client says of a trace, assessments, experiments."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from tests.compat.emitters import story
from tests.compat.recording import recorded
from tests.dialects.foreign import check, objects

from trimtab.dialects import mlflow
from trimtab.errors import InvalidRequest

TRACE = "tr-cdb5fc286657c5e09f3477b600adfe79"


def sent(ending: str) -> bytes:
    (body,) = (sent.body for sent in recorded("mlflow") if sent.path.endswith(ending))
    return body


def test_what_the_real_client_says_of_a_trace_is_the_story_it_was_told() -> None:
    info = mlflow.read_trace(sent("/api/3.0/mlflow/traces"))
    span = check(mlflow.patch_of(info))
    assert (span.name, span.status) == (story.AGENT, "ok")
    assert (span.user, span.session) == (story.USER, story.SESSION)
    assert span.metadata == {**story.METADATA, story.TAG: "true"}
    assert (span.input, span.output) == ({"question": story.QUESTION}, story.ANSWER)
    assert span.end_ns > span.start_ns
    assert f"tr-{span.trace_id}" == span.attributes["mlflow.trace_id"]


def test_the_reply_says_where_spans_are_kept_and_repeats_the_rest() -> None:
    info = mlflow.read_trace(sent("/api/3.0/mlflow/traces"))
    kept = mlflow.kept(info)["trace"]["trace_info"]
    assert kept.pop("tags") == {**info["tags"], "mlflow.trace.spansLocation": "TRACKING_STORE"}
    assert kept == {name: value for name, value in info.items() if name != "tags"}


def test_the_real_clients_feedback_is_read_and_given_an_id() -> None:
    feedback, reply = mlflow.read_assessment(sent("/assessments"), TRACE)
    assert (feedback.name, feedback.value, feedback.reason) == ("helpful", 1.0, "short and right")
    assert (feedback.trace_id, feedback.source) == (TRACE.removeprefix("tr-"), "code")
    assert reply["assessment"]["assessment_id"] == str(feedback.id).removeprefix("mlflow:")
    assert mlflow.read_assessment(sent("/assessments"), TRACE)[0] == feedback


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"feedback": {"value": True}}, ("passed", True)),
        ({"feedback": {"value": "good"}}, ("label", "good")),
        ({"expectation": {"value": 3}}, ("value", 3.0)),
        ({"expectation": {"serialized_value": {"value": "[1]"}}}, ("label", "[1]")),
    ],
)
def test_an_assessment_is_an_assertion_a_label_or_a_number(
    value: dict[str, Any], expected: tuple[str, Any]
) -> None:
    body = json.dumps({"assessment": {"assessment_name": "n", "span_id": "0" * 15 + "1", **value}})
    feedback, _ = mlflow.read_assessment(body.encode(), TRACE)
    assert getattr(feedback, expected[0]) == expected[1]
    assert feedback.span_id == "0" * 15 + "1"


def test_judgements_made_while_a_trace_goes_on_come_with_its_info() -> None:
    given = json.loads(sent("/assessments"))["assessment"]
    nameless = {name: value for name, value in given.items() if name != "assessment_name"}
    info = {"trace_id": TRACE, "assessments": [given, nameless, "no assessment"]}
    [feedback], errors = mlflow.read_assessments(info)
    assert feedback == mlflow.read_assessment(sent("/assessments"), TRACE)[0]
    assert len(errors) == 2
    assert mlflow.read_assessments({"trace_id": TRACE}) == ([], [])


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"assessment": {"assessment_name": "n"}}'])
def test_what_is_no_assessment_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        mlflow.read_assessment(body, TRACE)


@pytest.mark.parametrize("body", [b"{}", b'{"trace": {"trace_info": {}}}'])
def test_what_is_no_trace_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        mlflow.read_trace(body)


def test_a_preview_that_was_cut_off_stays_text() -> None:
    told = {"mlflow.traceInputs": '{"question": "How lo'}
    fields = mlflow.patch_of({"trace_id": TRACE, "trace_metadata": told}).fields
    assert fields["input"] == '{"question": "How lo'


def test_experiments_have_ids_that_stay() -> None:
    assert mlflow.experiment_id("a") != mlflow.experiment_id("b")
    assert mlflow.experiment_id("a").isdecimal()
    assert int(mlflow.experiment_id("a")) < 2**63


NAMES = ("trace_location", "request_time", "execution_duration", "state", "trace_metadata", "tags")


@given(objects(*NAMES, "client_request_id"))
def test_any_info_makes_a_storable_span(info: dict[str, Any]) -> None:
    check(mlflow.patch_of({"trace_id": TRACE, **info}))
    mlflow.kept({"trace_id": TRACE, **info})
