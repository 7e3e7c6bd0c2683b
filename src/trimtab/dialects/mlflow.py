"""MLflow's protocol beside OTLP: what a trace says as a whole, assessments, experiments.

The spans of a trace come by OTLP; what MLflow calls the trace's info comes on its own, before them
or after, and belongs to the root span. JSON in, patches and judgements out; pure.
"""

from __future__ import annotations

import re
from typing import Any

from trimtab.dialects.sdk import (
    Feedback,
    fields_of,
    finite,
    id_of,
    known,
    mapping,
    prefixed,
    read_json,
    score_name,
    span_id_of,
    time_ns,
    trace_id_of,
    word,
)
from trimtab.errors import InvalidRequest
from trimtab.kit.hashing import digest, sha256_hex
from trimtab.records import SpanPatch
from trimtab.records.score import ScoreSource

VERSION = "3.4.0"
"""What GET /version answers: the first version of MLflow whose clients send spans by OTLP."""

DEFAULT_EXPERIMENT = "Default"
_SOURCES: dict[str, ScoreSource] = {
    "HUMAN": "human",
    "LLM_JUDGE": "judge",
    "AI_JUDGE": "judge",
    "CODE": "code",
}
_STATUS = {"OK": "ok", "ERROR": "error"}
_DURATION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?s")
_NS = 1_000_000_000


def trace_id(text: str) -> str:
    """Our id of a trace of MLflow, whose ids are OpenTelemetry's behind `tr-`.

    >>> trace_id("tr-cdb5fc286657c5e09f3477b600adfe79")
    'cdb5fc286657c5e09f3477b600adfe79'
    """
    return trace_id_of(text.removeprefix("tr-"))


def stand_in_id(text: str) -> str:
    """The id of the span that holds a trace's info while the root has not come."""
    return span_id_of(f"mlflow-trace:{trace_id(text)}")


def read_trace(body: bytes) -> dict[str, Any]:
    """The trace's info. Raises InvalidRequest."""
    trace = mapping(fields_of(read_json(body), what="$").get("trace"))
    info = fields_of(trace.get("trace_info"), what="trace.trace_info")
    id_of(info, "trace_id")
    return info


def kept(info: dict[str, Any]) -> dict[str, Any]:
    """The reply: the info as it is kept. Its tag says that spans are not uploaded as files."""
    tags = mapping(info.get("tags")) | {"mlflow.trace.spansLocation": "TRACKING_STORE"}
    return {"trace": {"trace_info": {**info, "tags": tags}}}


def patch_of(info: dict[str, Any]) -> SpanPatch:
    """The patch that a trace's info is to its root, as far as the root itself does not say it.

    Its span id is that of the stand-in.
    """
    name = id_of(info, "trace_id")
    tags, told = mapping(info.get("tags")), mapping(info.get("trace_metadata"))
    start_ns = time_ns(info.get("request_time"))
    own = {k: v for k, v in {**told, **tags}.items() if not k.startswith("mlflow.")}
    theirs = {k: v for k, v in {**told, **tags}.items() if k.startswith("mlflow.")}
    for given in ("mlflow.traceInputs", "mlflow.traceOutputs"):
        theirs.pop(given, None)
    experiment = mapping(mapping(info.get("trace_location")).get("mlflow_experiment"))
    attributes = {"mlflow.trace_id": name, **theirs}
    attributes |= prefixed("mlflow", {"experiment_id": experiment.get("experiment_id")})
    attributes |= prefixed("mlflow", {"client_request_id": info.get("client_request_id")})
    fields = {
        "name": word(tags, "mlflow.traceName"),
        "kind": "chain",
        "start_ns": start_ns,
        "end_ns": start_ns + _duration_ns(info) if start_ns is not None else None,
        "status": _STATUS.get(str(info.get("state"))),
        "session": word(told, "mlflow.trace.session"),
        "user": word(told, "mlflow.trace.user"),
        "input": _json(told.get("mlflow.traceInputs")),
        "output": _json(told.get("mlflow.traceOutputs")),
        "metadata": own or None,
        "attributes": attributes,
    }
    return SpanPatch(
        trace_id=trace_id(name), span_id=stand_in_id(name), fields=known(fields), finished=True
    )


