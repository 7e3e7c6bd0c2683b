"""A running system: its processes, its port, and exchanges with it over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from processes import MARK, Tree


class Call(NamedTuple):
    method: str
    path: str
    body: object = None


class Window(NamedTuple):
    """The time range of an aggregate."""

    start: datetime
    end: datetime

    @property
    def hours(self) -> float:
        return (self.end - self.start).total_seconds() / 3600


class Launch(NamedTuple):
    command: Sequence[str]
    environment: Mapping[str, str] = {}


class System(Protocol):
    """What the benchmark must know of a system; see systems.py."""

    name: str
    headers: dict[str, str]
    ready: str
    duplicates: bool  # grows by copies in its database, since feeding it would take hours

    def launch(self, data: Path, port: int) -> Launch: ...
    def count(self, server: Server) -> int: ...
    def latest(self) -> list[Call]: ...
    def trace(self, trace_id: str) -> list[Call]: ...
    def tree(self, trace_id: str) -> list[Call]: ...
    def aggregate(self, window: Window) -> list[Call]: ...
    def by_model(self, window: Window) -> list[Call]: ...
    def copy(self, data: Path, times: int) -> None: ...


class Server:
    """One running system on a data directory."""

    def __init__(self, system: System, data: Path, port: int) -> None:
        self.system, self.data, self.port = system, data, port
        data.mkdir(parents=True, exist_ok=True)
        launch = system.launch(data.absolute(), port)
        mark = f"{system.name}-{port}-{time.time_ns()}"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIMTAB_")}
        self.tree = Tree(mark)
        started = time.perf_counter()
        with (data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                launch.command,
                cwd=data,
                env={**kept, **launch.environment, MARK: mark},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self.wait_ready()
        except BaseException:
            self.tree.kill()
            raise
        self.start_s = time.perf_counter() - started

    def wait_ready(self, limit_s: float = 180.0) -> None:
        end = time.perf_counter() + limit_s
        while time.perf_counter() < end and self.process.poll() is None:
            try:
                self.ask(Call("GET", self.system.ready))
            except (OSError, http.client.HTTPException, Unanswered):
                time.sleep(0.05)
            else:
                return
        raise SystemExit(f"{self.system.name} did not start: see {self.data / 'server.log'}")

    def ask(self, call: Call, timeout_s: float = 300.0) -> bytes:
        return Connection(self, timeout_s).ask(call)

    def window(self) -> Window:
        end = datetime.now(UTC)
        return Window(end - timedelta(hours=24), end)

    def stop(self) -> None:
        """SIGTERM and a minute to close; then what is left is killed."""
        self.process.send_signal(signal.SIGTERM)
        end = time.perf_counter() + 60
        while self.tree.pids() and time.perf_counter() < end:
            self.process.poll()
            time.sleep(0.1)
        self.kill()

    def kill(self) -> None:
        self.tree.kill()
        self.process.wait(60)


class Unanswered(Exception):
    """An answer other than 2xx."""


class Connection:
    """A connection that is kept, as an exporter or a browser keeps it."""

    def __init__(self, server: Server, timeout_s: float = 300.0) -> None:
        self.headers = server.system.headers
        self.http = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout_s)

    def ask(self, call: Call) -> bytes:
        body = None if call.body is None else json.dumps(call.body).encode()
        status, found = self.send(
            call.method, call.path, body, {"content-type": "application/json"}
        )
        if status // 100 != 2:
            raise Unanswered(f"{call.method} {call.path}: {status} {found[:300]!r}")
        return found

    def export(self, body: bytes, *, compressed: bool) -> int:
        headers = {"content-type": "application/x-protobuf", **self.headers}
        if compressed:
            headers["content-encoding"] = "gzip"
        return self.send("POST", "/v1/traces", body, headers)[0]

    def send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        for attempt in (1, 2):
            try:
                self.http.request(method, path, body, headers)
                answer = self.http.getresponse()
                return answer.status, answer.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.http.close()
                if attempt == 2:
                    raise
        raise AssertionError("the second attempt answers or raises")
