"""The two ends of the rig: the mock upstream and the load generator, in C so that neither limits.

Both are built with the system's C compiler into a directory of the run and pinned to one core,
which leaves the other to the system that is measured.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from footprint import free_port

HERE = Path(__file__).resolve().parent
WORDS = "Where is my order? I was told that it would be here by Friday and nobody has called. "
TOOL = {
    "type": "function",
    "function": {
        "name": "lookup_order",
        "description": "Look up an order by its number and return its state and its items.",
        "parameters": {
            "type": "object",
            "properties": {"order": {"type": "string", "description": "The number of the order."}},
            "required": ["order"],
        },
    },
}


class Cores(NamedTuple):
    """The core of the system that is measured, and that of everything else."""

    system: int
    load: int


def cores() -> Cores:
    """Two cores this process may use; one core, shared, where there is no second."""
    found = sorted(os.sched_getaffinity(0))
    return Cores(found[0], found[-1])


def pinned(core: int, command: Sequence[object]) -> list[str]:
    """A command that runs, with all its children, on one core."""
    return ["taskset", "-c", str(core), *map(str, command)]


def build(directory: Path) -> None:
    """Compile both programs. Raises SystemExit where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SystemExit("the benchmark needs a C compiler: install gcc (apt-get install gcc)")
    for name in ("mock", "load"):
        command = [compiler, "-O2", "-o", str(directory / name), str(HERE / f"{name}.c")]
        subprocess.run(command, check=True)


def body(model: str, *, stream: bool = False, size: int = 2300) -> bytes:
    """A chat request with a tool, of about `size` bytes; without `model` where it is empty."""
    asked: dict[str, Any] = {
        **({"model": model} if model else {}),
        "messages": [
            {"role": "system", "content": "You are the support agent of a web shop."},
            {"role": "user", "content": ""},
        ],
        "tools": [TOOL],
        "temperature": 0.2,
        "max_tokens": 400,
    }
    if stream:
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    missing = size - len(json.dumps(asked))
    asked["messages"][1]["content"] = (WORDS * (missing // len(WORDS) + 1))[:missing]
    return json.dumps(asked, separators=(",", ":")).encode()


class Mock:
    """The upstream, running."""

    def __init__(self, directory: Path, core: int) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(pinned(core, [directory / "mock", self.port]))
        wait_until_open(self.port)

    def set(self, **settings: int) -> None:
        words = "&".join(f"{name}={value}" for name, value in settings.items())
        self.ask("POST", "/control", words)

    def stats(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.ask("GET", "/stats"))
        return found

    def ask(self, method: str, path: str, content: str | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, content)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


class Target(NamedTuple):
    """Where the load goes and how it is asked there."""

    port: int
    path: str
    model: str
    headers: Mapping[str, str]
    ending: str | None = None


class Load:
    """The load generator; each call is one bounded run of it."""

    def __init__(self, directory: Path, core: int) -> None:
        self.directory, self.core = directory, core

    def send(self, target: Target, request: bytes, **options: float) -> dict[str, Any]:
        """Figures of one run; `options` are those of load.c."""
        file = self.directory / "request.json"
        file.write_bytes(request)
        limit_s = options.setdefault("limit_s", 3 * options.get("seconds", 0) + 30)
        words = [f"{name}={value}" for name, value in options.items()]
        words += [f"header={name}: {value}" for name, value in target.headers.items()]
        words += [f"ending={target.ending}"] if target.ending else []
        done = subprocess.run(
            pinned(self.core, [self.directory / "load", target.port, target.path, file, *words]),
            stdout=subprocess.PIPE,
            check=True,
            timeout=limit_s + 30,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def wait_until_open(port: int, limit_s: float = 10.0) -> None:
    end = time.perf_counter() + limit_s
    while time.perf_counter() < end:
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")