def _duration_ns(info: dict[str, Any]) -> int:
    match = _DURATION.fullmatch(str(info.get("execution_duration")))
    return int(match[1]) * _NS + int((match[2] or "0").ljust(9, "0")) if match else 0


def _json(text: Any) -> Any:
    """What a JSON text says; a text that was cut off stays text."""
    if not isinstance(text, str):
        return None
    try:
        return read_json(text.encode("utf-8", "replace"))
    except InvalidRequest:
        return text


# -- assessments -------------------------------------------------------------------------------


def read_assessment(body: bytes, trace: str) -> tuple[Feedback, dict[str, Any]]:
    """A judgement of a trace, and the reply to it. Raises InvalidRequest.

    One without an id is given that of its content, so that sending it again changes nothing.
    """
    told = fields_of(read_json(body), what="$").get("assessment")
    assessment = fields_of(told, what="assessment")
    feedback, number = _feedback(assessment, trace)
    return feedback, {"assessment": {**assessment, "assessment_id": number, "trace_id": trace}}


def read_assessments(info: dict[str, Any]) -> tuple[list[Feedback], list[InvalidRequest]]:
    """The judgements that were made while the trace went on, which come with its info.

    Also what is wrong with those that cannot be understood.
    """
    told = info.get("assessments")
    found, errors = [], []
    for item in told if isinstance(told, list) else []:
        try:
            found.append(_feedback(fields_of(item, what="assessments"), info["trace_id"])[0])
        except InvalidRequest as error:
            errors.append(error)
    return found, errors


def _feedback(assessment: dict[str, Any], trace: str) -> tuple[Feedback, str]:
    """The judgement, and the assessment's id."""
    name = id_of(assessment, "assessment_name")
    source = mapping(assessment.get("source"))
    number = word(assessment, "assessment_id") or f"a-{digest([trace, assessment])[:32]}"
    rest = {"source_id": source.get("source_id"), "metadata": assessment.get("metadata")}
    if "expectation" in assessment:
        rest["expectation"] = assessment["expectation"]
    if score_name(name) != name:
        rest["name"] = name
    span = word(assessment, "span_id")
    feedback = Feedback(
        id=f"mlflow:{number}"[:200],
        name=score_name(name),
        trace_id=trace_id(trace),
        span_id=span_id_of(span) if span else None,
        reason=word(assessment, "rationale"),
        author=word(source, "source_id"),
        source=_SOURCES.get(str(source.get("source_type")), "user"),
        metadata=prefixed("mlflow", rest),
        **_judged(assessment),
    )
    return feedback, number


def _judged(assessment: dict[str, Any]) -> dict[str, Any]:
    given = mapping(assessment.get("feedback")) or mapping(assessment.get("expectation"))
    value = given.get("value", mapping(given.get("serialized_value")).get("value"))
    if isinstance(value, bool):
        return {"passed": value}
    if isinstance(value, str) and value:
        return {"label": value[:1_000]}
    number = finite(value)
    if number is None:
        raise InvalidRequest(
            "the assessment's value is neither a number, a text nor a bool",
            where="assessment.feedback.value",
        )
    return {"value": number}


# -- experiments -------------------------------------------------------------------------------


def experiment_id(name: str) -> str:
    """The id of an experiment: of each name there is one, and nothing has to be created.

    >>> experiment_id("Default"), experiment_id("helpdesk") == experiment_id("helpdesk")
    ('0', True)
    """
    if name == DEFAULT_EXPERIMENT:
        return "0"
    return str(int(sha256_hex(name.encode("utf-8", "replace"))[:14], 16))


def experiment(id: str, name: str) -> dict[str, Any]:
    """An experiment as MLflow's client reads it."""
    return {
        "experiment": {
            "experiment_id": id,
            "name": name,
            "artifact_location": "",
            "lifecycle_stage": "active",
            "last_update_time": 0,
            "creation_time": 0,
            "tags": [],
        }
    }
