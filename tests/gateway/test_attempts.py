"""Retries and fallbacks over HTTP: until the first content byte, and never after it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.gateway.answers import CHAT, MESSAGES
from tests.gateway.gateway import Room, question, room
from tests.gateway.upstream import whole_of
from tests.upstream import Upstream, error_json, event_stream, respond, upstream_in_thread

QUICK = "timeouts: {first_token_s: 0.5, idle_s: 1, total_s: 20}"
BEFORE_CONTENT = (
    *("reset", "closed", "garbage", "html", "redirect", "gzip", "too-short"),
    *("status-401", "status-403", "status-404", "status-500"),
)
BEFORE_EVENTS = ("hang", "no-content")
RESTING = ("status-429", "status-529")  # for the time of their Retry-After
AFTER_CONTENT = ("reset-mid-stream", "cut-mid-stream", "no-terminator", "error-mid-stream")
FINAL = ("status-400",)
FALLING = "".join(
    f"    - {{name: falls-{fault}, targets: [{{model: oa/{fault}}}], fallbacks: [an/thinking],"
    f" retries: {{attempts: 1}}, {QUICK}}}\n"
    for fault in (*BEFORE_CONTENT, *BEFORE_EVENTS, *RESTING, *AFTER_CONTENT, *FINAL, "not-json")
)
FALLING += "    - {name: nowhere, targets: [{model: oa/status-403}], fallbacks: [an/status-404]}\n"
RETRYING = f"""\
    - name: patient
      targets: [{{model: solo/m}}]
      retries: {{attempts: 2, base_s: 0, max_s: 2}}
      {QUICK}
    - name: impatient
      targets: [{{model: oa/status-429}}]
      retries: {{attempts: 3, base_s: 0, max_s: 2}}
"""


@pytest.fixture(scope="module")
def falling(far: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("falling") / "data", far, FALLING) as running:
        yield running


class TestFallbacks:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("fault", BEFORE_CONTENT)
    def test_another_target_answers_before_there_was_content(
        self, falling: Room, fault: str, stream: bool
    ) -> None:
        reply = falling.ask(CHAT, question(f"falls-{fault}", stream=stream))
        assert (reply.status, reply.headers["x-trimtab-model"]) == (200, "an/thinking")
        assert reply.headers["x-trimtab-attempts"] == "2"
        assert b"Hel" in reply.body
        span = falling.call(reply)
        assert (span["status"], span["model"]) == ("ok", "an/thinking")
        first, second = span["attributes"]["trimtab.attempts"]
        assert (first["target"], first["then"]) == (f"oa/{fault}", "next_target")
        assert (second["target"], second["then"]) == ("an/thinking", "answered")

    @pytest.mark.parametrize("fault", BEFORE_EVENTS)
    def test_another_target_answers_when_a_stream_says_nothing(
        self, falling: Room, fault: str
    ) -> None:
        reply = falling.ask(CHAT, question(f"falls-{fault}", stream=True))
        assert (reply.status, reply.headers["x-trimtab-model"]) == (200, "an/thinking")

    @pytest.mark.parametrize("fault", RESTING)
    def test_a_target_that_wants_to_be_left_alone_is(self, falling: Room, fault: str) -> None:
        first, second = (falling.ask(CHAT, question(f"falls-{fault}")) for _ in range(2))
        assert (first.status, second.status) == (200, 200)
        assert first.headers["x-trimtab-attempts"] == "2"
        assert "x-trimtab-attempts" not in second.headers, "it was not even asked"

    def test_another_target_answers_when_an_answer_cannot_be_read(self, falling: Room) -> None:
        reply = falling.ask(CHAT, question("falls-not-json"))
        assert (reply.status, reply.headers["x-trimtab-model"]) == (200, "an/thinking")

    @pytest.mark.parametrize("dialect", [CHAT, MESSAGES])
    @pytest.mark.parametrize("fault", AFTER_CONTENT)
    def test_nothing_is_tried_again_after_content(
        self, falling: Room, fault: str, dialect: str
    ) -> None:
        reply = falling.ask(dialect, question(f"falls-{fault}", dialect, stream=True))
        assert (reply.status, reply.headers["x-trimtab-model"]) == (200, f"oa/{fault}")
        assert b"Hel" in reply.body
        assert b"error" in reply.body.splitlines()[-2], "the last event"
        assert "x-trimtab-attempts" not in reply.headers

    @pytest.mark.parametrize("fault", FINAL)
    def test_a_refusal_that_others_would_repeat_is_the_answer(
        self, falling: Room, fault: str
    ) -> None:
        reply = falling.ask(CHAT, question(f"falls-{fault}"))
        assert reply.status == int(fault.removeprefix("status-"))

    def test_the_last_refusal_is_the_answer_when_there_is_nobody_else(self, falling: Room) -> None:
        reply = falling.ask(CHAT, question("nowhere"))
        assert (reply.status, reply.headers["x-trimtab-model"]) == (404, "an/status-404")
        first, second = falling.call(reply)["attributes"]["trimtab.attempts"]
        assert (first["status"], first["then"]) == (403, "next_target")
        assert (second["status"], second["then"]) == (404, "no_target_left")

    def test_the_cost_is_that_of_who_answered(self, falling: Room) -> None:
        span = falling.call(falling.ask(CHAT, question("falls-status-500")))
        assert Decimal(span["cost_usd"]) == Decimal("0.0074")


# -- retries -----------------------------------------------------------------------------------

SOLO = """\
  - name: solo
    kind: openai_compatible
    base_url: {url}
    models:
      - {{id: m}}
