"""kill -9 while telemetry comes in: what was acknowledged is there, once, and whole."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from tests.faults.senders import Sender, check, langfuse_messages, otlp_messages
from tests.processes import serving

pytestmark = pytest.mark.slow

KILLS = 50
KILLS_AT_START = 5


@pytest.mark.timeout(300)
def test_kill_9_again_and_again_loses_nothing_acknowledged_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    senders = [
        Sender(otlp_messages(1)),
        Sender(otlp_messages(2, spans=40)),
        Sender(langfuse_messages(3)),
        Sender(langfuse_messages(4)),
    ]
    chance = random.Random(20)
    for kill in range(KILLS):
        with serving(data) as server, ThreadPoolExecutor(len(senders)) as pool:
            sending = [pool.submit(one.until_gone, server.client.url) for one in senders]
            # Some answers later, in the middle of whatever goes on then.
            for sender in senders:
                for _ in range(chance.randrange(4)):
                    sender.answered.acquire(timeout=60)
            threading.Event().wait(chance.uniform(0, 0.02))
            server.kill()
            for ended in sending:
                ended.result()
        if kill < KILLS_AT_START:
            kill_while_starting(data, after_s=chance.uniform(0.8, 1.8))
    assert all(len(sender.acknowledged) > 20 for sender in senders), "too little was sent"
    with serving(data) as server:
        count = check(server.client, *senders)
        assert server.stop() == 0
    log = (tmp_path / "serve.log").read_text()
    assert "Traceback" not in log
    with duckdb.connect(str(data / "telemetry.duckdb"), read_only=True) as store:
        distinct = "SELECT count(DISTINCT (project, trace_id, span_id)), count(*) FROM spans"
        assert store.execute(distinct).fetchall() == [(count, count)]


def kill_while_starting(data: Path, *, after_s: float) -> None:
    command = [sys.executable, "-m", "trimtab", "serve", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
    assert process.wait() < 0, "it stopped before it was killed"
