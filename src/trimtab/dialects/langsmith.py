"""LangSmith's protocol: runs, posted and patched, in forms, in batches or singly, and feedback.

Each run becomes a span; the run that started a trace is its root. A form brings a run in several
parts. Original ids stay in the attributes. Bytes and JSON in, patches and judgements out; pure.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from trimtab.conventions.passages import passages
from trimtab.dialects import conversation
from trimtab.dialects.multipart import Part
from trimtab.dialects.sdk import (
    Feedback,
    fields_of,
    finite,
    id_of,
    known,
    mapping,
    money,
    number_ns,
    prefixed,
    read_json,
    score_name,
    span_id_of,
    texts,
    time_ns,
    trace_id_of,
    unwrapped,
    word,
)
from trimtab.dialects.tokens import usage_of
from trimtab.errors import InvalidRequest
from trimtab.records import SpanPatch
from trimtab.records.span import SpanKind

INFO = {
    "version": "0.12.0",
    "license_expiration_time": None,
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    },
    "instance_flags": {"zstd_compression_enabled": True},
}
"""What GET /info answers; the version is the one of LangSmith from which on all of this is sent."""

_KINDS: dict[str, SpanKind] = {
    "llm": "llm",
    "chat": "llm",
    "chain": "chain",
    "tool": "tool",
    "retriever": "retriever",
    "embedding": "embedding",
    "prompt": "other",
    "parser": "other",
}
_IDS = ("id", "trace_id", "parent_run_id", "name", "run_type", "tags", "start_time", "end_time")
_CONTENTS = ("inputs", "outputs", "events", "extra", "error")
_MAPPED = frozenset((*_IDS, *_CONTENTS, "child_runs", "parent_run", "attachments"))
_COUNTED = ("prompt_tokens", "completion_tokens", "total_tokens", "total_cost")
_SESSION_KEYS = ("thread_id", "session_id", "conversation_id")
_OWN = ("ls_", "LANGSMITH_", "usage_metadata")  # What LangSmith's SDK adds to the metadata.
_PLACES = (*_CONTENTS, "serialized")


class Sent(NamedTuple):
    """One run or judgement of a request, unread: what to do with it, its id and its fields."""

    verb: Literal["post", "patch", "feedback"]
    id: str
    fields: dict[str, Any]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one item says: a patch of a span, or a judgement."""

    patch: SpanPatch | None = None
    feedback: Feedback | None = None


class Form(NamedTuple):
    """What a form brought: its items, and what is wrong with parts of it, by their names."""

    items: list[Sent]
    errors: dict[str, InvalidRequest]


def read_form(form: list[Part]) -> Form:
    """Put the parts of a form together, by run; a part without a name is known by its place.

    Attachments are not kept: their names, types and sizes are, as an attribute of their runs.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    errors: dict[str, InvalidRequest] = {}
    attached: dict[str, dict[str, Any]] = {}
    for number, part in enumerate(form, start=1):
        verb, _, rest = part.name.partition(".")
        run, _, place = rest.partition(".")
        try:
            if verb == "attachment" and run:
                size = {"media_type": part.media_type, "size_bytes": len(part.data)}
                attached.setdefault(run, {})[place] = size
                continue
            _check_part(verb, run, place)
            value = read_json(part.data, what=f"part {part.name[:100]}")
            told = found.setdefault((verb, run), {"id": run})
            told.update({place: value} if place else fields_of(value, what=part.name[:100]))
        except InvalidRequest as error:
            errors[part.name[:200] or f"part {number}"] = error
    items = [Sent(_verb(verb), run, fields) for (verb, run), fields in found.items()]
    return Form([_with_attachments(item, attached) for item in items], errors)


def _check_part(verb: str, id: str, place: str) -> None:
    if verb not in ("post", "patch", "feedback") or not id or place not in ("", *_PLACES):
        raise InvalidRequest(
            "there is no such part", where="name", fix="name it post.ID, patch.ID or feedback.ID"
        )


def _verb(text: str) -> Literal["post", "patch", "feedback"]:
    return "post" if text == "post" else "patch" if text == "patch" else "feedback"


def _with_attachments(item: Sent, attached: dict[str, dict[str, Any]]) -> Sent:
    if item.verb == "feedback" or item.id not in attached:
        return item
    return item._replace(fields={**item.fields, "attachments_left_out": attached[item.id]})


def left_out(form: list[Part]) -> int:
    """How many attachments a form brought."""
    return sum(part.name.startswith("attachment.") for part in form)


def read_batch(body: bytes) -> list[Sent]:
    """The runs of a batch. Raises InvalidRequest when there is no batch."""
    batch = fields_of(read_json(body), what="$")
    items = []
    for verb in ("post", "patch"):
        runs = batch.get(verb) or []
        if not isinstance(runs, list):
            raise InvalidRequest(f"{verb} is not a list", where=verb, fix="send a list of runs")
        items += [Sent(_verb(verb), str(mapping(run).get("id")), mapping(run)) for run in runs]
    return items


def read(item: Sent) -> Told:
    """What an item says. Raises InvalidRequest when it cannot be understood."""
    if item.verb == "feedback":
        return Told(feedback=read_feedback(item.fields))
    return Told(patch=read_run(item.fields))


# -- runs --------------------------------------------------------------------------------------


def read_run(run: dict[str, Any]) -> SpanPatch:
    """The patch that a run, new or changed, stands for. Raises InvalidRequest."""
    name = id_of(run, "id")
    end_ns = _time(run.get("end_time"))
    trace = _trace(run)
    return SpanPatch(
        trace_id=trace_id_of(trace) if trace else None,
        span_id=span_id_of(name),
        fields=known(_fields(run, name, end_ns)),
        finished=end_ns is not None,
    )


def _trace(run: dict[str, Any]) -> str | None:
    """The trace of a run: as named, or the first of its dotted order, or a root's own id."""
    trace = word(run, "trace_id")
    if trace is not None:
        return trace
    order = word(run, "dotted_order")
    if order is not None:
        return order.split(".")[0].partition("Z")[2] or None
    is_root = "start_time" in run and not run.get("parent_run_id")
    return word(run, "id") if is_root else None


