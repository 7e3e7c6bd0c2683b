"""`python_tests`: the answer is Python code that passes tests, run in a process of its own.

The process has no environment, a directory of its own that is removed, limits on time, memory and
the size of files; where the system allows it, also no network, no sight of other processes, and a
directory of limited size. That keeps accidents in. It is no prison for code that wants out: run
what you do not trust in a container or a virtual machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from trimtab.kit import jsonx
from trimtab.scorers import sandbox
from trimtab.scorers.definition import Judgement, Unscored, scorer
from trimtab.scorers.texts import references

_FENCE = re.compile(
    r"^[ \t]*```(?:python3?|py)?[ \t]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_SANDBOX = str(Path(sandbox.__file__).resolve())
_MOST_KEPT = 16_384  # bytes of standard error
_MOST_SAID = 500
_DISK_MIB = 64
_GRACE_S = 5.0  # for the process that watches, to start and to clean up


@scorer
async def python_tests(
    output: str,
    expected: Any = None,
    metadata: dict[str, Any] | None = None,
    *,
    setup: str = "",
    limit_s: Annotated[float, Meta(gt=0, le=600)] = 10.0,
    memory_mib: Annotated[int, Meta(ge=16)] = 512,
    packages: bool = False,
) -> Judgement | Unscored:
    """Passes when the answer's code, followed by the tests, ends without an error.

    The tests are what the row expects, or `metadata.tests`: Python with assertions, or a `unittest`
    that is started at its end. Of an answer with code fences, the code in them is taken; what it
    does under `if __name__ == "__main__"` is not done. With repeats, `pass@k` of a run comes of it.

    Args:
        setup: code that stands before the answer's.
        limit_s: seconds of time, and of processor time.
        memory_mib: address space of each process.
        packages: the packages installed beside Trimtab can be imported.
    """
    tests = (
        references(expected) if expected is not None else references((metadata or {}).get("tests"))
    )
    if not tests:
        return Unscored("missing: tests")
    parts = [part for part in (setup, _code(output)) if part] + ["\n\n".join(tests)]
    ended = await run(parts, limit_s=limit_s, memory_mib=memory_mib, packages=packages)
    return Judgement(passed=ended is None, reason=ended)


async def run(
    parts: Sequence[str], *, limit_s: float, memory_mib: int, packages: bool = False
) -> str | None:
    """Run the parts of a program one after the other; None when all ended well, else why not."""
    job = jsonx.encode(
        {
            "parts": [part.encode("utf-8", "replace").decode() for part in parts],
            "limit_s": limit_s,
            "memory_mib": memory_mib,
            "disk_mib": _DISK_MIB,
        }
    )
    with tempfile.TemporaryDirectory(
        prefix="trimtab-python-", ignore_cleanup_errors=True
    ) as directory:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-B", *(() if packages else ("-S",))),
            _SANDBOX,
            cwd=directory,
            env={"HOME": directory, "TMPDIR": directory, "PYTHONUTF8": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit_s + _GRACE_S):
                errors = await _ended(process, job)
        except TimeoutError:
            return _late(limit_s)
        finally:
            await _end(process)
    return _reason(process.returncode or 0, errors, limit_s)


async def _ended(process: asyncio.subprocess.Process, job: bytes) -> bytes:
    """The last of what a process says on standard error, once it has ended."""
    kept = b""
    if process.stdin and process.stderr:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(job)
            await process.stdin.drain()
        process.stdin.close()
        reading = asyncio.create_task(_last(process.stderr))
        try:
            await process.wait()
            # What the program left behind may hold the pipe open: all of it has ended by now, or
            # is out of reach.
            with contextlib.suppress(TimeoutError):
                kept = await asyncio.wait_for(asyncio.shield(reading), 1.0)
        finally:
            reading.cancel()
    return kept


async def _last(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while piece := await stream.read(1 << 16):
        kept = (kept + piece)[-_MOST_KEPT:]
    return kept


def _reason(code: int, errors: bytes, limit_s: float) -> str | None:
    if code == sandbox.PASSED:
        return None
    if code == sandbox.LATE:
        return _late(limit_s)
    if code == sandbox.EARLY:
        return "the program ended before its tests did"
    said = errors.decode("utf-8", "replace").strip().splitlines()
    return said[-1][-_MOST_SAID:] if said else "the program ended before its tests did"


def _late(limit_s: float) -> str:
    return f"took longer than {limit_s:g} s"


def _code(answer: str) -> str:
    """The code of an answer: what its fences hold, else the whole."""
    fenced = _FENCE.findall(answer)
    return "\n\n".join(fenced) if fenced else answer


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process, which ends what it started, and its group, whatever state they are in."""
    with contextlib.suppress(ProcessLookupError, TimeoutError):
        process.terminate()
        await asyncio.wait_for(process.wait(), _GRACE_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    await process.wait()
