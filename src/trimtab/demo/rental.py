"""A made-up conversation with the support agent of a bicycle hire, as OTLP/JSON.

The docs assistant calls one model that costs nothing; this shows what an agent looks like: tools, a
retrieval, prices, a failure that is got over and one that is not. No model was asked: the texts,
times and tokens are invented, and every span says so by the environment and the tag `demo`. What
it costs is worked out by the server from the tokens, as for any other trace.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

MARK = "demo"
SESSION = "demo-rental"
USER = "noor"

_MS = 1_000_000
_GAP_MS = 3
_PAUSE_MS = 9_000

Kind = Literal["AGENT", "CHAIN", "EMBEDDING", "GUARDRAIL", "LLM", "RETRIEVER", "TOOL"]
Turn = dict[str, Any]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One span and those below it, which follow each other, unless one says that it is `beside`.

    Args:
        ms: how long it took, in milliseconds; where there are parts, beside what they took.
        tokens: of the input and the output; of the input, how many the provider had in its cache.
    """

    name: str
    kind: Kind
    asked: Any = None
    gave: Any = None
    ms: int = _GAP_MS
    model: str | None = None
    tokens: tuple[int, int, int] = (0, 0, 0)
    error: str | None = None
    beside: bool = False
    parts: tuple[Part, ...] = ()


def conversation(now_ns: int) -> dict[str, Any]:
    """The three turns as one OTLP export; the last ended at `now_ns`, in Unix nanoseconds."""
    turns = (_where(), _refund(), _invoice())
    start_ns = now_ns - sum(_took_ns(turn) for turn in turns) - _PAUSE_MS * _MS * (len(turns) - 1)
    spans: list[dict[str, Any]] = []
    for turn in turns:
        spans += _spans(turn, secrets.token_hex(16), None, start_ns)
        start_ns += _took_ns(turn) + _PAUSE_MS * _MS
    resource = {"service.name": "bike-hire", "deployment.environment.name": MARK}
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": {"name": "trimtab.demo"}, "spans": spans}],
            }
        ]
    }


# -- what was said -------------------------------------------------------------------------------

_RULES: Turn = {
    "role": "system",
    "content": "You help the guests of a bicycle hire. Look bookings up before you speak of them, "
    "promise only what the terms allow, and name the term you rely on.",
}
_BOOKING = {"booking": "B-3307", "bike": "Tourer 54", "days": 4, "paid_usd": 96, "state": "out"}
_TERM = {
    "id": "terms.md#breakdowns",
    "content": "Each day on which a bicycle cannot be ridden through no fault of the guest is "
    "refunded in full. We bring another one within three hours.",
    "score": 7.9,
}
_OTHER_TERM = {
    "id": "terms.md#damage",
    "content": "Wear, punctures among it, is ours to mend.",
    "score": 5.2,
}
_WHERE = "Hi, this is booking B-3307. Until when do I have the bike?"
_UNTIL = "Until Thursday at 18:00; your booking B-3307 is for four days."
_FLAT = "It has had a flat tyre since this morning and I lost the day. Can I get that day back?"
_REFUNDED = (
    "I am sorry about that. A day on which the bike cannot be ridden is refunded in full "
    "[terms.md#breakdowns]: $24.00 is on its way to your card, and a Tourer 54 will be brought to "
    "you within three hours. I have sent you a mail with both."
)
_BILL = "Thanks! Could you send me an invoice for my company, too?"


def _where() -> Part:
    said = [_RULES, _user(_WHERE)]
    call = _calls(("c1", "find_booking", {"booking": "B-3307"}))
    return _agent(
        _WHERE,
        _UNTIL,
        _llm("choose tools", said, call, ms=520, tokens=(318, 24, 0)),
        _tool("find_booking", {"booking": "B-3307"}, _BOOKING, ms=140),
        _llm("answer", [*said, call, _told("c1", _BOOKING)], _UNTIL, ms=610, tokens=(377, 29, 256)),
    )


def _refund() -> Part:
    said = [_RULES, _user(_WHERE), _assistant(_UNTIL), _user(_FLAT)]
    look = _calls(
        ("c2", "find_booking", {"booking": "B-3307"}),
        ("c3", "search_terms", {"query": "refund for a day with a breakdown"}),
    )
    found = [*said, look, _told("c2", _BOOKING), _told("c3", [_TERM, _OTHER_TERM])]
    pay = _calls(("c4", "refund_day", {"booking": "B-3307", "usd": 24}))
    paid = {"refund": "R-118", "usd": 24, "state": "accepted"}
    return _agent(
        _FLAT,
        _REFUNDED,
        Part(name="injection", kind="GUARDRAIL", asked=_FLAT, gave={"verdict": "pass"}, ms=14),
        _llm("choose tools", said, look, ms=840, tokens=(431, 62, 256)),
        _tool("find_booking", {"booking": "B-3307"}, _BOOKING, ms=150),
        _search("refund for a day with a breakdown"),
        _llm("decide", found, pay, ms=930, tokens=(702, 38, 384)),
        _tool(
            "refund_day",
            {"booking": "B-3307", "usd": 24},
            None,
            ms=2_010,
            error="the payment service did not answer within 2 s",
        ),
        _tool("refund_day", {"booking": "B-3307", "usd": 24}, paid, ms=380),
        _mail(paid),
        _llm(
            "answer", [*found, pay, _told("c4", paid)], _REFUNDED, ms=1_240, tokens=(801, 71, 640)
        ),
    )


