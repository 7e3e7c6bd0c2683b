"""Weight: what an install, an import, `--help` and an idle server cost.

    python bench/footprint.py [--quick]

Prints one Markdown table. Without `--quick` it also makes a fresh virtual environment and installs
the checkout into it, to count distributions and bytes. Times are medians; they are figures of this
machine and not limits of a test.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RUNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without the fresh install")
    quick = parser.parse_args().quick
    rows = [("what", "measured", "goal")]
    with tempfile.TemporaryDirectory() as scratch:
        python = Path(sys.executable)
        if not quick:
            python = install(Path(scratch))
            rows += installed(python)
        rows += imports(python)
        rows += [help_time(python)]
        rows += serving(python, Path(scratch))
    for index, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if index == 0:
            print("|---|---|---|")


def install(scratch: Path) -> Path:
    """A fresh virtual environment with the checkout in it; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", scratch / "venv"], check=True)
    python = scratch / "venv" / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, ROOT], check=True)
    return python


def installed(python: Path) -> list[tuple[str, str, str]]:
    code = """
import json
from importlib import metadata
from pathlib import Path
sizes = {}
for found in metadata.distributions():
    name = found.metadata["Name"]
    if name in ("pip", "setuptools"):
        continue
    files = [Path(found.locate_file(file)) for file in found.files or []]
    sizes[name] = sum(f.stat().st_size for f in files if f.is_file() and f.suffix != ".pyc")
print(json.dumps(sizes))
"""
    sizes: dict[str, int] = json.loads(run(python, "-c", code))
    largest = sorted(sizes.items(), key=lambda pair: -pair[1])[:4]
    shown = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in largest)
    total = sum(sizes.values()) / 1e6
    return [
        ("distributions installed", str(len(sizes)), "<= 45"),
        ("installed, without bytecode", f"{total:.0f} MB ({shown})", "<= 120 MB"),
    ]


def imports(python: Path) -> list[tuple[str, str, str]]:
    bare = int(run(python, "-c", "import sys; print(len(sys.modules))"))
    loaded = int(run(python, "-c", "import sys, trimtab; print(len(sys.modules))"))
    return [("modules that `import trimtab` adds", str(loaded - bare), "<= 120")]


def help_time(python: Path) -> tuple[str, str, str]:
    def once() -> None:
        run(python, "-m", "trimtab", "--help")

    once()
    return ("`trimtab --help`", f"{median_s(once):.2f} s", "<= 0.25 s")


def serving(python: Path, scratch: Path) -> list[tuple[str, str, str]]:
    """Time from the start of the process to the first 200, and memory when idle."""
    starts: dict[str, list[Start]] = {"empty directory": [], "existing directory": []}
    for index in range(RUNS):
        for found in starts.values():
            found.append(serve_once(python, scratch / f"data-{index}"))
    rows = []
    for what, found in starts.items():
        wall = statistics.median(start.wall_s for start in found)
        cpu = statistics.median(start.cpu_s for start in found)
        rows.append((f"serve to first 200, {what}", f"{wall:.2f} s ({cpu:.2f} s CPU)", "<= 1.5 s"))
    memory = max(start.memory for found in starts.values() for start in found)
    return [*rows, ("idle memory (resident set size)", f"{memory / 1e6:.0f} MB", "<= 150 MB")]


class Start(NamedTuple):
    wall_s: float
    cpu_s: float
    memory: int


def serve_once(python: Path, data: Path) -> Start:
    port = free_port()
    command = [python, "-m", "trimtab", "serve", "--data", data, "--port", str(port)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=data.parent)
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        took, used = time.perf_counter() - started, cpu_s(process.pid)
        time.sleep(1.0)
        return Start(took, used, memory_of(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_for(url: str, limit_s: float = 30.0) -> None:
    end = time.perf_counter() + limit_s
    while time.perf_counter() < end:
        try:
            with urllib.request.urlopen(url, timeout=1) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise SystemExit(f"no answer from {url}")


def memory_of(pid: int) -> int:
    """Resident bytes of a process."""
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(shown.stdout) * 1024


def cpu_s(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def median_s(work: Callable[[], None]) -> float:
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def run(python: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIMTAB_")}
    done = subprocess.run(
        [python, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
