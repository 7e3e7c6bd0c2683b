"""However the network cuts a stream, the caller gets the same, and the record says the same."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pytest
from tests.gateway.answers import ANSWERS, CHAT, MESSAGES, RESPONSES
from tests.gateway.gateway import Room, question
from tests.gateway.upstream import stream_of

from trimtab.dialects.llm import DIALECTS
from trimtab.gateway.relay import Relay
from trimtab.kit import jsonx

# Where an answer is whole: of chat completions also where one says why it ended.
LAST = {
    CHAT: re.compile(rb'"finish_reason"\s*:\s*"|\[DONE\]'),
    MESSAGES: re.compile(rb"event: message_stop"),
    RESPONSES: re.compile(rb"event: response.completed"),
}
SHORT = [name for name, one in ANSWERS.items() if len(one.stream) < 20_000]
ASKED = {
    dialect: DIALECTS[dialect].envelope(jsonx.encode(question("m", dialect, stream=True)))
    for dialect in (CHAT, MESSAGES, RESPONSES)
}


class Relayed(NamedTuple):
    """What came out, and what goes on record."""

    data: bytes
    message: Any
    usage: Any
    complete: bool
    error: str | None


def relayed(model: str, to: str, pieces: list[bytes]) -> Relayed:
    """A stream in these pieces, on its way to a caller of a dialect."""
    dialect = ANSWERS[model].dialect
    writer = None if to == dialect else DIALECTS[to].writer(ASKED[to], id="a", created_s=7)
    relay = Relay(DIALECTS[dialect].reader(), writer, hides_usage=to == CHAT)
    found = [piece.data for chunk in pieces for piece in relay.feed(chunk)]
    found += [piece.data for piece in relay.end()]
    fold = relay.fold
    return Relayed(b"".join(found), fold.message, fold.usage, fold.complete, fold.error)


@pytest.mark.parametrize("to", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize("model", SHORT)
def test_a_stream_cut_at_any_byte_is_the_same_stream(model: str, to: str) -> None:
    raw = stream_of(model)
    whole = relayed(model, to, [raw])
    assert whole.complete
    for size in (1, 2, 7, 64):
        pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
        assert relayed(model, to, pieces) == whole
    for cut in range(0, len(raw), 1 + len(raw) // 300):
        assert relayed(model, to, [raw[:cut], raw[cut:]]) == whole


@pytest.mark.parametrize("model", SHORT)
def test_a_stream_that_ends_early_is_not_complete(model: str) -> None:
    raw, dialect = stream_of(model), ANSWERS[model].dialect
    last = LAST[dialect].search(raw)
    assert last is not None
    for cut in range(0, last.start(), 11):
        found = relayed(model, dialect, [raw[:cut]])
        assert not found.complete, raw[:cut][-200:]


@pytest.mark.parametrize(("dialect", "model"), [(CHAT, "oa"), (MESSAGES, "an")])
def test_a_slow_drip_of_bytes_is_the_same_stream(shared: Room, dialect: str, model: str) -> None:
    usage = {"stream_options": {"include_usage": True}} if dialect == CHAT else {}
    reply = shared.ask(dialect, question(f"{model}/drip", dialect, stream=True, **usage))
    assert reply.body == stream_of("plain" if dialect == CHAT else "thinking")
