"""A recorded span as a column: what was asked, as it was asked, in the shape of chat messages.

Spans of the gateway say what their requests set (`trimtab.request`, in the dialect of the caller);
spans from elsewhere say it in the attributes of their conventions. What is not known is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from trimtab.conventions.messages import messages as read_messages
from trimtab.dialects import conversation
from trimtab.dialects.llm import DIALECTS
from trimtab.errors import InvalidRequest, TrimtabError
from trimtab.kit import jsonx
from trimtab.playground.column import Column, Turn
from trimtab.records import Prompt, Release, Span
from trimtab.signals.secrets.signal import Secrets
from trimtab.signals.text import Text

_REDACTED = re.compile(r"\[[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*(?:_\d+)?\]|<[A-Z][A-Z0-9_]*_\d+>")
_OWN = "trimtab."
_GEN_AI = "gen_ai.request."
_PARAMETERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_completion_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop_sequences": "stop",
    "choice.count": "n",
}
_JSON_PARAMETERS = ("llm.invocation_parameters", "langfuse.observation.model.parameters")
_TOOLS = ("gen_ai.tool.definitions",)
_NOT_PARAMETERS = frozenset({"model", "messages", "stream", "stream_options", "tools"})
# Members of a request that hold its words, by dialect: the messages, and what lies beside them.
_WORDS = {
    "anthropic.messages": ("messages", "system"),
    "openai.responses": ("input", "instructions"),
}


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a recorded message that is not what was said, or should not be sent on.

    `redacted`: a placeholder stands in its place. `secret`: it looks like a credential. `start` and
    `end` count characters of the text at `where`.
    """

    where: str
    what: str
    kind: str
    start: int
    end: int


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A column made of a span, and what is to know of it.

    `answered_by` is the model that answered; `prompt`, `release` and `dialect` are those of the
    call. `lost` are members of the request that chat completions cannot say, and what of its
    release another model is not asked with; `unknown` parts that are not on record, `marks` what
    was hidden or should be.
    """

    column: Column
    trace_id: str
    span_id: str
    answered_by: str | None = None
    prompt: str | None = None
    release: str | None = None
    dialect: str | None = None
    lost: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()


def recorded(
    span: Span,
    trace: Sequence[Span],
    *,
    release: Release | None = None,
    prompt: Prompt | None = None,
) -> Recorded:
    """The column of a span.

    Args:
        trace: all spans of its trace.
        release: the release that answered.
        prompt: that of the release.
    Raises:
        InvalidRequest: the span is no call of a model, or its words are not on record.
    """
    call = _call(span, trace)
    attributes = {**span.attributes, **call.attributes}
    dialect = attributes.get("trimtab.dialect")
    asked = _asked(span, call, dialect, attributes)
    by_prompt = span.prompt is not None and release is None and span.kind == "chain"
    variables = attributes.get("trimtab.variables")
    opened = release if span.kind == "chain" else None
    kept = _kept(opened)
    if opened is not None and not kept:
        by_prompt = prompt is not None
        asked = _with_release(asked, opened, prompt)
    of_release = prompt.ref if prompt is not None and opened is not None else span.prompt
    column = Column(
        model=_model(span, call, None if release is None else release.ref),
        prompt=of_release if by_prompt else None,
        messages=asked.turns,
        variables=variables if isinstance(variables, dict) and span.kind == "chain" else {},
        parameters=asked.parameters,
        tools=asked.tools,
    )
    return Recorded(
        column=column,
        trace_id=span.trace_id,
        span_id=span.span_id,
        answered_by=call.model,
        prompt=span.prompt or call.prompt,
        release=None if release is None else release.ref,
        dialect=dialect,
        lost=(*asked.lost, *kept),
        unknown=tuple(_unknown(attributes, column, by_prompt=by_prompt)),
        marks=tuple(_marks(column)),
    )


def _kept(release: Release | None) -> tuple[str, ...]:
    """What only the release itself can be asked with, where it does more than open a request."""
    if release is None or (release.retrieval is None and release.guard_policy is None):
        return ()
    parts = {
        "prompt": release.prompt,
        "parameters": release.parameters,
        "retrieval": release.retrieval,
        "guard policy": release.guard_policy,
    }
    said = " and ".join(name for name, value in parts.items() if value)
    return (f"{said} of {release.ref}, when another model is asked",)


def _with_release(asked: _Asked, release: Release, prompt: Prompt | None) -> _Asked:
    """What was asked with what the release decided over it, as it does in a call."""
    decided = {**(prompt.parameters if prompt is not None else {}), **release.parameters}
    own_tools = prompt is not None and prompt.tools
    return msgspec.structs.replace(
        asked,
        parameters={**asked.parameters, **decided},
        tools=None if own_tools else asked.tools,
    )


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    turns: tuple[Turn, ...]
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] | None = None
    lost: tuple[str, ...] = ()


def _call(span: Span, trace: Sequence[Span]) -> Span:
    """The call of a model that a span is, or that is the first below it."""
    if span.kind == "llm":
        return span
    below = {span.span_id}
    for one in sorted(trace, key=lambda each: each.start_ns):
        if one.parent_id in below:
            below.add(one.span_id)
            if one.kind == "llm":
                return one
    raise InvalidRequest(
        f"the span {span.span_id} is no call of a model, and has none below it",
        where="span_id",
        fix="name a span of the kind llm, or the root of a call of the gateway",
    )


def _model(span: Span, call: Span, release: str | None) -> str:
    model = (release or span.route if span.parent_id is None else None) or call.model
    if model is None:
        raise InvalidRequest(
            "it is not on record which model was asked", where="span_id", fix="name another span"
        )
    return model


def _asked(span: Span, call: Span, dialect: Any, attributes: Mapping[str, Any]) -> _Asked:
    said = span.input if span.input is not None else call.input
    request = attributes.get("trimtab.request")
    fields = dict(request) if isinstance(request, dict) else {}
    if isinstance(dialect, str) and dialect in _WORDS and isinstance(said, list):
        try:
            return _translated(dialect, said, fields)
        except TrimtabError:
            # Redaction may have left what the dialect does not take; the words are there still.
            fields = {}
    if not isinstance(dialect, str):
        fields = _foreign(attributes)
    if said == [] and span.prompt is not None:
        return _chat([], fields)  # The prompt had all the words.
    turns, rest = conversation.asked(said)
    turns = read_messages(turns) if isinstance(turns, list) else None
    if not turns:
        raise InvalidRequest(
            "what was asked is not on record as messages",
            where="span_id",
            fix="name a span of the kind llm",
        )
    return _chat(turns, {**rest, **fields})


def _translated(dialect: str, said: list[Any], fields: dict[str, Any]) -> _Asked:
    """A request of another dialect as chat completions have it. Raises InvalidRequest."""
    words, beside = _WORDS[dialect]
    body: dict[str, Any] = {"model": "-", **fields}
    first = said[0] if said and isinstance(said[0], dict) else {}
    if first.get("role") == "system":
        body[beside], said = first.get("content"), said[1:]
    body[words] = said
    if dialect == "anthropic.messages":
        body.setdefault("max_tokens", 4096)
    spoken = DIALECTS[dialect]
    question = spoken.question(spoken.envelope(jsonx.encode(body)))
    asked = DIALECTS["openai.chat"].ask(question, model="-")
    wire: dict[str, Any] = jsonx.decode(asked.body)
    if "max_tokens" not in fields and dialect == "anthropic.messages":
        wire.pop("max_completion_tokens", None)
    found = _chat(wire["messages"], wire)
    return msgspec.structs.replace(found, lost=(*question.lost, *asked.lost))


def _chat(turns: Sequence[Any], wire: Mapping[str, Any]) -> _Asked:
    names = Turn.__struct_fields__
    read = []
    for place, turn in enumerate(turns):
        known = {name: turn[name] for name in names if turn.get(name) is not None}
        try:
            read.append(msgspec.convert(known, Turn))
        except msgspec.ValidationError as error:
            raise InvalidRequest(
                f"a recorded message cannot be read: {error}", where=f"input[{place}]"
            ) from None
    tools = wire.get("tools")
    return _Asked(
        turns=tuple(read),
        parameters={
            name: value
            for name, value in wire.items()
            if name not in _NOT_PARAMETERS and value is not None
        },
        tools=tuple(tools) if isinstance(tools, list) and tools else None,
    )


def _foreign(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a span of another program says of its request."""
    found: dict[str, Any] = {}
    for name in _JSON_PARAMETERS:
        given = _json(attributes.get(name))
        if isinstance(given, dict):
            found |= {key: one for key, one in given.items() if key not in _NOT_PARAMETERS}
    for name, ours in _PARAMETERS.items():
        if (value := attributes.get(_GEN_AI + name)) is not None:
            found[ours] = value
    for name in _TOOLS:
        tools = _json(attributes.get(name))
        if isinstance(tools, list):
            found["tools"] = [one for one in tools if isinstance(one, dict)]
    return found


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return jsonx.decode(value.encode("utf-8", "replace"))
    except InvalidRequest:
        return None


