"""kill -9 in the middle of erasing, compacting, gathering, rolling up and converting.

A server that dies at a line of our choice is started again and again; each time the line is
another one, those around commits, syncs and renames first of all.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from tests.faults.asking import ask
from tests.faults.dying_serve import ROOM
from tests.faults.old_store import LARGE, SPANS, write_old_store
from tests.faults.senders import Sender, check, otlp_messages
from tests.processes import ServeProcess, serving
from tests.waiting import until

from trimtab.client import Client
from trimtab.errors import TrimtabError
from trimtab.kit import datadir, jsonx

pytestmark = pytest.mark.slow

DYING = str(Path(__file__).with_name("dying_serve.py"))
DEATHS = 5
DECISIVE = re.compile(
    r"commit\(|_sync\(|replace\(|unlink|truncate|delete|CHECKPOINT|COPY|DROP|write|execute\(|quiet"
)


def places(trace: Path) -> list[str]:
    """Where to die: lines that change something, spread over the whole of a traced operation.

    Every other death comes a little later, in the middle of what the line does.
    """
    source: dict[str, list[str]] = {}
    decisive = []
    for place in trace.read_text().split():
        name, _, number = place.partition(":")
        lines = source.setdefault(name, (ROOM / name).read_text().splitlines())
        if DECISIVE.search(lines[int(number) - 1]) and name != "connection.py":
            decisive.append(place)
    assert decisive, "the operation did nothing"
    count = min(DEATHS, len(decisive))
    chosen = [decisive[n * len(decisive) // count] for n in range(count)]
    return [place + ("+2" if n % 2 else "") for n, place in enumerate(chosen)]


class Trial:
    """A data directory with spans that are to be kept, and spans that may be erased."""

    def __init__(self, directory: Path, operation: str, work: Callable[[Trial], None]) -> None:
        self._directory = directory
        self._operation = operation
        self._work = work
        self.keep = Sender(otlp_messages(1, session="keep"))
        self.drop = Sender(otlp_messages(2, session="drop"))
        self.server: ServeProcess

    def run(self) -> int:
        """Let the operation die at many places; how often it did."""
        trace = self._directory / "trace"
        assert not self._dies_at(f"trace:{trace}")
        return sum(map(self._dies_at, places(trace)))

    def _dies_at(self, place: str) -> bool:
        program = (DYING, self._operation, place)
        with serving(self._directory / "data", program=program) as self.server:
            check(self.server.client, self.keep)
            try:
                self.feed()
                self._work(self)
                self.server.process.wait(0.2)
            except (OSError, http.client.HTTPException):
                return self.server.process.wait(60) == -signal.SIGKILL
            except subprocess.TimeoutExpired:
                assert self.server.stop() in (0, -signal.SIGKILL)
            return self.server.process.wait() == -signal.SIGKILL

    def feed(self) -> None:
        for _ in range(4):
            for sender in (self.keep, self.drop):
                sender.send_some(self.server.client.url, 1)

    def post(self, path: str, body: object = None) -> object:
        sent = b"" if body is None else jsonx.encode(body)
        headers = {"content-type": "application/json"}
        reply = ask(self.server, "POST", f"/api/v1/{path}", sent, headers)
        assert reply.status == 200, reply.body
        return reply.json

    def erase(self) -> None:
        self.post("erase", {"sessions": ["drop"]})

    def compact(self) -> None:
        self.erase()
        self.post("admin/compact")


OPERATIONS: dict[str, Callable[[Trial], None]] = {
    "erase": Trial.erase,
    "compact": Trial.compact,
    "gather": lambda trial: [trial.feed() for _ in range(4)] and None,
    "roll up": Trial.feed,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_in_the_middle_of_upkeep_costs_nothing_that_is_kept(
    tmp_path: Path, operation: str
) -> None:
    trial = Trial(tmp_path, operation, OPERATIONS[operation])
    assert trial.run() >= DEATHS // 2, "the operation went on where it should have died"
    with serving(tmp_path / "data") as trial.server:
        client = trial.server.client
        count = check(client, trial.keep)
        calls = client.get("/api/v1/metrics/overview", {"hours": 24 * 31})
        assert calls
        trial.erase()
        assert garbage(tmp_path / "data") == (0, set()), "erased and still on the disk"
        trial.compact()
        assert check(client, trial.keep) == len(trial.keep.acknowledged) <= count
        assert not client.spans("session:drop")
        assert trial.server.stop() == 0
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


def garbage(data: Path) -> tuple[int, set[str]]:
    """Bytes in pack files that are not zero and that no pack has; blobs that no span refers to."""
    copy = data.parent / "copy"
    shutil.copytree(data, copy)
    with duckdb.connect(str(copy / "telemetry.duckdb")) as store:
        extents = store.execute(
            "SELECT file, at_byte, length FROM packs WHERE file IS NOT NULL"
        ).fetchall()
        needed = {digest for (digest,) in store.execute("SELECT digest FROM blob_refs").fetchall()}
    left = 0
    for path in (copy / "telemetry.packs").glob("*.packs"):
        body = bytearray(path.read_bytes())
        for file, at, length in extents:
            if file == int(path.stem):
                body[at : at + length] = bytes(length)
        left += len(body) - body.count(0)
    return left, {path.stem for path in (copy / "blobs").rglob("*.zst")} - needed


def test_a_kill_in_the_middle_of_a_conversion_costs_no_span(tmp_path: Path) -> None:
    data, trace = tmp_path / "data", tmp_path / "trace"
    write_old_store(tmp_path / "template")
    subprocess.run(["cp", "-r", tmp_path / "template", data], check=True)
    with serving(data, program=(DYING, "convert", f"trace:{trace}")) as server:
        assert converted(server)
    subprocess.run(["rm", "-r", data], check=True)
    subprocess.run(["cp", "-r", tmp_path / "template", data], check=True)
    deaths = [dies_while_starting(data, place) for place in places(trace)]
    assert deaths.count(True) >= DEATHS // 2
    with serving(data) as server:
        assert converted(server)
        assert server.stop() == 0


def dies_while_starting(data: Path, place: str) -> bool:
    command = [sys.executable, DYING, "convert", place, "serve", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or _is_up(data, process.pid))
        return process.poll() == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def _is_up(data: Path, pid: int) -> bool:
    with contextlib.suppress(TrimtabError):
        server = datadir.running_server(data)
        if server is not None and server.pid == pid:
            with Client(server.url) as client:
                return bool(client.get("/healthz"))
    return False


def converted(server: ServeProcess) -> bool:
    """Whether every span of the old store is there once, with what was said."""
    spans = list(server.client.each("/api/v1/spans"))
    asked = {f"span {n}": f"question {n}" for n in range(1, SPANS + 1)}
    found = {span["name"]: span["input"][0]["content"] for span in spans}
    long = sum(span["output"] == LARGE for span in spans)
    return found == asked and len(spans) == SPANS and long == SPANS // 100
