"""`python_tests`: the answer is Python code that passes tests, run in a process of its own.

The process has no environment, a directory of its own that is removed, limits on processor time,
memory, file size and processes, and no network where the system lets it be taken away. That keeps
accidents in; it is no prison for code that wants out: run what you do not trust in a container.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import references

_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MOST_KEPT = 16_384  # bytes of standard error
_MOST_SAID = 500


@scorer
async def python_tests(
    output: str,
    expected: Any = None,
    metadata: dict[str, Any] | None = None,
    *,
    setup: str = "",
    limit_s: float = 10.0,
    memory_mib: int = 512,
) -> Judgement | Unscored:
    """Passes when the answer's code, followed by the tests, ends without an error.

    The tests are what the row expects, or `metadata.tests`: Python with assertions. Of an answer
    with code fences, the code in them is taken. With repeats, `pass@k` of a run comes of it.

    Args:
        setup: code that stands before the answer's.
        limit_s: seconds of time, and of processor time.
        memory_mib: address space.
    """
    tests = (
        references(expected) if expected is not None else references((metadata or {}).get("tests"))
    )
    if not tests:
        return Unscored("missing: tests")
    program = "\n\n".join(part for part in (setup, _code(output), *tests) if part)
    ended = await run(program, limit_s=limit_s, memory_mib=memory_mib)
    return Judgement(passed=ended is None, reason=ended)


async def run(program: str, *, limit_s: float, memory_mib: int) -> str | None:
    """Run a program; None when it ended well, else what went wrong."""
    with tempfile.TemporaryDirectory(prefix="trimtab-python-") as directory:
        _write(directory, program)
        limits = (str(max(1, round(limit_s))), str(memory_mib << 20))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-B", "-c", _LAUNCH, *limits),
            cwd=directory,
            env={"HOME": directory, "TMPDIR": directory},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit_s):
                errors = await _errors(process)
        except TimeoutError:
            return f"took longer than {limit_s:g} s"
        finally:
            _end(process)
            await process.wait()
        code = process.returncode or 0
        if code == 0 and not _ended(directory):
            return "the program ended before its tests did"
    return None if code == 0 else _last_words(code, errors)


async def _errors(process: asyncio.subprocess.Process) -> bytes:
    """The last of what a process says on standard error, until it ends."""
    kept = b""
    while process.stderr and (piece := await process.stderr.read(1 << 16)):
        kept = (kept + piece)[-_MOST_KEPT:]
    await process.wait()
    return kept


# What the new process does before the program: limits, and a network of its own with nothing in it.
_LAUNCH = """
import sys
seconds, memory = map(int, sys.argv[1:])
try:
    import resource
    for name, most in (
        ("CPU", seconds), ("AS", memory), ("FSIZE", 1 << 26), ("CORE", 0), ("NOFILE", 64)
    ):
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (most, most))
    import ctypes
    ctypes.CDLL(None).unshare(0x50000000)  # CLONE_NEWUSER | CLONE_NEWNET; refused here and there
    del ctypes, resource
except (ImportError, OSError, AttributeError, ValueError):
    pass
sys.argv = ["program.py"]
import runpy
runpy.run_path("program.py", run_name="__main__")
open("ended", "w").close()
"""


def _write(directory: str, program: str) -> None:
    Path(directory, "program.py").write_text(program, encoding="utf-8", errors="replace")


def _ended(directory: str) -> bool:
    """Whether the program came to its end: code that exits early has not passed any test."""
    return Path(directory, "ended").exists()


def _code(answer: str) -> str:
    fenced = _FENCE.findall(answer)
    return "\n\n".join(fenced) if fenced else answer


def _end(process: asyncio.subprocess.Process) -> None:
    """End whatever the program started and left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _last_words(code: int, errors: bytes) -> str:
    said = errors.decode("utf-8", "replace").strip().splitlines()
    if said:
        return said[-1][-_MOST_SAID:]
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
