"""`trimtab serve` scaled out: processes of its own on one ClickHouse and one PostgreSQL."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.processes import ServeProcess, serving
from tests.services import PASSWORD, _clickhouse_ready, _free_port
from tests.waiting import until

from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.stores.telemetry.clickhouse.connection import Connection, Place

QUESTION = "Which port does the server listen on by default?"
RELEASE = {"route": "helper", "targets": [{"model": "trimtab/extract"}]}


@pytest.fixture
def stores(clickhouse_database: str, postgres_database: str) -> tuple[str, ...]:
    return ("--telemetry-url", clickhouse_database, "--metadata-url", postgres_database)


def knows(server: ServeProcess, asked: Sequence[dict[str, Any]]) -> bool:
    found = {row["trace_id"] for row in server.client.traces(limit=1000)}
    return {answer["trace_id"] for answer in asked} <= found


def answers(server: ServeProcess, route: str) -> bool:
    try:
        return bool(server.client.chat(route, QUESTION)["trace_id"])
    except TrimtabError:
        return False


@pytest.mark.slow
@pytest.mark.clickhouse
@pytest.mark.postgres
def test_two_servers_share_their_stores_and_nothing_else(
    tmp_path: Path, stores: tuple[str, ...]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    large = "a large question " * 8_000
    with (
        serving(tmp_path / "a" / "data", *stores) as one,
        serving(tmp_path / "b" / "data", *stores) as other,
    ):
        for server in (one, other):
            assert server.client.get("/readyz")["status"] == "ready"
        asked = [server.client.chat("trimtab/extract", large) for server in (one, other)]
        for server in (one, other):
            until(partial(knows, server, asked))
            for answer in asked:
                [span] = server.client.trace(answer["trace_id"])["spans"]
                assert large in str(span["input"])
        made = one.client.post("/api/v1/releases", RELEASE)
        one.client.post(f"/api/v1/releases/{made['release_id']}/promote", {"force": True})
        until(lambda: answers(other, "helper"))
        until(lambda: bool(other.client.get("/api/v1/scores", {"limit": 100})["data"]))
        found = other.client.sql("SELECT count(*) AS n FROM spans WHERE name <> ''")
        assert found["rows"][0][0] >= 3
        assert one.stop() == other.stop() == 0
        for server in (one, other):
            assert PASSWORD not in server.log.read_text()
    assert not list((tmp_path / "a" / "data").glob("*.duckdb"))
    assert not list((tmp_path / "a" / "data").glob("*.db"))


@pytest.mark.slow
@pytest.mark.clickhouse
@pytest.mark.postgres
def test_kill_9_under_load_loses_no_answered_call_and_doubles_none(
    tmp_path: Path, stores: tuple[str, ...]
) -> None:
    data, chance = tmp_path / "data", random.Random(5)
    answered: set[str] = set()
    for _ in range(2):
        with serving(data, *stores) as server:
            timer = threading.Timer(chance.uniform(0.5, 1.5), server.kill)
            timer.start()
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(_until_killed, [server] * 4, [answered] * 4))
            timer.join()
    with serving(data, *stores) as server:
        until(lambda: answered <= {row["trace_id"] for row in server.client.traces(limit=1000)})
        stored = [row["trace_id"] for row in server.client.traces(limit=1000)]
    assert len(answered) > 10, "the test did not get to send anything"
    assert len(stored) == len(set(stored))


def _until_killed(server: ServeProcess, answered: set[str]) -> None:
    with Client(server.client.url) as client:
        for _ in range(60):
            try:
                answered.add(client.chat("trimtab/extract", QUESTION)["trace_id"])
            except TrimtabError:
                return


@contextmanager
def clickhouse(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A ClickHouse that a test may kill and start again."""
    program = Path(__file__).parents[1] / "clickhouse.py"
    command = [sys.executable, str(program), "--port", str(port), "--data", str(home)]
    with subprocess.Popen([*command, "--password", PASSWORD]) as process:
        try:
            until(partial(_clickhouse_ready, port))
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.clickhouse
def test_calls_are_answered_while_clickhouse_is_away_and_stored_when_it_is_back(
    tmp_path: Path,
) -> None:
    home, port = tmp_path / "clickhouse", _free_port()
    home.mkdir()
    server_url = f"clickhouse://default:{PASSWORD}@127.0.0.1:{port}"
    with ExitStack() as stack:
        process = stack.enter_context(clickhouse(home, port))
        with closing(Connection(Place.of(server_url))) as admin:
            admin.run("CREATE DATABASE t")
        server = stack.enter_context(
            serving(tmp_path / "data", "--telemetry-url", f"{server_url}/t")
        )
        asked = [server.client.chat("trimtab/extract", QUESTION) for _ in range(3)]
        until(partial(knows, server, asked))
        process.kill()
        process.wait()
        asked += [server.client.chat("trimtab/extract", QUESTION) for _ in range(5)]
        with pytest.raises(TrimtabError):
            server.client.get("/readyz")
        stack.enter_context(clickhouse(home, port))
        until(partial(knows, server, asked))
        stored = [row["trace_id"] for row in server.client.traces(limit=1000)]
        assert sorted(stored) == sorted(answer["trace_id"] for answer in asked)
        assert server.client.get("/readyz")["status"] == "ready"
        assert PASSWORD not in server.log.read_text()


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"clickhouse://ann:{PASSWORD}@127.0.0.1:1/t"
    started = time.monotonic()
    done = _serve(["-m", "trimtab"], tmp_path, url)
    assert done.returncode == 4
    assert "clickhouse://127.0.0.1:1/t" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert time.monotonic() - started < 60, "a bound against hanging, not a figure"


def test_a_server_without_the_client_names_the_command_that_installs_it(tmp_path: Path) -> None:
    without = (
        "import sys; sys.modules['clickhouse_connect'] = None; import trimtab.cli as c; c.main()"
    )
    done = _serve(["-c", without], tmp_path, f"clickhouse://ann:{PASSWORD}@db/t")
    assert done.returncode == 2
    assert "pip install 'trimtab[clickhouse]'" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def _serve(program: list[str], folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *program, "serve", "--data", str(folder / "data"), "--port", "0"]
    return subprocess.run(
        [*command, "--telemetry-url", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        cwd=folder,
    )
