"""`trimtab serve --workers`: several processes that look like one, also when some of them die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from tests.crew import Crew, crew
from tests.processes import serving
from tests.upstream import (
    LAST_CHUNK,
    STREAM_HEAD,
    Peer,
    Upstream,
    chat_events,
    chunked,
    upstream_in_thread,
)
from tests.waiting import until

from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.records import Route
from trimtab.records.route import ModelTarget
from trimtab.stores.metadata.sql import SQLMetadata

pytestmark = pytest.mark.slow

CONFIGURATION = """
limits: {drain_s: 10}
gateway:
  routes:
    - {name: kept, targets: [{model: trimtab/extract}], cache: {ttl_s: 60}}
"""
EVERY = range(3)
PAGE = """SELECT trace_id, count(*) FROM spans WHERE kind = 'llm' AND trace_id > '{last}'
    GROUP BY trace_id ORDER BY trace_id"""
PAGE_ROWS = 2_000
MOST_LOOKS = 60


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    directory = tmp_path_factory.mktemp("three")
    (directory / "trimtab.yaml").write_text(CONFIGURATION)
    with crew(directory / "data", 3) as running:
        yield running


def stored(client: Client) -> Counter[str]:
    """Trace ids, by how many spans of a model's call each has, however many there are."""
    found: Counter[str] = Counter()
    last = ""
    while True:
        rows = client.sql(PAGE.format(last=last), max_rows=PAGE_ROWS)["rows"]
        found.update(dict(rows))
        if len(rows) < PAGE_ROWS:
            return found
        last = rows[-1][0]


def stored_at_last(client: Client, answered: Collection[str]) -> Counter[str]:
    """What is stored as soon as that is all that was answered, or after many looks.

    What was answered is on disk and not always in the store: whoever reads waits for some seconds
    until workers have brought what they have. One that begins anew finds what was left first, and
    where others take the processor it is not done by then.
    """
    for _ in range(MOST_LOOKS):
        found = stored(client)
        if found.keys() >= set(answered):
            break
        threading.Event().wait(0.5)
    return found


def trace_of(headers: dict[str, str]) -> str:
    return headers["x-trimtab-trace-id"]


