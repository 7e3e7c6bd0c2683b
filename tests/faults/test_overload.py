"""More senders than the server takes in: 503 with Retry-After, and nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.api.otlp import PROTOBUF
from tests.faults.asking import MIB, Memory, ask
from tests.faults.senders import Sender, check, langfuse_messages, otlp_messages
from tests.processes import ServeProcess, serving

pytestmark = pytest.mark.slow

SENDERS = 24


def test_overload_is_a_503_with_retry_after_and_health_is_answered_all_along(
    tmp_path: Path,
) -> None:
    (tmp_path / "trimtab.yaml").write_text(f"limits:\n  ingest_bytes: {MIB}\n")
    senders = [Sender(otlp_messages(n, spans=120)) for n in range(SENDERS)]
    senders += [Sender(langfuse_messages(100 + n)) for n in range(2)]
    with serving(tmp_path / "data") as server:
        over = threading.Event()
        waits: list[float] = []

        def watch() -> None:
            while not over.wait(0.02):
                started = time.monotonic()
                assert ask(server, "GET", "/healthz").status == 200
                waits.append(time.monotonic() - started)

        with ThreadPoolExecutor(SENDERS + 3) as pool:
            watching = pool.submit(watch)
            sending = [pool.submit(one.send_some, server.client.url, 12) for one in senders]
            for ended in sending:
                ended.result()
            over.set()
            watching.result()
        statuses = sum((one.statuses for one in senders), start=senders[0].statuses.__class__())
        assert statuses[503] > 0, "nobody was asked to wait"
        assert set(statuses) == {200, 207, 503}
        assert len(waits) > 5
        assert max(waits) < 30, "a bound against hanging, not a figure"
        assert refusal(server)["retry-after"] == "1"
        # Those that were asked to wait come again, as exporters do.
        for sender in senders:
            sender.send_some(server.client.url, 2)
        check(server.client, *senders)
        server.kill()
    with serving(tmp_path / "data") as server:
        check(server.client, *senders)


def refusal(server: ServeProcess) -> dict[str, str]:
    """The headers of a request that comes while another one holds all that may be taken in."""
    port = urlsplit(server.client.url).netloc
    held = http.client.HTTPConnection(port, timeout=30)
    held.putrequest("POST", "/v1/traces")
    held.putheader("content-type", PROTOBUF)
    held.putheader("content-length", str(2 * MIB))
    held.endheaders(bytes(2 * MIB - 1))
    try:
        for _ in range(1_000):
            reply = ask(server, "POST", "/v1/traces", b"\x0a\x00", {"content-type": PROTOBUF})
            if reply.status == 503:
                return dict(reply.headers)
            threading.Event().wait(0.02)
    finally:
        held.close()
    raise AssertionError("a request that holds everything kept nobody out")


def test_many_large_requests_at_once_stay_within_the_memory_of_the_limit(tmp_path: Path) -> None:
    senders = [Sender(otlp_messages(n, spans=1_500)) for n in range(6)]
    with serving(tmp_path / "data") as server:
        memory = Memory(server.process.pid)
        before = memory.now_bytes
        with ThreadPoolExecutor(len(senders)) as pool:
            for ended in [pool.submit(one.send_some, server.client.url, 2) for one in senders]:
                ended.result()
        assert memory.peak_bytes - before < 1024 * MIB
        check(server.client, *senders)
