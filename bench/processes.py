"""What a server costs, from the operating system (proc(5)): all its processes together.

A server's processes are those that inherited the mark put in its environment, so workers and
daemons that left the process group are counted, and nothing that someone else started is.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import NamedTuple

MARK = "BENCH_MARK"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
KIB = 1024


class Memory(NamedTuple):
    pss: int
    rss: int


class Tree:
    """The living processes whose environment carries `mark`."""

    def __init__(self, mark: str) -> None:
        self.wanted = f"{MARK}={mark}".encode()

    def pids(self) -> list[int]:
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self.marked(path)]

    def marked(self, path: Path) -> bool:
        return self.wanted in read(path / "environ").split(b"\0")

    def cpu_s(self) -> float:
        """User and system time so far, with that of children that have ended."""
        return sum(self.cpu_of(pid) for pid in self.pids())

    def cpu_of(self, pid: int) -> float:
        after_name = read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
        return sum(int(ticks) for ticks in after_name[11:15]) * TICK_S

    def memory(self) -> Memory:
        pss = rss = 0
        for pid in self.pids():
            for line in read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
                if line.startswith(b"Pss:"):
                    pss += int(line.split()[1]) * KIB
                elif line.startswith(b"Rss:"):
                    rss += int(line.split()[1]) * KIB
        return Memory(pss, rss)

    def kill(self) -> None:
        """SIGKILL to every process, as `kill -9` or the kernel when memory runs out."""
        while pids := self.pids():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.02)


def read(path: Path) -> bytes:
    """A file of /proc; empty when the process has just ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def cpu_rate(tree: Tree, seconds: float) -> float:
    """CPU seconds a second over the next `seconds`."""
    before, started = tree.cpu_s(), time.perf_counter()
    time.sleep(seconds)
    return (tree.cpu_s() - before) / (time.perf_counter() - started)


def settle(tree: Tree, *, idle_rate: float, quiet_s: float, limit_s: float = 600.0) -> float:
    """Wait until the server has used no more than its idle CPU for `quiet_s`; seconds waited."""
    started = time.perf_counter()
    while time.perf_counter() - started < limit_s:
        if cpu_rate(tree, quiet_s) <= idle_rate + 0.02:
            break
    return time.perf_counter() - started


class Peak:
    """Largest memory while the block runs, sampled."""

    def __init__(self, tree: Tree, every_s: float = 0.5) -> None:
        self.tree, self.every_s = tree, every_s
        self.largest = Memory(0, 0)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        while not self.ended.is_set():
            found = self.tree.memory()
            self.largest = Memory(*map(max, self.largest, found))
            self.ended.wait(self.every_s)

    def __enter__(self) -> Peak:
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.ended.set()
        self.thread.join()


def disk(directory: Path) -> int:
    """Bytes that the files under a directory take on disk, logs of the server's own left out."""
    total = 0
    for path in directory.rglob("*"):
        if path.name != "server.log":
            try:
                total += path.stat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total