class TestThreeProcesses:
    def test_each_answers_and_what_it_answered_can_be_read_at_once_from_each(
        self, three: Crew
    ) -> None:
        for number in EVERY:
            reply = three.chat(number, f"Which port does process {number} use?")
            assert reply.status == 200
            for reader in EVERY:
                trace = three.ask(reader, "GET", f"/api/v1/traces/{trace_of(reply.headers)}")
                assert trace.status == 200, trace.body

    def test_a_key_that_was_just_issued_is_known_to_each(self, three: Crew) -> None:
        for maker in EVERY:
            issued = three.ask(maker, "POST", "/api/v1/keys", {"name": f"key-{maker}"})
            assert issued.status in (200, 201), issued.body
            headers = {"authorization": f"Bearer {issued.json['secret']}"}
            for number in EVERY:
                assert three.chat(number, "Which port?", **headers).status == 200

    def test_a_new_route_answers_on_each(self, three: Crew) -> None:
        three.ask(1, "PUT", "/api/v1/routes/fresh", {"targets": [{"model": "trimtab/extract"}]})
        for number in EVERY:
            assert three.chat(number, "Which port?", model="fresh").status == 200

    def test_every_process_gives_a_user_the_same_release(self, three: Crew) -> None:
        def answering(number: int) -> list[str]:
            found = []
            with three.connection(number) as connection:
                for user in range(60):
                    body = {"model": "tried", "messages": [{"role": "user", "content": "Which?"}]}
                    headers = {"x-trimtab-user": f"user-{user}"}
                    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
                    response = connection.getresponse()
                    response.read()
                    found.append(str(response.getheader("x-trimtab-release")))
            return found

        releases = "/api/v1/releases"
        for seed in (1, 2):
            bundle = {"route": "tried", "targets": [{"model": "trimtab/extract"}]}
            three.ask(0, "POST", releases, bundle | {"parameters": {"seed": seed}})
        three.ask(1, "POST", f"{releases}/tried@1/promote", b"")
        begun = three.ask(2, "POST", f"{releases}/tried@2/canary", {"share": 0.5})
        assert begun.status == 200, begun.body
        first, second, third = (answering(number) for number in EVERY)
        assert first == second == third
        assert set(first) == {"tried@1", "tried@2"}
        three.ask(1, "DELETE", f"{releases}/tried@2/canary")
        assert {release for number in EVERY for release in answering(number)} == {"tried@1"}

    def test_a_change_by_another_process_reaches_each_soon(
        self, three: Crew, tmp_path: Path
    ) -> None:
        metadata = SQLMetadata.open(f"sqlite:///{three.data / 'metadata.db'}")
        route = Route(name="other", targets=(ModelTarget(model="trimtab/extract"),))
        metadata.routes.put(route, by="test")
        metadata.close()
        for number in EVERY:
            until(lambda n=number: three.chat(n, "Which?", model="other").status == 200)

    def test_the_cache_of_each_is_emptied(self, three: Crew) -> None:
        def verdicts() -> list[str | None]:
            replies = [three.chat(number, "Which port?", model="kept") for number in EVERY]
            return [reply.headers.get("x-trimtab-cache") for reply in replies]

        assert verdicts() == ["miss"] * 3
        assert verdicts() == ["hit"] * 3
        assert three.ask(2, "DELETE", "/api/v1/cache?route=kept").json == {"cleared": 3}
        assert verdicts() == ["miss"] * 3

    def test_an_erasure_finds_what_a_worker_recorded_a_moment_ago(self, three: Crew) -> None:
        user = {"x-trimtab-user": "somebody"}
        for number in EVERY:
            three.chat(number, "Which port?", model="kept", **user)
        report = three.ask(1, "POST", "/api/v1/erase", {"users": ["somebody"]}).json
        assert (report["traces"], report["remaining"]) == (3, 0)
        spools = [path for path in three.data.glob("spool*/*") if path.is_file()]
        assert not [path for path in spools if b"somebody" in path.read_bytes()]
        again = three.chat(2, "Which port?", model="kept", **user)
        assert again.headers["x-trimtab-cache"] == "miss"

    def test_figures_are_those_of_all_and_do_not_fall_when_a_worker_dies(self, three: Crew) -> None:
        def requests() -> float:
            lines = three.ask(1, "GET", "/metrics").body.decode().splitlines()
            counted = [line for line in lines if line.startswith("trimtab_gateway_requests_total")]
            return sum(float(line.rpartition(" ")[2]) for line in counted)

        before = requests()
        for number in EVERY:
            three.chat(number, "Which port?")
        assert requests() == before + 3
        os.kill(three.pid(2), signal.SIGKILL)
        until(lambda: three.measured(2) is None)
        three.wait()
        assert requests() == before + 3
        three.chat(2, "Which port?")
        assert requests() == before + 4

    def test_the_api_goes_through_a_worker_whole(self, three: Crew) -> None:
        text = "x" * (5 << 20)
        for number in (1, 2):
            given = {"name": f"large{number}", "examples": [{"example_id": "a", "input": text}]}
            assert three.ask(number, "POST", "/api/v1/datasets", given).status == 201
            kept = three.ask(number, "GET", f"/api/v1/datasets/large{number}/examples").json
            assert kept["data"][0]["input"] == text
            assert three.ask(number, "GET", "/api/v1/nothing").status == 404
            assert three.ask(number, "GET", "/v1/chat/completions").status == 405
            assert three.ask(number, "POST", "/spans", b"[1, []]").status == 404
            assert three.ask(number, "GET", "/readyz").json["status"] == "ready"

    def test_the_live_tail_goes_through_a_worker(self, three: Crew) -> None:
        with three.connection(1) as connection:
            connection.request("GET", "/api/v1/traces/tail")
            response = connection.getresponse()
            assert response.read1(100) == b": following\n\n"
            trace = trace_of(three.chat(2, "Which port?").headers)
            seen = b""
            while trace.encode() not in seen:
                piece = response.read1(65_536)
                assert piece, "the tail ended"
                seen += piece


def test_a_limit_holds_over_all_processes(tmp_path: Path) -> None:
    limit = 120
    (tmp_path / "trimtab.yaml").write_text(f"limits: {{requests_per_minute: {limit}}}\n")
    with crew(tmp_path / "data", 3) as running:
        began_s = time.monotonic()

        def ask(number: int) -> list[int]:
            with running.connection(number) as connection:
                return [_status(connection) for _ in range(150)]

        with ThreadPoolExecutor(3) as pool:
            found = Counter(status for one in pool.map(ask, EVERY) for status in one)
        refilled = (time.monotonic() - began_s) * limit / 60
    assert set(found) == {200, 429}
    assert limit * 0.97 <= found[200] <= limit * 1.01 + refilled + 1


def _status(connection: HTTPConnection) -> int:
    return _answer(connection).status


