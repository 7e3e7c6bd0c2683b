"""Structured output: checked, and asked for again where the request says so."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.stations.canary import HIDDEN, MARKER, Canary, answer, read, request, text_of, wire
from tests.stations.wiring import CALLER, JSON, Wired, in_loop, wired

from trimtab.dialects.llm import DIALECTS
from trimtab.dialects.llm.parts import Part, Text, ToolCall
from trimtab.errors import InvalidRequest
from trimtab.gateway.answer import Answer
from trimtab.gateway.hooks import Hooks
from trimtab.gateway.output_check import faults
from trimtab.ports import Call, Reply
from trimtab.records import ModelCard, Price, TieredPrice, Usage
from trimtab.tracing.pricing import Repriced, reprice

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
FORMATS: dict[str, dict[str, Any]] = {
    "openai.chat": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": SCHEMA, "strict": True},
        }
    },
    "openai.responses": {
        "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}
    },
    "anthropic.messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
}
OTHERS = {"anthropic.messages": "openai.chat"}
GOOD, BAD = '{"n": 3}', '{"n": "three"}'


class Learner:
    """Says one thing after the other, the last of them for ever."""

    name = "far"

    def __init__(self, dialect: str, *says: list[Part] | int, price: Price | None = None) -> None:
        each = Price(input=Decimal(1_000_000), output=Decimal(1_000_000))
        self.price = price or each
        self.dialect = dialect
        self.says = list(says)
        self.calls: list[Call] = []

    def cards(self) -> list[ModelCard]:
        return [ModelCard(id="far/m", provider="far", price=self.price)]

    def speaks(self, model: str) -> tuple[str, ...]:
        return (self.dialect,)

    async def send(self, call: Call) -> Reply:
        self.calls.append(call)
        says = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        failed = isinstance(says, int)
        body = b'{"error":{"message":"no"}}' if isinstance(says, int) else b""
        body = body or wire(self.dialect, says, stream=False)[0]  # type: ignore[arg-type]

        async def chunks() -> AsyncIterator[bytes]:
            yield body

        return Reply(status=says if failed else 200, headers=JSON, chunks=chunks())  # type: ignore[arg-type]

    async def aclose(self) -> None:
        pass


def said(text: str) -> list[Part]:
    return answer(Text(text))


def asks(dialect: str, reask: int | None = None, **fields: Any) -> bytes:
    more = {} if reask is None else {"trimtab": {"reask": reask}}
    return request(dialect, "how many?", **FORMATS[dialect], **more, **fields)


async def given(room: Wired, dialect: str, body: bytes) -> tuple[Answer, str]:
    found = await room.gateway.ask(DIALECTS[dialect], body, CALLER)
    whole = b"".join([chunk async for chunk in found.chunks])
    await found.chunks.aclose()
    return found, text_of(read(dialect, whole, stream=False))


@pytest.mark.parametrize("dialect", FORMATS)
@pytest.mark.parametrize("translated", [False, True])
class TestReask:
    def test_a_model_is_told_what_does_not_match_and_asked_again(
        self, tmp_path: Path, dialect: str, translated: bool
    ) -> None:
        spoken = OTHERS.get(dialect, "anthropic.messages") if translated else dialect
        far = Learner(spoken, said("it is three"), said(BAD), said(GOOD))

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                found, text = await given(room, dialect, asks(dialect, 3))
                (span,) = await room.spans()
            assert text == GOOD
            assert found.headers["x-trimtab-output"] == "valid"
            assert found.headers["x-trimtab-reasks"] == "2"
            assert span.attributes["trimtab.output.valid"] is True
            assert span.attributes["trimtab.output.reasks"] == 2
            assert span.usage == Usage(input=21, output=15)
            assert span.cost_usd == Decimal(36)
            assert len(far.calls) == 3
            last = far.calls[2].body.decode()
            for told in ("how many?", "it is three", "not valid JSON", "three", "$.n"):
                assert told in last
            assert "trimtab" not in last

        in_loop(work)

    def test_each_answer_is_priced_by_its_own_size(
        self, tmp_path: Path, dialect: str, translated: bool
    ) -> None:
        """Each has 7 tokens in and 5 out, and none is in the tier for more than 10."""
        spoken = OTHERS.get(dialect, "anthropic.messages") if translated else dialect
        low, high = (Price(input=Decimal(x), output=Decimal(x)) for x in (1_000_000, 9_000_000))
        price = TieredPrice.of(low, above=10, beyond=high)
        far = Learner(spoken, said(BAD), said(BAD), said(GOOD), price=price)

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                await given(room, dialect, asks(dialect, 2))
                (span,) = await room.spans()
            assert span.usage == Usage(input=21, output=15)
            assert span.cost_usd == Decimal(36)

        in_loop(work)

    def test_each_answer_is_priced_by_its_own_size_when_prices_change(
        self, tmp_path: Path, dialect: str, translated: bool
    ) -> None:
        spoken = OTHERS.get(dialect, "anthropic.messages") if translated else dialect
        low, two, high = (
            Price(input=Decimal(x), output=Decimal(x)) for x in (1_000_000, 2_000_000, 9_000_000)
        )
        price = TieredPrice.of(low, above=10, beyond=high)
        far = Learner(spoken, said(BAD), said(BAD), said(GOOD), price=price)

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                await given(room, dialect, asks(dialect, 2))
                await room.spans()
                for new, changed, cost in (
                    (price, 0, 36),
                    (TieredPrice.of(two, above=10, beyond=high), 1, 72),
                    (TieredPrice.of(two, above=6, beyond=high), 1, 324),
                    (low, 1, 36),
                ):
                    done = await asyncio.to_thread(
                        reprice, room.telemetry, CALLER.project, lambda *_, new=new: new
                    )
                    assert done == Repriced(calls=1, changed=changed)
                    (span,) = await room.spans()
                    assert span.cost_usd == Decimal(cost)

        in_loop(work)

    def test_the_last_answer_is_given_and_said_not_to_match(
        self, tmp_path: Path, dialect: str, translated: bool
    ) -> None:
        spoken = OTHERS.get(dialect, "anthropic.messages") if translated else dialect
        far = Learner(spoken, said("no"), said("still no"), said(BAD))

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                found, text = await given(room, dialect, asks(dialect, 2))
                (span,) = await room.spans()
            assert text == BAD
            assert found.headers["x-trimtab-output"] == "invalid"
            assert len(far.calls) == 3
            assert span.attributes["trimtab.output.valid"] is False
            assert span.attributes["trimtab.output.fault"] == "type at $.n"

        in_loop(work)


class TestBounds:
    @pytest.mark.parametrize(("text", "valid"), [(GOOD, True), (BAD, False), ("x", False)])
    def test_without_being_told_to_an_answer_is_only_checked(
        self, tmp_path: Path, text: str, valid: bool
    ) -> None:
        far = Learner("openai.chat", said(text))

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                found, same = await given(room, "openai.chat", asks("openai.chat"))
                (span,) = await room.spans()
            assert (same, len(far.calls)) == (text, 1)
            assert span.attributes["trimtab.output.valid"] is valid
            assert found.headers["x-trimtab-output"] == ("valid" if valid else "invalid")
            assert "x-trimtab-reasks" not in found.headers

        in_loop(work)

    @pytest.mark.parametrize("failure", [400, 500])
    def test_an_error_on_the_way_leaves_the_answer_there_is(
        self, tmp_path: Path, failure: int
    ) -> None:
        far = Learner("openai.chat", said(BAD), failure)

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                found, text = await given(room, "openai.chat", asks("openai.chat", 2))
                (span,) = await room.spans()
            assert (found.status, text) == (200, BAD)
            assert len(far.calls) == 2
            assert (span.status, span.usage) == ("ok", Usage(input=7, output=5))

        in_loop(work)

    def test_a_call_of_a_tool_is_no_answer_to_check(self, tmp_path: Path) -> None:
        call = ToolCall(index=0, id="c", name="f", arguments="{}")
        far = Learner("openai.chat", answer(call, finish="tool_calls"))

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                found, _ = await given(room, "openai.chat", asks("openai.chat", 2))
            assert len(far.calls) == 1
            assert "x-trimtab-output" not in found.headers

        in_loop(work)

    @pytest.mark.parametrize("reask", [4, -1, True, "2", 1.0])
    def test_a_number_out_of_bounds_is_refused(self, tmp_path: Path, reask: Any) -> None:
        far = Learner("openai.chat", said(GOOD))

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                with pytest.raises(InvalidRequest) as caught:
                    await given(room, "openai.chat", asks("openai.chat", reask))
                assert caught.value.where == "trimtab.reask"
                assert room.gateway.in_flight == 0

        in_loop(work)

    @pytest.mark.parametrize("fields", [{"stream": True}, {"response_format": {"type": "text"}}])
    def test_what_cannot_be_asked_again_is_refused(
        self, tmp_path: Path, fields: dict[str, Any]
    ) -> None:
        far = Learner("openai.chat", said(GOOD))
        body = {**json.loads(asks("openai.chat", 1)), **fields}

        async def work() -> None:
            async with wired(tmp_path, providers=[far]) as room:
                with pytest.raises(InvalidRequest, match="only a whole answer"):
                    await given(room, "openai.chat", json.dumps(body).encode())

        in_loop(work)

    def test_guards_see_the_answer_that_is_given(self, tmp_path: Path) -> None:
        far = Learner("openai.chat", said(MARKER), said(json.dumps({"n": 1})))
        hooks = Hooks([Canary(stage="output")])

        async def work() -> None:
            async with wired(tmp_path, providers=[far], hooks=hooks) as room:
                _, text = await given(room, "openai.chat", asks("openai.chat", 1))
                (span,) = await room.spans()
            assert json.loads(text) == {"n": 1}
            assert MARKER not in str(span)
            assert HIDDEN not in text

        in_loop(work)


class TestCheck:
    @pytest.mark.parametrize(
        ("text", "schema", "where"),
        [
            ('{"a": [1, "x"]}', {"properties": {"a": {"items": {"type": "integer"}}}}, "$.a[1]"),
            ("{}", {"required": ["a"]}, "$"),
            ("[1", {}, "$"),
            ("", {}, "$"),
            ('{"a": 1} trailing', {}, "$"),
            ('"x"', {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, "$"),
        ],
    )
    def test_a_fault_is_where_it_is(self, text: str, schema: Any, where: str) -> None:
        found = faults(text, schema)
        assert found
        assert found[0].where == where

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "nonsense"},
            {"properties": 3},
            {"$ref": "#"},
            {"$ref": "#/nowhere"},
            {"$ref": "http://127.0.0.1:9/schema"},
            {"patternProperties": {"a": {}}},
        ],
    )
    def test_a_schema_that_cannot_be_tried_says_nothing(self, schema: Any) -> None:
        assert faults('{"a": 1}', schema) is None

    def test_no_schema_takes_long(self) -> None:
        """Each level is looked at twice, and asks for the next one twice."""
        levels = {f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(40)}
        schema = {"$ref": "#/$defs/l0", "$defs": {**levels, "l40": {"type": "integer"}}}
        started_s = time.thread_time()
        assert faults("1", schema) is None
        assert time.thread_time() - started_s < 5

    def test_regular_expressions_are_not_tried(self) -> None:
        assert faults(json.dumps("a" * 60 + "b"), {"pattern": "^(a+)+$"}) == []