def _fields(run: dict[str, Any], name: str, end_ns: int | None) -> dict[str, Any]:
    extra = mapping(run.get("extra"))
    metadata = mapping(extra.get("metadata"))
    own = {key: value for key, value in metadata.items() if key.startswith(_OWN)}
    said = {key: value for key, value in metadata.items() if key not in own}
    kind = _KINDS.get(str(run["run_type"]).lower(), "other") if run.get("run_type") else None
    parent = word(run, "parent_run_id")
    attributes = {"langsmith.run_id": name}
    attributes |= prefixed("langsmith", {k: v for k, v in run.items() if k not in _MAPPED})
    attributes |= prefixed("langsmith.extra", {k: v for k, v in extra.items() if k != "metadata"})
    attributes |= own
    error = word(run, "error")
    fields = {
        "name": word(run, "name"),
        "kind": kind,
        "parent_id": span_id_of(parent) if parent else None,
        "start_ns": _time(run.get("start_time")),
        "end_ns": end_ns,
        "status": "error" if error else "ok" if end_ns is not None else None,
        "error": error,
        "session": next((text for key in _SESSION_KEYS if (text := word(metadata, key))), None),
        "user": word(metadata, "user_id"),
        "tags": texts(run.get("tags")) or None,
        "metadata": said or None,
        "attributes": attributes,
        "input": run.get("inputs"),
        # A run that was only begun has no outputs, and says so with an empty object.
        "output": unwrapped(run.get("outputs") or None),
    }
    if kind == "retriever" and (found := passages(fields["output"])):
        attributes["langsmith.outputs"] = fields["output"]
        fields["output"] = found
    fields |= _happened(run.get("events"))
    return fields | _call(run, extra, metadata, attributes, is_call=kind == "llm")


def _call(
    run: dict[str, Any],
    extra: dict[str, Any],
    metadata: dict[str, Any],
    attributes: dict[str, Any],
    *,
    is_call: bool,
) -> dict[str, Any]:
    """What a call of a model says; a patch does not repeat that it is one, but looks like it."""
    parameters = mapping(extra.get("invocation_params"))
    outputs = mapping(run.get("outputs"))
    usage = _usage(outputs, metadata) or (_counted(run) if is_call else {})
    if not is_call and not usage:
        return {}
    asked, more_asked = conversation.asked(run.get("inputs"))
    answered, more_answered = conversation.answered(run.get("outputs") or None)
    attributes |= {
        f"langsmith.{place}": rest
        for place, rest in (("inputs", more_asked), ("outputs", more_answered))
        if rest
    }
    cost_usd = money(usage.get("total_cost"))
    if cost_usd is None and is_call:
        cost_usd = money(_counted(run).get("total_cost"))
    model = word(metadata, "ls_model_name") or word(parameters, "model")
    return {
        "input": asked,
        "output": answered,
        "model": word(outputs, "model") or model or word(parameters, "model_name"),
        "provider": word(metadata, "ls_provider"),
        "usage": usage_of(usage, inclusive=_includes_cache(usage)),
        "cost_usd": cost_usd,
        "cost_source": "given" if cost_usd is not None else None,
    }


