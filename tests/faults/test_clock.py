"""Clocks that are wrong, and spans that come late, early or again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.api.otlp import NOW_NS, a_span, an_export
from tests.faults.asking import export, kept, rejected
from tests.faults.senders import Sender, check, langfuse_messages, otlp_messages
from tests.processes import serving

pytestmark = pytest.mark.slow

CLOCKED = str(Path(__file__).with_name("clocked_serve.py"))
HOUR_S, YEAR_S = 3_600, 365 * 86_400


def test_a_clock_that_jumps_back_and_forth_loses_doubles_and_hides_nothing(tmp_path: Path) -> None:
    data, clock = tmp_path / "data", tmp_path / "clock"
    clock.write_text("0")
    program = (CLOCKED, str(clock))
    senders = [Sender(otlp_messages(1)), Sender(langfuse_messages(2))]
    followed: list[str] = []
    with serving(data, program=program) as server:
        for wrong_s in (0, -1, -HOUR_S, -20 * YEAR_S, 60, 14 * YEAR_S, -HOUR_S):
            clock.write_text(str(wrong_s))
            for sender in senders:
                sender.send_some(server.client.url, 4)
            answer = server.client.chat("trimtab/extract", f"What is {wrong_s}?")
            followed.append(answer["trace_id"])
            check(server.client, *senders)
        server.kill()
    # The clock is behind everything that is stored.
    clock.write_text(str(-2 * YEAR_S))
    with serving(data, program=program) as server:
        for sender in senders:
            sender.send_some(server.client.url, 4)
        followed.append(server.client.chat("trimtab/extract", "And now?")["trace_id"])
        count = check(server.client, *senders)
        assert count == len({ids for one in senders for ids in one.acknowledged}) + 16 + 8
        for trace_id in followed:
            # Scoring follows the order of arrival, which must not go back with the clock.
            for trace in server.client.poll(f"/api/v1/traces/{trace_id}", limit_s=60):
                if trace["scores"]:
                    break
            assert trace["scores"], "scoring did not get to see it"
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def test_spans_that_come_late_early_or_again_are_there_once(tmp_path: Path) -> None:
    times = {
        "now": NOW_NS,
        "a year late": NOW_NS - YEAR_S * 10**9,
        "of the far past": 10**9,
        "an hour early": NOW_NS + HOUR_S * 10**9,
        "of the year 2200": 7_258_118_400_000_000_000,
    }
    spans = {
        name: a_span(name, start_time_unix_nano=at, end_time_unix_nano=at + 1)
        for name, at in times.items()
    }
    with serving(tmp_path / "data") as server:
        for span in spans.values():
            for again in (an_export(span), an_export(span, span)):
                assert rejected(export(server, again)) == (0, "")
        server.kill()
    with serving(tmp_path / "data") as server:
        assert rejected(export(server, an_export(*spans.values()))) == (0, "")
        assert server.client.get("/api/v1/spans/count")["count"] == len(spans)
        listed = [span["name"] for span in server.client.each("/api/v1/spans", {"limit": 2})]
        assert listed == sorted(times, key=lambda name: -times[name])
        for name, span in spans.items():
            found = kept(server, span)
            assert found is not None
            assert (found["name"], found["start_ns"]) == (name, times[name])
        assert {row["name"] for row in server.client.traces()} == times.keys()