def _answer(connection: HTTPConnection) -> HTTPResponse:
    body = {"model": "trimtab/extract", "messages": [{"role": "user", "content": "Which port?"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(body))
    response = connection.getresponse()
    response.read()
    return response


class Callers:
    """Ask until they are told to stop, and remember what was answered whole."""

    def __init__(self, url: str, count: int = 4) -> None:
        self.answered: list[str] = []
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Client(self._url) as client:
                    answer = client.chat("trimtab/extract", "Which port?")
                    self.answered.append(answer["trace_id"])
                # Without a pause they would only keep what begins anew from the processor.
                self._stop.wait(0.01)
            except TrimtabError:
                self._stop.wait(0.02)


def test_kill_9_of_workers_under_load_loses_nothing_answered_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    with crew(tmp_path / "data", 3) as running:
        with Callers(running.server.client.url) as callers:
            for number in (1, 2, 1):
                before = len(callers.answered)
                until(lambda before=before: len(callers.answered) > before + 40)
                os.kill(running.pid(number), signal.SIGKILL)
                until(lambda number=number: running.measured(number) is None)
                running.wait()
        found = stored_at_last(running.server.client, callers.answered)
        assert running.server.stop() == 0
    assert set(callers.answered) <= set(found)
    assert set(found.values()) == {1}
    assert "Traceback" not in running.server.log.read_text()


def test_kill_9_of_the_owner_under_load_loses_nothing_answered_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    answered: list[str] = []
    port = 0
    for _ in range(3):
        with crew(data, 3, "--port", str(port)) as running:
            port = int(running.server.client.url.rpartition(":")[2])
            workers = [running.pid(number) for number in (1, 2)]
            with Callers(running.server.client.url) as callers:
                until(lambda callers=callers: len(callers.answered) > 60)
                running.server.kill()
            answered += callers.answered
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    with serving(data) as server:  # as one process, which takes over what the workers left
        found = stored_at_last(server.client, answered)
        # What was left is added up after it was stored.
        until(lambda: spent_requests(server.client) >= len(found))
        requests = spent_requests(server.client)
        assert server.stop() == 0
    assert set(answered) <= set(found)
    assert set(found.values()) == {1}
    assert requests == len(found)


def spent_requests(client: Client) -> int:
    rows = client.get("/api/v1/spend")["data"]
    return sum(row["requests"] for row in rows if row["kind"] == "project")


def test_what_a_worker_that_hangs_has_answered_can_be_read_when_it_goes_on(tmp_path: Path) -> None:
    with crew(tmp_path / "data", 2) as running:
        worker = running.pid(1)
        with running.connection(0) as reading:
            with running.connection(1) as asking:
                replies = [_answer(asking) for _ in range(30)]
                os.kill(worker, signal.SIGSTOP)
            answered = [str(reply.getheader("x-trimtab-trace-id")) for reply in replies]
            try:
                reading.request("GET", f"/api/v1/traces/{answered[-1]}")
                assert reading.getresponse().status in (200, 404), "a reader does not wait for ever"
            finally:
                os.kill(worker, signal.SIGCONT)
        found = stored_at_last(running.server.client, answered)
    assert found == dict.fromkeys(answered, 1)


def test_a_stop_lets_every_process_finish_what_it_began(tmp_path: Path) -> None:
    with upstream_in_thread() as upstream:
        (tmp_path / "trimtab.yaml").write_text(
            "providers:\n"
            f"  - {{name: up, kind: openai_compatible, base_url: {upstream.base_url},"
            " models: [{id: m}]}\n"
        )
        with crew(tmp_path / "data", 3) as running, ThreadPoolExecutor(3) as pool:
            begun = [threading.Event() for _ in EVERY]
            asking = [pool.submit(_streamed, running, upstream, n, begun[n]) for n in EVERY]
            assert all(event.wait(60) for event in begun)
            running.server.process.send_signal(signal.SIGTERM)
            for future in asking:
                text, _ = future.result(60)
                assert text.endswith("data: [DONE]\n\n")
            assert running.server.process.wait(60) == 0
    asked = [future.result()[1] for future in asking]
    with serving(tmp_path / "data") as server:
        found = stored_at_last(server.client, asked)
    assert set(asked) == set(found)


def _streamed(
    running: Crew, upstream: Upstream, number: int, begun: threading.Event
) -> tuple[str, str]:
    """A slow stream from one process, whole, and its trace."""
    body = {"model": "up/m", "stream": True, "messages": [{"role": "user", "content": "a b c d"}]}
    answer: list[Any] = [STREAM_HEAD]
    for event in chunked(*chat_events(body)):
        answer += [event, _pause]
    upstream.play([*answer, LAST_CHUNK])
    with running.connection(number) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body))
        response = connection.getresponse()
        begun.set()
        return response.read().decode(), str(response.getheader("x-trimtab-trace-id"))


async def _pause(_: Peer) -> None:
    await asyncio.sleep(0.2)