def _unknown(attributes: Mapping[str, Any], column: Column, *, by_prompt: bool) -> Iterator[str]:
    left_out = attributes.get("trimtab.left_out")
    if isinstance(left_out, list):
        yield from (str(one) for one in left_out)
    if any(name.startswith(_OWN) for name in attributes):
        return
    if not column.parameters:
        yield "parameters"
    if column.tools is None:
        yield "tools"
    if by_prompt and not column.variables:
        yield "variables"


def _marks(column: Column) -> Iterator[Mark]:
    secrets = Secrets()
    for where, text in _texts(column):
        for hidden in _REDACTED.finditer(text):
            kind = hidden.group().strip("[]<>").lower()
            start, end = hidden.span()
            yield Mark(where=where, what="redacted", kind=kind, start=start, end=end)
        for one in secrets.read(Text(text)).findings:
            yield Mark(where=where, what="secret", kind=one.kind, start=one.start, end=one.end)


def _texts(column: Column) -> Iterator[tuple[str, str]]:
    for place, turn in enumerate(column.messages):
        yield from _strings(turn.content, f"messages[{place}].content")
        yield from _strings(turn.tool_calls or None, f"messages[{place}].tool_calls")
    yield from _strings(column.variables, "variables")


def _strings(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _strings(item, f"{where}[{place}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _strings(item, f"{where}.{name}")
