"""Databases that go away while telemetry comes in: it is kept, and in the store once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.asking import ask
from tests.faults.relay import relayed
from tests.faults.senders import Sender, check, otlp_messages
from tests.processes import serving

pytestmark = pytest.mark.slow


@pytest.mark.postgres
def test_telemetry_is_taken_as_ever_while_the_metadata_are_away(
    tmp_path: Path, postgres_database: str
) -> None:
    sender = Sender(otlp_messages(1))
    with (
        relayed(postgres_database) as (relay, url),
        serving(tmp_path / "data", "--metadata-url", url) as server,
    ):
        sender.send_some(server.client.url, 3)
        relay.cut()
        sender.send_some(server.client.url, 10)
        assert sender.statuses == {200: 13}
        assert ask(server, "GET", "/healthz").status == 200
        assert ask(server, "GET", "/readyz").status == 503
        check(server.client, sender)
        prompts = ask(server, "GET", "/api/v1/prompts")
        assert (prompts.status, prompts.headers["retry-after"]) == (503, "1")
        relay.mend()
        assert ask(server, "GET", "/readyz").status == 200
        assert ask(server, "GET", "/api/v1/prompts").status == 200
        sender.send_some(server.client.url, 3)
        assert check(server.client, sender) == len(sender.acknowledged) == 16 * 6
        assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


@pytest.mark.clickhouse
def test_telemetry_waits_in_the_spool_while_its_store_is_away_and_comes_once(
    tmp_path: Path, clickhouse_database: str
) -> None:
    data = tmp_path / "data"
    senders = [Sender(otlp_messages(1)), Sender(otlp_messages(2, spans=40))]
    with relayed(clickhouse_database) as (relay, url):
        with serving(data, "--telemetry-url", url) as server:
            for sender in senders:
                sender.send_some(server.client.url, 3)
            relay.cut()
            for sender in senders:
                sender.send_some(server.client.url, 6)
                assert sender.statuses == {200: 9}
            assert ask(server, "GET", "/healthz").status == 200
            assert ask(server, "GET", "/readyz").status == 503
            assert list((data / "spool").glob("*.spool")), "the spool is empty"
            relay.mend()
            for sender in senders:
                sender.send_some(server.client.url, 1)
            relay.cut()
            for sender in senders:
                sender.send_some(server.client.url, 3)
            server.kill()
        relay.mend()
        with serving(data, "--telemetry-url", url) as server:
            # A list waits for what was recorded before it.
            assert check(server.client, *senders) == 13 * 46
            assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()
