"""A running system pinned to its core: its processes, their CPU and memory, and its end."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from pathlib import Path

from footprint import free_port
from processes import TICK_S, Tree, cpu_rate, read
from rig import Cores, Mock, body, pinned
from systems import Place, System


class Session(Tree):
    """The processes of a session, since nginx overwrites the environment where a mark would be."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def marked(self, path: Path) -> bool:
        after_name = read(path / "stat").rpartition(b")")[2].split()
        return bool(after_name) and int(after_name[3]) == self.leader and after_name[0] != b"Z"

    def threads_s(self) -> tuple[float, float]:
        """CPU of the main threads, and of all others."""
        main = others = 0.0
        for pid in self.pids():
            for path in Path(f"/proc/{pid}/task").glob("*"):
                fields = read(path / "stat").rpartition(b")")[2].split()
                used = sum(int(ticks) for ticks in fields[11:13]) * TICK_S
                if path.name == str(pid):
                    main += used
                else:
                    others += used
        return main, others


class Unanswered(Exception):
    """A system did not start, or does not answer with 200."""


class Server:
    """One system in front of the mock; `listening_s` and `answering_s` are from its start."""

    def __init__(self, system: System, directory: Path, mock: Mock, cores: Cores) -> None:
        directory.mkdir(parents=True)
        place = Place(directory, free_port(), mock.port)
        self.system, self.log = system, place.log
        launch = system.launch(place)
        self.process, self.tree = None, Session(-1)
        self.listening_s = self.answering_s = 0.0
        if launch is None:
            self.target = system.target(mock.port)
            return
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TRIMTAB_")}
        started = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                pinned(cores.system, launch.command),
                cwd=directory,
                env={**kept, **launch.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.tree = Session(self.process.pid)
        try:
            self.target = system.target(system.port(place))
            self.wait("GET", system.ready, below=500)
            self.listening_s = time.perf_counter() - started
            self.wait("POST", system.path, body(system.model), below=201)
            self.answering_s = time.perf_counter() - started
        except BaseException:
            self.stop()
            raise

    def wait(self, method: str, path: str, content: bytes | None = None, *, below: int) -> None:
        """Ask until the answer has a status below one."""
        end, last = time.perf_counter() + 120, b""
        while time.perf_counter() < end and self.process and self.process.poll() is None:
            try:
                status, last = self.ask(method, path, content)
            except (OSError, http.client.HTTPException):
                status = 599
            if status < below:
                return
            time.sleep(0.01)
        log = self.log.read_text(errors="replace")[-2000:]
        raise Unanswered(f"{self.system.name} does not answer {path}: {last[:500]!r}\n{log}")

    def ask(self, method: str, path: str, content: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.target.port, timeout=30)
        headers = {"content-type": "application/json", **self.target.headers}
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stored(self, calls: int, limit_s: float = 60.0) -> float:
        """Wait until the system has put all calls into its store; the CPU seconds of it."""
        used, end = self.tree.cpu_s(), time.perf_counter() + limit_s
        while time.perf_counter() < end:
            held = self.system.stored(self.ask)
            if held is None or held >= calls:
                break
            time.sleep(0.25)
        return self.tree.cpu_s() - used

    def settle(self, idle_rate: float, limit_s: float = 60.0) -> float:
        """Wait until it uses no more CPU than when idle; the CPU seconds it used until then.

        Waits at most `limit_s`: what is left then is not counted.
        """
        used, end = self.tree.cpu_s(), time.perf_counter() + limit_s
        while time.perf_counter() < end and cpu_rate(self.tree, 1.0) > idle_rate + 0.03:
            pass
        return self.tree.cpu_s() - used

    def stop(self) -> None:
        """SIGTERM and a while to close; then what is left of its session is killed."""
        if self.process is None:
            return
        self.process.terminate()
        end = time.perf_counter() + 60
        while self.tree.pids() and time.perf_counter() < end:
            self.process.poll()
            time.sleep(0.05)
        self.tree.kill()
        self.process.wait(60)