def _usage(outputs: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """The token counts, wherever this kind of wrapper puts them."""
    message = _message(outputs)
    model_output = mapping(outputs.get("llm_output"))
    places = (
        outputs.get("usage_metadata"),
        metadata.get("usage_metadata"),
        message.get("usage_metadata"),
        model_output.get("token_usage"),
        model_output.get("usage"),
        outputs.get("usage"),
    )
    return next((mapping(place) for place in places if mapping(place)), {})


def _counted(run: dict[str, Any]) -> dict[str, Any]:
    """What LangSmith itself counted, as it exports runs; zeros are runs it knows nothing of.

    Of a run that is no call it is the sum of the calls below.
    """
    if not any(run.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")):
        return {}
    counts = {name: run.get(name) for name in _COUNTED}
    details = {
        "input_token_details": run.get("prompt_token_details"),
        "output_token_details": run.get("completion_token_details"),
    }
    return {name: value for name, value in (counts | details).items() if value is not None}


def _message(outputs: dict[str, Any]) -> dict[str, Any]:
    """The first message LangChain serialised among the outputs."""
    first = outputs.get("generations")
    while isinstance(first, list) and first:
        first = first[0]
    message = mapping(mapping(first).get("message"))
    return mapping(message.get("kwargs")) or message


def _includes_cache(usage: dict[str, Any]) -> bool:
    """Only Anthropic's own counts, which name what was read from a cache so, exclude it."""
    return "cache_read_input_tokens" not in usage and "cache_creation_input_tokens" not in usage


def _happened(events: Any) -> dict[str, Any]:
    if not isinstance(events, list):
        return {}
    found = []
    first_token_ns = None
    for event in events:
        if not isinstance(event, dict):
            continue
        at_ns = _time(event.get("time"))
        name = word(event, "name") or "event"
        if name == "new_token" and first_token_ns is None:
            first_token_ns = at_ns
        rest = {key: value for key, value in event.items() if key not in ("name", "time")}
        found.append({"name": name, "time_ns": at_ns or 0, "attributes": rest})
    return {"events": tuple(found) or None, "first_token_ns": first_token_ns}


def _time(value: Any) -> int | None:
    found = time_ns(value)
    return found if found is not None else number_ns(value, 1_000_000)


# -- feedback ----------------------------------------------------------------------------------


def read_feedback(body: dict[str, Any]) -> Feedback:
    """A judgement. Raises InvalidRequest."""
    key = id_of(body, "key")
    run, trace, session = (word(body, name) for name in ("run_id", "trace_id", "session_id"))
    if not (run or trace or session):
        raise InvalidRequest("the feedback has no target", where="run_id", fix="send a run_id")
    is_root = run is not None and run == trace
    rest = {name: body.get(name) for name in ("value", "correction", "extra", "feedback_group_id")}
    if score_name(key) != key:
        rest["key"] = key
    source = mapping(body.get("feedback_source"))
    return Feedback(
        id=word(body, "id"),
        name=score_name(key),
        trace_id=trace_id_of(trace) if trace else None,
        span_id=span_id_of(run) if run and not is_root else None,
        session=None if run or trace else session,
        reason=word(body, "comment"),
        source="model" if source.get("type") == "model" else "user",
        metadata=prefixed("langsmith", rest),
        **_judged(body),
    )


def _judged(body: dict[str, Any]) -> dict[str, Any]:
    score, value = body.get("score"), body.get("value")
    if isinstance(score, bool):
        return {"passed": score}
    number = finite(score)
    if number is not None:
        return {"value": number}
    number = finite(value)
    if number is not None:
        return {"value": number}
    if isinstance(value, str) and value:
        return {"label": value[:1_000]}
    comment = word(body, "comment")
    if comment is not None:
        return {"label": "comment"}
    raise InvalidRequest("the feedback has no score and no value", where="score")