def _search(query: str) -> Part:
    embed = Part(
        name="embed",
        kind="EMBEDDING",
        asked=query,
        ms=80,
        model="text-embedding-3-small",
        tokens=(9, 0, 0),
    )
    find = Part(
        name="nearest terms", kind="RETRIEVER", asked=query, gave=[_TERM, _OTHER_TERM], ms=60
    )
    return Part(
        name="search_terms",
        kind="TOOL",
        asked={"query": query},
        gave=[_TERM, _OTHER_TERM],
        beside=True,
        parts=(embed, find),
    )


def _mail(paid: Turn) -> Part:
    said = [
        {"role": "system", "content": "Write short, friendly mails for a bicycle hire."},
        _user("Refund R-118 of $24.00; another Tourer 54 within three hours."),
    ]
    text = "Dear Noor, $24.00 is on its way to you, and so is another Tourer 54."
    draft = _llm("draft", said, text, ms=560, tokens=(58, 27, 0), model="gpt-4o-mini")
    send = _tool("send_mail", {"to": "noor@example.com"}, {"sent": True}, ms=170)
    return Part(name="mail-writer", kind="AGENT", asked=paid, gave=text, parts=(draft, send))


def _invoice() -> Part:
    said = [_RULES, _user(_FLAT), _assistant(_REFUNDED), _user(_BILL)]
    busy = "429: the model is overloaded, try again later"
    failed = _llm("choose tools", said, None, ms=210, error=busy)
    again = _llm("choose tools", said, None, ms=190, error=busy)
    return _agent(_BILL, None, failed, again, error=busy)


def _agent(asked: str, gave: str | None, *parts: Part, error: str | None = None) -> Part:
    return Part(name="rental-agent", kind="AGENT", asked=asked, gave=gave, error=error, parts=parts)


def _llm(
    name: str,
    said: list[Turn],
    answer: Turn | str | None,
    *,
    ms: int,
    tokens: tuple[int, int, int] = (0, 0, 0),
    model: str = "gpt-4o",
    error: str | None = None,
) -> Part:
    turn = _assistant(answer) if isinstance(answer, str) else answer
    gave = None if turn is None else [turn]
    return Part(
        name=name,
        kind="LLM",
        asked=said,
        gave=gave,
        ms=ms,
        model=model,
        tokens=tokens,
        error=error,
    )


def _tool(name: str, asked: Turn, gave: Any, *, ms: int, error: str | None = None) -> Part:
    return Part(name=name, kind="TOOL", asked=asked, gave=gave, ms=ms, error=error)


def _user(text: str) -> Turn:
    return {"role": "user", "content": text}


def _assistant(text: str) -> Turn:
    return {"role": "assistant", "content": text}


def _calls(*calls: tuple[str, str, Turn]) -> Turn:
    """A turn of the model that calls tools, each with its id, name and arguments."""
    made = [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(given)},
        }
        for call_id, name, given in calls
    ]
    return {"role": "assistant", "content": "", "tool_calls": made}


def _told(call: str, result: Any) -> Turn:
    return {"role": "tool", "tool_call_id": call, "content": json.dumps(result)}


# -- as spans ------------------------------------------------------------------------------------


def _took_ns(part: Part) -> int:
    return part.ms * _MS + max((end for _, _, end in _placed(part, 0)), default=0)


def _placed(part: Part, start_ns: int) -> Iterator[tuple[Part, int, int]]:
    """The parts of a part with when each begins and ends."""
    begin = end = start_ns
    for below in part.parts:
        begin = begin if below.beside else end + _GAP_MS * _MS
        here = begin + _took_ns(below)
        end = max(end, here)
        yield below, begin, here


def _spans(
    part: Part, trace_id: str, parent_id: str | None, start_ns: int
) -> Iterator[dict[str, Any]]:
    span_id = secrets.token_hex(8)
    yield {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent_id or "",
        "name": part.name,
        "kind": 1,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + _took_ns(part)),
        "attributes": _attributes(_said(part)),
        "status": {"code": 2, "message": part.error} if part.error else {"code": 1},
    }
    for below, begin, _ in _placed(part, start_ns):
        yield from _spans(below, trace_id, span_id, begin)


def _said(part: Part) -> dict[str, Any]:
    """The attributes of a span, in the words of OpenInference."""
    is_llm = part.kind == "LLM"
    asked, gave = (
        ("llm.input_messages", "llm.output_messages") if is_llm else ("input.value", "output.value")
    )
    attributes: dict[str, Any] = {
        "openinference.span.kind": part.kind,
        "session.id": SESSION,
        "user.id": USER,
        "tag.tags": json.dumps([MARK]),
    }
    attributes |= {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in ((asked, part.asked), (gave, part.gave))
        if value is not None
    }
    if part.model:
        attributes |= {"llm.model_name": part.model, "llm.provider": "openai"}
    if any(part.tokens):
        names = ("prompt", "completion", "prompt_details.cache_read")
        attributes |= {
            f"llm.token_count.{name}": count for name, count in zip(names, part.tokens, strict=True)
        }
    return attributes


def _attributes(said: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue" if isinstance(value, int) else "stringValue": value}}
        for key, value in said.items()
    ]
