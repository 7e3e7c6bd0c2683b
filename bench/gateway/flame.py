"""Where a server's time goes: py-spy's samples, added up by function and kind of thread.

Samples are of the threads that run; C code counts for the Python function that called it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

RATE_HZ = 400
TOP = 40
# A thread of a pool without work; py-spy cannot always tell that it sleeps.
WAITING = {"_worker (concurrent/futures/thread.py)"}


class Profile(NamedTuple):
    """Samples of a thread by function: while it ran itself, and while it or what it called did."""

    itself: Counter[str]
    below: Counter[str]

    @property
    def samples(self) -> int:
        return self.itself.total()


def recorder(directory: Path) -> str:
    """py-spy from the PATH, or from a virtual environment that is made for it."""
    found = shutil.which("py-spy")
    if found:
        return found
    venv.create(directory / "py-spy", with_pip=True)
    install = [directory / "py-spy/bin/pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "py-spy"], check=True, stderr=subprocess.DEVNULL)
    return str(directory / "py-spy/bin/py-spy")


def record(command: Sequence[str], pid: int, file: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Start recording; the stacks are in the file when the process has ended."""
    options = ["--nonblocking", "--format", "raw", "--threads", "--rate", str(RATE_HZ)]
    limits = ["--duration", str(max(round(seconds), 1)), "--output", str(file)]
    return subprocess.Popen(
        [*command, "record", *options, *limits, "--pid", str(pid)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def read_stacks(file: Path) -> dict[str, Profile]:
    """Add up a file of stacks, each `thread;outermost;...;innermost count`, by name of thread."""
    threads: dict[str, Profile] = {}
    for line in file.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        functions = [named(frame) for frame in frames]
        if not functions or functions[-1] in WAITING:
            continue
        name = re.sub(r"^thread \(\w+\): |[-_]?\d+$", "", thread)
        profile = threads.setdefault(name, Profile(Counter(), Counter()))
        profile.itself[functions[-1]] += int(count)
        for function in set(functions):
            profile.below[function] += int(count)
    return threads


def named(frame: str) -> str:
    """A frame without its line, so that the lines of a function add up."""
    return re.sub(r":\d+\)$", ")", frame)


def markdown(threads: dict[str, Profile], command: str) -> str:
    """A table for each kind of thread, functions by the time they took themselves."""
    total = sum(profile.samples for profile in threads.values())
    lines = [f"`{command}`", "", f"{total} samples at {RATE_HZ} Hz."]
    for name, profile in sorted(threads.items(), key=lambda pair: -pair[1].samples):
        lines += ["", f"**{name}: {share(profile.samples, total)} of the samples**", ""]
        lines += ["| function | self | cumulative |", "|---|---|---|"]
        for function, count in profile.itself.most_common(TOP):
            below = share(profile.below[function], profile.samples)
            lines.append(f"| `{function}` | {share(count, profile.samples)} | {below} |")
    return "\n".join(lines) + "\n"


def share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


if __name__ == "__main__":
    print(markdown(read_stacks(Path(sys.argv[1])), "py-spy record --format raw --threads"))
