"""Policies at work on calls: what models, callers and records get."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.guards.marks import KEEP, MARK, Marks, ready
from tests.stations.canary import (
    ASKED_IN,
    Speaker,
    answer,
    arguments_of,
    calls,
    pieces,
    read,
    request,
    text_of,
)
from tests.stations.test_hooks import asked, on_disk
from tests.stations.wiring import RETRIEVAL, Wired, deployment, in_loop, wired

from trimtab.dialects.llm.parts import Finished, Part, Text
from trimtab.errors import Blocked
from trimtab.gateway.cache import AnswerCache
from trimtab.gateway.hooks import Hooks
from trimtab.guards.policy import ReadyPolicy
from trimtab.kit.clock import SystemClock
from trimtab.ports import ScoreQuery
from trimtab.records import GuardRule, ModelTarget, RecordRules, Route, Score, Span
from trimtab.records.route import CacheSettings
from trimtab.signals.pii.signal import Pii
from trimtab.signals.signal import Signal

EMAIL, OTHER = "ann.smith@example.org", "bo@example.net"
PII: dict[str, Signal] = {"pii": Pii()}


def hooks(policy: ReadyPolicy) -> Callable[[], Hooks]:
    def begin() -> Hooks:
        watch = policy.begin()
        redact = watch.redaction.spans if watch.redaction is not None else None
        return Hooks(watch.guards, redact=redact)

    return begin


def sent(far: Speaker, at: int = -1) -> str:
    """The texts that the model got."""
    return json.dumps(json.loads(far.calls[at].body), ensure_ascii=False)


async def entries(room: Wired) -> dict[str, dict[str, Any]]:
    """What each guard did, by its name, of the newest call."""
    spans = [span for span in await room.spans() if "trimtab.guards" in span.attributes]
    return {entry["name"]: entry for entry in spans[-1].attributes["trimtab.guards"]}


async def scores(room: Wired) -> list[Score]:
    await room.spans()
    return await asyncio.to_thread(room.telemetry.scores, ScoreQuery(limit=1000))


# -- shadow ------------------------------------------------------------------------------------

SHADOW = ready(
    GuardRule(signal="marks", on=("input",), action="block"),
    GuardRule(signal="marks", name="out", on=("output",), action="redact"),
    mode="shadow",
)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asked_in", ASKED_IN)
def test_shadow_changes_no_byte_and_says_what_it_would_have_done(
    tmp_path: Path, asked_in: str, stream: bool
) -> None:
    body = request(asked_in, f"say {MARK}", stream=stream)
    said: list[bytes] = []
    told: list[bytes] = []

    async def work() -> None:
        for data, hook in (("without", None), ("with", hooks(SHADOW))):
            far = Speaker(asked_in, answer(*pieces(f"so: {MARK}!", 4)))
            async with wired(tmp_path / data, providers=[far], hooks=hook) as room:
                said.append(await asked(room, asked_in, body))
                told.append(far.calls[0].body)
                if hook is not None:
                    found = await entries(room)
        assert said[0] == said[1]
        assert told[0] == told[1]
        assert {name: one["would"] for name, one in found.items()} == {
            "marks": "block",
            "out": "redact",
        }
        assert {one["action"] for one in found.values()} == {"pass"}
        (place,) = found["out"]["findings"]
        assert (place["start"], place["end"]) == (4, 4 + len(MARK))

    for name in ("without", "with"):
        (tmp_path / name).mkdir()
    in_loop(work)


def test_shadow_lets_pass_what_guards_cannot_read(tmp_path: Path) -> None:
    twice = b'{"model":"far/m","messages":[{"role":"user","content":"a","content":"b"}]}'

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        async with wired(tmp_path, providers=[far], hooks=hooks(SHADOW)) as room:
            assert text_of(
                read("openai.chat", await asked(room, "openai.chat", twice), stream=False)
            )
            found = await entries(room)
            kept = {one.name: one for one in await scores(room)}
        assert found["marks"]["action"] == "skipped"
        assert (kept["guard.marks"].status, kept["guard.marks"].passed) == ("unscored", None)
        assert kept["guard.marks"].reason

    in_loop(work)


@pytest.mark.parametrize("fails", [True, False])
def test_a_slow_or_failing_shadow_delays_nothing(tmp_path: Path, fails: bool) -> None:
    marks = Marks("marks", fails=fails)
    policy = ready(
        GuardRule(signal="marks", on=("input",), action="block", budget_ms=20),
        mode="shadow",
        signals={"marks": marks},
    )
    marks._takes_s = 0.0 if fails else 0.5

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        body = request("openai.chat", "a" * 40_000)
        async with wired(tmp_path, providers=[far], hooks=hooks(policy)) as room:
            assert await asked(room, "openai.chat", body)
            found = await entries(room)
            (kept,) = await scores(room)
        assert found["marks"]["action"] == ("error" if fails else "timeout")
        assert (kept.status, kept.passed) == ("error" if fails else "timeout", None)

    in_loop(work)


# -- scores ------------------------------------------------------------------------------------


def test_verdicts_are_scores_of_the_span(tmp_path: Path) -> None:
    policy = ready(
        GuardRule(signal="marks", on=("input", "output"), action="redact", threshold=0.7),
        GuardRule(signal="marks", name="looks", on=("input",), action="review"),
        GuardRule(signal="marks", name="passes", on=("input",), settings={"word": "nothing"}),
        GuardRule(signal="marks", name="silent", on=("input",), settings={"silent": True}),
    )

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text(f"so {MARK}")))
        async with wired(tmp_path, providers=[far], hooks=hooks(policy)) as room:
            await asked(room, "openai.chat", request("openai.chat", f"x {MARK}"))
            call = next(one for one in await room.spans() if "trimtab.guards" in one.attributes)
            found = await scores(room)
        by_name: dict[str, list[Score]] = {}
        for one in found:
            assert (one.target.id, one.target.trace_id) == (call.span_id, call.trace_id)
            by_name.setdefault(one.name, []).append(one)
        both = by_name["guard.marks"]
        assert {one.metadata["stage"] for one in both} == {"input", "output"}
        for one in both:
            assert (one.status, one.passed, one.label, one.value) == ("scored", False, "replace", 1)
            assert (one.scorer_version, one.metadata["threshold"]) == ("4", 0.7)
            assert one.digest
            assert one.latency_ms is not None
            assert one.metadata["findings"][0]["kind"] == "mark"
        assert by_name["guard.passes"][0].passed is True
        assert by_name["guard.silent"][0].status == "unscored"
        (pending,) = by_name["guard.looks.review"]
        assert (pending.label, pending.passed) == ("pending", None)
        assert MARK not in str(found)

    in_loop(work)


# -- tokens ------------------------------------------------------------------------------------

TOKENS = ready(
    GuardRule(signal="pii", on=("input", "context", "tool"), action="tokenise"), signals=PII
)


@pytest.mark.parametrize("size", [1, 5, 200])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("asked_in", ["openai.chat", "openai.responses", "anthropic.messages"])
def test_values_come_back_and_models_and_records_see_tokens(
    tmp_path: Path, asked_in: str, stream: bool, size: int
) -> None:
    says = f"Write to {EMAIL}, not to {OTHER}. {EMAIL}!"
    arguments = '{"to": "<EMAIL_ADDRESS_1>", "cc": ["\\u003cEMAIL_ADDRESS_2\\u003e"], "n": "<X_1>"}'
    parts: list[Part] = [
        *pieces("I wrote to <EMAIL_ADDRESS_1> <EMAIL_ADDRESS_1>, <EMAIL_ADDRESS_9> & <EM", size),
        *calls(arguments, size),
    ]

    async def work() -> None:
        far = Speaker(asked_in, answer(*parts, finish="tool_calls"))
        async with wired(tmp_path, providers=[far], hooks=hooks(TOKENS)) as room:
            body = await asked(room, asked_in, request(asked_in, says, stream=stream))
            spans = await room.spans()
        told = sent(far)
        assert "Write to <EMAIL_ADDRESS_1>, not to <EMAIL_ADDRESS_2>. <EMAIL_ADDRESS_1>!" in told
        heard = read(asked_in, body, stream=stream)
        assert text_of(heard) == f"I wrote to {EMAIL} {EMAIL}, <EMAIL_ADDRESS_9> & <EM"
        assert json.loads(arguments_of(heard)) == {"to": EMAIL, "cc": [OTHER], "n": "<X_1>"}
        for stored in (told, str(spans)):
            assert EMAIL not in stored
            assert OTHER not in stored
        assert EMAIL.encode() not in on_disk(tmp_path)

    in_loop(work)


def test_values_of_one_call_are_unknown_to_another(tmp_path: Path) -> None:
    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("to <EMAIL_ADDRESS_1>")))
        async with wired(tmp_path, providers=[far], hooks=hooks(TOKENS)) as room:

            async def one(text: str) -> str:
                body = await asked(room, "openai.chat", request("openai.chat", text))
                return text_of(read("openai.chat", body, stream=False))

            people = [f"p{n}@example.org" for n in range(20)]
            found = await asyncio.gather(*(one(f"I am {who}") for who in people), one("hello"))
        assert found == [*(f"to {who}" for who in people), "to <EMAIL_ADDRESS_1>"]

    in_loop(work)


def test_a_conversation_at_the_provider_gets_tokens_of_its_own(tmp_path: Path) -> None:
    async def work() -> None:
        far = Speaker("openai.responses", answer(Text("to <EMAIL_ADDRESS_1>")))
        async with wired(tmp_path, providers=[far], hooks=hooks(TOKENS)) as room:
            body = request("openai.responses", f"{EMAIL}", previous_response_id="resp_1")
            heard = read(
                "openai.responses", await asked(room, "openai.responses", body), stream=False
            )
        assert text_of(heard) == "to <EMAIL_ADDRESS_1>"
        assert EMAIL not in sent(far)

    in_loop(work)


def test_a_value_in_the_arguments_of_an_earlier_call_comes_back(tmp_path: Path) -> None:
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": json.dumps({"to": EMAIL})},
    }
    messages = [
        {"role": "user", "content": "write"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": f"sent to {EMAIL}"},
    ]

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("done: <EMAIL_ADDRESS_1>")))
        async with wired(tmp_path, providers=[far], hooks=hooks(TOKENS)) as room:
            body = await asked(room, "openai.chat", request("openai.chat", "", messages=messages))
        assert EMAIL not in sent(far)
        assert sent(far).count("<EMAIL_ADDRESS_1>") == 2
        assert text_of(read("openai.chat", body, stream=False)) == f"done: {EMAIL}"

    in_loop(work)


def test_without_values_no_answer_is_held(tmp_path: Path) -> None:
    async def work() -> None:
        far = Speaker("openai.chat", answer(*pieces("nothing to hide here", 3)))
        async with wired(tmp_path, providers=[far], hooks=hooks(TOKENS)) as room:
            given = await room.start(request("openai.chat", "hello", stream=True))
            chunks = [chunk async for chunk in given.chunks]
            await given.chunks.aclose()
        assert len(chunks) > 5

    in_loop(work)


# -- records -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["shadow", "flag", "enforce"])
@pytest.mark.parametrize("stream", [False, True])
def test_secrets_are_hidden_in_records_in_every_mode(
    tmp_path: Path, mode: Any, stream: bool
) -> None:
    secrets: dict[str, Signal] = {"secrets": Marks("secrets", kind="api_key")}
    policy = ready(GuardRule(signal="marks"), mode=mode, record=RecordRules(), signals=secrets)
    ended: list[Span] = []

    async def work() -> None:
        far = Speaker("openai.chat", answer(*pieces(f"it is {MARK}", 2)))
        async with wired(tmp_path, providers=[far], hooks=hooks(policy)) as room:
            body = await asked(
                room, "openai.chat", request("openai.chat", f"my {MARK}", stream=stream)
            )
            ended.extend(await room.spans())
        assert MARK in sent(far)
        assert text_of(read("openai.chat", body, stream=stream)) == f"it is {MARK}"
        (call,) = (span for span in ended if "trimtab.guards" in span.attributes)
        assert "my [API_KEY]" in str(call.input)
        assert "it is [API_KEY]" in str(call.output)
        assert MARK.encode() not in on_disk(tmp_path)

    in_loop(work)


def test_what_is_left_of_a_call_is_redacted_when_its_caller_leaves(tmp_path: Path) -> None:
    secrets: dict[str, Signal] = {"secrets": Marks("secrets", kind="api_key")}
    rule = GuardRule(signal="marks", on=("input", "output"))
    policy = ready(rule, mode="shadow", record=RecordRules(), signals=secrets)

    async def work() -> None:
        far = Speaker("openai.chat", answer(*pieces(f"it is {MARK} and more", 4)))
        async with wired(tmp_path, providers=[far], hooks=hooks(policy)) as room:
            given = await room.start(request("openai.chat", f"my {MARK}", stream=True))
            await anext(given.chunks)
            await given.chunks.aclose()
            (call,) = await room.spans()
            found = await scores(room)
        assert call.status == "cancelled"
        assert MARK.encode() not in on_disk(tmp_path)
        assert all(one.passed is not True for one in found if one.metadata["stage"] == "output")

    in_loop(work)


@pytest.mark.parametrize(("pii", "kept"), [("redact", False), ("keep", True)])
def test_personal_data_is_hidden_in_records_where_the_policy_says(
    tmp_path: Path, pii: Any, kept: bool
) -> None:
    record = RecordRules(secrets="keep", pii=pii)
    policy = ready(GuardRule(signal="marks"), mode="shadow", record=record, signals=PII)

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        async with wired(tmp_path, providers=[far], hooks=hooks(policy)) as room:
            await asked(room, "openai.chat", request("openai.chat", f"I am {EMAIL}"))
            (call,) = await room.spans()
        assert (EMAIL in str(call.input)) is kept

    in_loop(work)


# -- retrieved ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["shadow", "enforce"])
def test_what_was_retrieved_is_read_as_context(tmp_path: Path, mode: Any) -> None:
    port = {"word": "7711"}
    rules = (
        GuardRule(signal="marks", name="c", on=("context",), action="redact", settings=port),
        GuardRule(signal="marks", name="t", on=("tool",), action="block", settings=port),
    )
    policy = ready(*rules, mode=mode)

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        release = deployment(far, "m", retrieval=RETRIEVAL)
        async with wired(
            tmp_path, providers=[far], deployments=[release], hooks=hooks(policy)
        ) as room:
            question = "Which port does the widget server listen on?"
            body = request("openai.chat", question, model="widgets")
            await asked(room, "openai.chat", body)
            found = await entries(room)
        assert ("7711" in sent(far)) is (mode == "shadow")
        assert found["c"].get("would") == ("redact" if mode == "shadow" else None)
        assert "t" not in found

    in_loop(work)


# -- again -------------------------------------------------------------------------------------


class Changing(Speaker):
    """Says another text to each call; the last for ever."""

    def __init__(self, dialect: str, *texts: str) -> None:
        super().__init__(dialect)
        self.texts = list(texts)

    async def send(self, call: Any) -> Any:
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        self.parts = answer(Text(text))
        return await super().send(call)


AGAIN = ready(GuardRule(signal="marks", on=("output",), action="regenerate", attempts=2))


@pytest.mark.parametrize("asked_in", ["openai.chat", "openai.responses", "anthropic.messages"])
@pytest.mark.parametrize(
    ("texts", "calls_made", "given"),
    [
        (("fine",), 1, "fine"),
        ((MARK, "fine"), 2, "fine"),
        ((MARK, MARK, "fine"), 3, "fine"),
        ((MARK, MARK, MARK, "fine"), 3, None),
    ],
)
def test_an_answer_is_asked_for_again_and_withheld_at_last(
    tmp_path: Path, asked_in: str, texts: tuple[str, ...], calls_made: int, given: str | None
) -> None:
    async def work() -> None:
        far = Changing(asked_in, *texts)
        async with wired(tmp_path, providers=[far], hooks=hooks(AGAIN)) as room:
            body = await asked(room, asked_in, request(asked_in, "say it"))
            call = next(one for one in await room.spans() if "trimtab.guards" in one.attributes)
        heard = read(asked_in, body, stream=False)
        assert len(far.calls) == calls_made
        assert call.usage is not None
        assert (call.usage.input, call.usage.output) == (7 * calls_made, 5 * calls_made)
        assert call.attributes.get("trimtab.output.regenerated", 0) == calls_made - 1
        if given is None:
            assert MARK not in text_of(heard)
            reasons = {part.reason for part in heard if isinstance(part, Finished)}
            assert reasons <= {"content_filter", "refusal"}
            assert call.attributes["trimtab.blocked"] == "marks"
        else:
            assert text_of(heard) == given
        if calls_made > 1:
            assert "breaks the rule 'marks'" in sent(far)
        assert MARK not in str(call)

    in_loop(work)


def test_a_stream_is_withheld_instead(tmp_path: Path) -> None:
    async def work() -> None:
        far = Changing("openai.chat", MARK, "fine")
        async with wired(tmp_path, providers=[far], hooks=hooks(AGAIN)) as room:
            body = await asked(room, "openai.chat", request("openai.chat", "say it", stream=True))
        assert len(far.calls) == 1
        assert MARK not in text_of(read("openai.chat", body, stream=True))

    in_loop(work)


def test_a_block_is_an_error_in_the_words_of_its_rule(tmp_path: Path) -> None:
    policy = ready(GuardRule(signal="marks", action="block", message="ask somebody else"))

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        async with wired(tmp_path, providers=[far], hooks=hooks(policy)) as room:
            with pytest.raises(Blocked) as caught:
                await asked(room, "openai.chat", request("openai.chat", MARK))
            (call, child) = await room.spans()
        assert caught.value.what == "ask somebody else"
        assert far.calls == []
        assert call.attributes["trimtab.blocked"] == "marks"
        assert (child.kind, child.name) == ("guard", "marks")

    in_loop(work)


@pytest.mark.parametrize("says", [MARK, "fine"])
def test_a_rule_beside_the_call_may_refuse_its_answer(tmp_path: Path, says: str) -> None:
    policy = ready(GuardRule(signal="marks", action="block", parallel=True))

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("fine")))
        async with wired(tmp_path, providers=[far], hooks=hooks(policy)) as room:
            if says == MARK:
                with pytest.raises(Blocked):
                    await asked(room, "openai.chat", request("openai.chat", says))
            else:
                assert await asked(room, "openai.chat", request("openai.chat", says))

    in_loop(work)


def test_records_that_hide_nothing_keep_everything() -> None:
    policy = ready(GuardRule(signal="marks"), mode="shadow", record=KEEP)
    assert policy.begin().redaction is None


def test_equal_requests_share_an_answer_and_get_their_own_values_back(tmp_path: Path) -> None:
    route = Route(
        name="cached",
        targets=(ModelTarget(model="far/m"),),
        cache=CacheSettings(shared=True),
    )

    async def work() -> None:
        far = Speaker("openai.chat", answer(Text("to <EMAIL_ADDRESS_1>")))
        cache = AnswerCache(SystemClock(), limit_bytes=1 << 20)
        async with wired(
            tmp_path, providers=[far], routes=[route], cache=cache, hooks=hooks(TOKENS)
        ) as room:
            found = []
            for who in (EMAIL, OTHER):
                body = request("openai.chat", f"write to {who}", model="cached")
                said = await asked(room, "openai.chat", body)
                found.append(text_of(read("openai.chat", said, stream=False)))
        assert found == [f"to {EMAIL}", f"to {OTHER}"]
        assert len(far.calls) == 1

    in_loop(work)


def test_a_withheld_answer_is_not_kept_for_others(tmp_path: Path) -> None:
    route = Route(name="cached", targets=(ModelTarget(model="far/m"),), cache=CacheSettings())

    async def work() -> None:
        far = Changing("openai.chat", MARK, "fine")
        cache = AnswerCache(SystemClock(), limit_bytes=1 << 20)
        async with wired(
            tmp_path, providers=[far], routes=[route], cache=cache, hooks=hooks(AGAIN)
        ) as room:
            for _ in range(2):
                body = request("openai.chat", "say it", model="cached")
                said = await asked(room, "openai.chat", body)
                assert text_of(read("openai.chat", said, stream=False)) == "fine"

    in_loop(work)
