"""Whatever goes wrong at the gateway, a call is recorded once and gives its place back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests import upstream as remote
from tests.far import compatible
from tests.stations.wiring import (
    DONE,
    FAR,
    JSON,
    ONCE,
    STREAM,
    Act,
    Script,
    Wired,
    chat,
    deployment,
    events,
    fails,
    in_loop,
    only_span,
    replies,
    said,
    usage,
    whole,
    wired,
)
from tests.upstream import Upstream

from trimtab.errors import (
    NotDurable,
    NotFound,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    TrimtabError,
)
from trimtab.gateway.answer import Chunks
from trimtab.gateway.ask import Caller
from trimtab.gateway.asker import Askers
from trimtab.gateway.gateway import Limits
from trimtab.gateway.journal import Journal
from trimtab.gateway.leases import LeasedQuotas
from trimtab.kit.clock import SystemClock
from trimtab.ports import Grant, Quota, Reply
from trimtab.records import ModelCard, Price, Span
from trimtab.records.route import Timeouts
from trimtab.stores.limits.memory import MemoryLimiter

# -- what goes wrong ---------------------------------------------------------------------------


BUG = ValueError("a bug in the adapter")


class TestWhatGoesWrong:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        "act",
        [fails(BUG), replies(BUG), replies(BUG, headers=STREAM)],
        ids=["at once", "in the body", "in the stream"],
    )
    def test_an_error_nobody_foresaw_is_raised_and_recorded_as_an_error(
        self, tmp_path: Path, act: Act, stream: bool
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(act)
            async with wired(tmp_path, providers=[far]) as room:
                with pytest.raises(ValueError, match="a bug in the adapter"):
                    await room.start(chat(model=FAR, stream=stream))
                assert room.gateway.in_flight == 0
                span = await only_span(room)
            assert span.status == "error"
            assert span.error is not None
            assert "a bug in the adapter" in span.error

        in_loop(work)

    @pytest.mark.parametrize("error", [BUG, ProviderError("it broke"), ProviderTimeout("silence")])
    def test_an_error_in_the_middle_of_a_stream_ends_it_with_an_error_event(
        self, tmp_path: Path, error: Exception
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(said("Hel"), error, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                assert room.gateway.in_flight == 0
                span = await only_span(room)
            first, last = events(body)
            assert first["choices"][0]["delta"]["content"] == "Hel"
            assert last["error"]["type"] == "upstream_error"
            assert "a bug" not in last["error"]["message"], "what is inside stays inside"
            assert (span.status, span.output) == (
                "error",
                [{"role": "assistant", "content": "Hel"}],
            )
            assert span.error is not None
            assert str(error) in span.error

        in_loop(work)

    @pytest.mark.parametrize(
        "parts", [[], [b": ping\n\n"], [b"data: {}"]], ids=["no", "ping", "cut"]
    )
    def test_a_stream_without_an_end_is_an_error_of_the_provider(
        self, tmp_path: Path, parts: list[bytes]
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(*parts, headers=STREAM))
            async with wired(tmp_path, providers=[far]) as room:
                with pytest.raises(ProviderError, match="before it was complete"):
                    await room.ask(chat(model=FAR, stream=True))
                assert room.gateway.in_flight == 0
                assert (await only_span(room)).status == "error"

        in_loop(work)

    def test_a_call_that_cannot_be_recorded_is_not_answered(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with wired(tmp_path, spool_bytes=10) as room:
                with pytest.raises(NotDurable):
                    await room.ask(chat())
                assert room.gateway.in_flight == 0

        in_loop(work)

    def test_a_stream_that_cannot_be_recorded_ends_with_an_error_and_never_with_done(
        self, tmp_path: Path
    ) -> None:
        async def work() -> None:
            async with wired(tmp_path, spool_bytes=10) as room:
                _, body = await room.ask(chat(stream=True))
                assert room.gateway.in_flight == 0
            *rest, last = events(body)
            assert rest, "what could be forwarded was"
            assert last["error"]["code"] == "not_durable"
            assert "[DONE]" not in rest

        in_loop(work)

    def test_a_broken_stream_that_cannot_be_recorded_still_ends_in_order(
        self, tmp_path: Path
    ) -> None:
        far = Script()

        async def work() -> None:
            far.play(replies(said("Hel"), ProviderError("it broke"), headers=STREAM))
            far.play(fails(ProviderUnavailable("it is down")))
            async with wired(tmp_path, providers=[far], spool_bytes=10) as room:
                _, body = await room.ask(chat(model=FAR, stream=True))
                assert events(body)[-1]["error"]["code"] == "not_durable"
                with pytest.raises(NotDurable):
                    await room.ask(chat(model=FAR))
                assert room.gateway.in_flight == 0

        in_loop(work)

    @pytest.mark.parametrize("stream", [False, True])
    def test_a_provider_that_does_not_start_to_answer_times_out(
        self, tmp_path: Path, stream: bool
    ) -> None:
        far = Script()

        async def never() -> Reply:
            await asyncio.Event().wait()
            raise AssertionError

        async def work() -> None:
            far.play(never)
            hasty = msgspec.structs.replace(ONCE, timeouts=Timeouts(total_s=0.01))
            async with wired(tmp_path, providers=[far], defaults=hasty) as room:
                with pytest.raises(ProviderTimeout, match=r"no answer began within 0\.01 s"):
                    await room.ask(chat(model=FAR, stream=stream))
                assert (await only_span(room)).attributes["error.code"] == "provider_timeout"

        in_loop(work)

    def test_a_caller_that_leaves_while_the_model_thinks_is_on_record(self, tmp_path: Path) -> None:
        far = Script()
        asked = asyncio.Event()

        async def never() -> Reply:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        async def work() -> None:
            far.play(never)
            async with wired(tmp_path, providers=[far]) as room:
                task = asyncio.create_task(room.ask(chat(model=FAR)))
                await asked.wait()
                assert room.gateway.in_flight == 1
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert room.gateway.in_flight == 0
                span = await only_span(room)
            assert span.status == "cancelled"
            assert span.error == "the caller went away before the end of the answer"

        in_loop(work)

    def test_an_answer_closed_before_it_was_read_stops_the_provider(self, tmp_path: Path) -> None:
        async def work() -> None:
            async with Upstream() as upstream:
                far = compatible(upstream.base_url)
                upstream.play(remote.hang_mid_stream(said("Hel")))
                async with wired(tmp_path, providers=[far]) as room:
                    answer = await room.start(chat(model=FAR, stream=True))
                    assert (answer.spans, room.gateway.in_flight) == ([], 1)
                    await answer.chunks.aclose()
                    await upstream.client_gone.wait()
                    assert room.gateway.in_flight == 0
                    await answer.chunks.aclose()
                    assert room.gateway.in_flight == 0, "closing twice gives one place back"
                    span = await only_span(room)
            assert (span.status, span.output) == (
                "cancelled",
                [{"role": "assistant", "content": "Hel"}],
            )

        in_loop(work)

    def test_chunks_that_were_never_started_close_what_is_behind_them(self) -> None:
        left: list[str] = []

        class Rest:
            def __aiter__(self) -> Rest:
                return self

            async def __anext__(self) -> bytes:
                raise AssertionError("nobody reads")

            async def aclose(self) -> None:
                left.append("provider stopped")
                raise ConnectionError

        async def work() -> None:
            chunks = Chunks(b"first", Rest(), lambda: left.append("place given back"))
            with pytest.raises(ConnectionError):
                await chunks.aclose()
            await chunks.aclose()

        in_loop(work)
        assert left == ["provider stopped", "place given back"]

    def test_a_late_record_that_is_lost_is_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        class Broken:
            async def record(self, spans: Sequence[Span]) -> None:
                raise OverflowError("too large to write")

        async def work() -> None:
            journal = Journal(Broken())
            journal.write_late([Span(trace_id="t1", span_id="s", name="n", start_ns=1, end_ns=2)])
            await journal.settle()

        in_loop(work)
        assert "t1 is lost: too large to write" in caplog.text


# -- limits ------------------------------------------------------------------------------------


class Slow(MemoryLimiter):
    """A limiter that is asked over a network, so that others get their turn meanwhile."""

    async def take(self, quota: Quota, wanted: float, *, at_least: float | None = None) -> Grant:
        await asyncio.sleep(0)
        return await super().take(quota, wanted, at_least=at_least)


class TestLimits:
    def test_no_more_requests_are_in_flight_than_the_limit_however_they_arrive(
        self, tmp_path: Path
    ) -> None:
        far = Script()
        let_go, full = asyncio.Event(), asyncio.Event()
        now = most = 0

        async def held() -> Reply:
            nonlocal now, most
            now += 1
            most = max(most, now)
            if now == 3:
                full.set()
            await let_go.wait()
            now -= 1
            return await replies(whole("x"))()

        async def work() -> None:
            far.play(*[held] * 20)
            quotas = LeasedQuotas(Slow(), SystemClock(), workers=1)
            async with wired(
                tmp_path,
                providers=[far],
                limits=Limits(concurrency=3),
                quotas=quotas,
                askers=Askers(requests_per_minute=1000),
            ) as room:
                asked = [asyncio.create_task(room.ask(chat(model=FAR))) for _ in range(20)]
                refused = 0
                waiting = set(asked)
                while refused < 17:
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    refused += len(done)
                await full.wait()
                let_go.set()
                results = await asyncio.gather(*asked, return_exceptions=True)
                assert most == 3
                assert sum(isinstance(result, Overloaded) for result in results) == 17
                assert room.gateway.in_flight == 0

        in_loop(work)

    def test_a_principal_over_its_rate_is_told_when_to_come_back(self, tmp_path: Path) -> None:
        async def work() -> None:
            askers = Askers(requests_per_minute=2)
            async with wired(tmp_path, askers=askers) as room:
                for _ in range(2):
                    await room.ask(chat())
                with pytest.raises(RateLimited) as caught:
                    await room.ask(chat())
                assert 0 < caught.value.fields["retry_after_s"] <= 30
                await room.ask(chat(), Caller(principal="another", project="default"))
                assert room.gateway.in_flight == 0
                calls = [span for span in await room.spans() if span.kind == "llm"]
                assert len(calls) == 3, "a refusal is not a call"

        in_loop(work)


# -- all together ------------------------------------------------------------------------------

CARDS = [
    ModelCard(id=FAR, provider="far", price=Price(input=Decimal("2.5"), output=Decimal("10.01"))),
    ModelCard(id="far/unpriced", provider="far"),
]


def outcomes(rng: random.Random) -> Act:
    """One of all the ways in which a provider answers."""
    counts = {"prompt_tokens": rng.randrange(10**4), "completion_tokens": rng.randrange(10**4)}
    choices: list[Act] = [
        replies(whole("fine", usage=counts)),
        replies(said("fi"), said("ne"), usage(*counts.values()), DONE, headers=STREAM),
        replies(said("no usage"), DONE, headers=STREAM),
        replies(said("cut"), headers=STREAM),
        replies(said("broken"), ProviderError("broken"), headers=STREAM),
        replies(said("bug"), BUG, headers=STREAM),
        replies(b"not json"),
        replies(b"<html>", status=500, headers={"content-type": "text/html"}),
        replies(b'{"error": {}}', status=429, headers=JSON),
        replies(BUG),
        fails(BUG),
        fails(ProviderUnavailable("down")),
        fails(ProviderTimeout("late")),
    ]
    return rng.choice(choices)


async def one_call(room: Wired, far: Script, rng: random.Random) -> bool:
    """Ask once and leave at some point; whether the call was admitted."""
    body = chat(
        model=rng.choice([FAR, "far/unpriced", "trimtab/extract", "widgets", "nobody"]),
        stream=rng.random() < 0.5,
    )
    try:
        answer = await room.start(body)
    except (TrimtabError, ValueError) as error:
        return not isinstance(error, NotFound)
    chunks = rng.randrange(4)
    try:
        async for _ in answer.chunks:
            if chunks == 0:
                break
            chunks -= 1
    finally:
        await answer.chunks.aclose()
    return True


@pytest.mark.parametrize("seed", range(3))
def test_after_any_mix_of_calls_nothing_is_in_flight_and_the_sums_agree(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    far = Script(cards=CARDS)

    async def work() -> None:
        far.play(*[outcomes(rng) for _ in range(200)])
        live = deployment(far, "m")
        async with wired(tmp_path, providers=[far], deployments=[live]) as room:
            calls = [one_call(room, far, rng) for _ in range(60)]
            admitted = sum(await asyncio.gather(*calls))
            assert room.gateway.in_flight == 0
            spans = await room.spans()
            overview = room.telemetry.overview("default", since_ns=0, until_ns=2**62)
        models = [span for span in spans if span.kind == "llm"]
        assert len({span.trace_id for span in models}) == len(models) == admitted
        assert len({span.trace_id for span in spans}) == 60, "a refusal is on record as well"
        assert all(span.cost_usd is None for span in spans if span.kind != "llm")
        costs = [span.cost_usd for span in models if span.cost_usd is not None]
        assert overview.cost_usd == sum(costs) > 0
        assert (overview.calls, overview.traces) == (admitted, 60)
        assert overview.errors == sum(span.status == "error" for span in models)
        assert overview.input_tokens == sum(s.usage.total_input for s in models if s.usage)

    in_loop(work)
