"""The judge of judge.py as a process that runs for as long as it is needed."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent


@contextmanager
def judge(delay_s: float = 0.0) -> Iterator[str]:
    """The URL of a judge that answers after a while."""
    command = [sys.executable, HERE / "judge.py", str(delay_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(10)


def calls(url: str) -> int:
    """How many questions a judge got so far."""
    with urllib.request.urlopen(url + "/calls") as response:
        return int(response.read())