"""


@pytest.fixture
def patient(far: Upstream, tmp_path: Path) -> Iterator[tuple[Room, Upstream]]:
    """A gateway with one more provider, that a script answers for."""
    with upstream_in_thread() as solo:
        more = SOLO.format(url=solo.base_url)
        with room(tmp_path / "data", far, RETRYING, more_providers=more) as running:
            yield running, solo


class TestRetries:
    @pytest.mark.parametrize("stream", [False, True])
    def test_the_same_target_is_asked_again(
        self, patient: tuple[Room, Upstream], stream: bool
    ) -> None:
        here, solo = patient
        solo.play(error_json(503, "busy"), error_json(500, "busy"))
        reply = here.ask(CHAT, question("patient", stream=stream))
        assert (reply.status, len(solo.requests)) == (200, 3)
        assert len({one.body for one in solo.requests}) == 1

    def test_it_is_left_alone_for_as_long_as_it_says(self, patient: tuple[Room, Upstream]) -> None:
        here, solo = patient
        solo.play(error_json(429, "slow down", retry_after_ms="300"))
        reply = here.ask(CHAT, question("patient"))
        assert reply.status == 200
        first, second = here.call(reply)["attributes"]["trimtab.attempts"]
        assert 0.25 < first["pause_s"] <= 0.31
        assert second["started_ns"] - first["ended_ns"] >= 290_000_000

    def test_longer_than_the_route_waits_is_not_waited_for(
        self, patient: tuple[Room, Upstream]
    ) -> None:
        here, _ = patient
        before = len(here.far.requests)
        reply = here.ask(CHAT, question("impatient"))
        assert (reply.status, reply.headers["retry-after"]) == (429, "7")
        assert len(here.far.requests) == before + 1

    def test_who_says_not_to_is_not_asked_again(self, patient: tuple[Room, Upstream]) -> None:
        here, solo = patient
        solo.play(error_json(503, "busy", x_should_retry="false"))
        assert here.ask(CHAT, question("patient")).status == 503
        assert len(solo.requests) == 1

    def test_an_empty_stream_is_tried_again(self, patient: tuple[Room, Upstream]) -> None:
        here, solo = patient
        solo.play(event_stream(b": hello\n\n"), respond(200, whole_of("plain")))
        assert here.ask(CHAT, question("patient", stream=True)).body == whole_of("plain")
