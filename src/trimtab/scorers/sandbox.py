"""Runs code and its tests in a process of their own; started as a script, imports nothing of ours.

A JSON object comes in on standard input: `parts`, which are run one after the other in one module,
and the limits. The exit status says how it went. This process watches; a child runs the code.

That all parts ran is proven by a token that waits in a socket until the child has come to the end,
so an answer finds nothing in memory, in frames or objects, that it could end with as a pass. It is
no proof against code written for this very file: such code can read the socket, or change the
functions here. No process can keep a secret from code that it runs.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import signal
import socket
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

PASSED, FAILED, EARLY, LATE = 0, 1, 90, 91
"""Exit status: all parts ran, one failed, one before the last ended the program, time was over."""

# From linux/sched.h and sys/prctl.h, sys/mount.h.
_NEW_USER, _NEW_PID, _NEW_NET, _NEW_MOUNTS, _NEW_IPC = (
    0x10000000,
    0x20000000,
    0x40000000,
    0x00020000,
    0x08000000,
)
_DIE_WITH_PARENT, _ADOPT_ORPHANS = 1, 36
_NO_SETUID_NO_DEVICES = 2 | 4
_MOST_PROCESSES = 64
_MOST_FILE_BYTES = 1 << 26


def main() -> int:
    """Run what stands on standard input; the exit status."""
    job = json.load(sys.stdin.buffer)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if not hasattr(os, "fork"):
        return _verdict(job["parts"])
    _call("prctl", _ADOPT_ORPHANS, 1, 0, 0, 0)
    alone = _isolate(job["disk_mib"])
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _become_the_program(job, alone, theirs)
    theirs.close()
    # After the fork, so that it was never in the child's memory.
    token = os.urandom(_TOKEN_BYTES)
    with suppress(OSError):
        ours.sendall(token)
    return _watched(child, job["limit_s"], ours, _proof(token))


# -- the watching process ---------------------------------------------------------------------


def _isolate(disk_mib: int) -> bool:
    """Namespaces of its own, where the system allows them: no network, no sight of other processes,
    and a working directory in memory."""
    ids = {"uid_map": os.getuid(), "gid_map": os.getgid()}
    spaces = _NEW_USER | _NEW_PID | _NEW_NET | _NEW_MOUNTS | _NEW_IPC
    if not _call("unshare", spaces):
        return False
    with suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        for name, number in ids.items():
            Path(f"/proc/self/{name}").write_text(f"{number} {number} 1")
        here = str(Path.cwd())
        size = f"size={disk_mib}m,mode=700".encode()
        if _call("mount", b"tmpfs", here.encode(), b"tmpfs", _NO_SETUID_NO_DEVICES, size):
            os.chdir(here)
    return True


def _watched(child: int, limit_s: float, proofs: socket.socket, wanted: bytes) -> int:
    """How the child ends; nothing that it started is left."""
    late = False

    def stop(*_: Any) -> None:
        nonlocal late
        late = True
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.signal(signal.SIGTERM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    _, status = os.waitpid(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    _end_orphans()
    return LATE if late else _status(status, _received(proofs) == wanted)


def _received(proofs: socket.socket) -> bytes:
    proofs.setblocking(False)
    with suppress(OSError):
        return proofs.recv(_TOKEN_BYTES * 4)
    return b""


def _status(status: int, proven: bool) -> int:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        sys.stderr.write(f"\nended by {signal.Signals(-code).name}\n")
        return FAILED
    if code == PASSED:
        return PASSED if proven else EARLY
    return code if code == EARLY else FAILED


def _end_orphans() -> None:
    """End what the program left behind; orphans of this process come to it."""
    mine = Path(f"/proc/self/task/{os.getpid()}/children")
    with suppress(OSError):
        while children := mine.read_text().split():
            for each in children:
                os.kill(int(each), signal.SIGKILL)
            for each in children:
                os.waitpid(int(each), 0)


# -- the program ------------------------------------------------------------------------------

_TOKEN_BYTES = 16


def _proof(token: bytes) -> bytes:
    """What is sent back: not the token itself, which code that copies everything would send too."""
    return hashlib.sha256(token).digest()


def _become_the_program(job: dict[str, Any], alone: bool, proofs: socket.socket) -> None:
    try:
        os.setsid()
        _call("prctl", _DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        _limit(job, alone)
        code = _verdict(job["parts"])
        if code == PASSED:
            proofs.sendall(_proof(proofs.recv(_TOKEN_BYTES)))
        os._exit(code)
    finally:
        os._exit(FAILED)


def _limit(job: dict[str, Any], alone: bool) -> None:
    import resource

    limits = {
        "CPU": max(1, round(job["limit_s"])),
        "AS": job["memory_mib"] << 20,
        "FSIZE": _MOST_FILE_BYTES,
        "CORE": 0,
        "NOFILE": 64,
    }
    if alone:  # elsewhere the processes of the whole user would count
        limits["NPROC"] = _MOST_PROCESSES
    for name, most in limits.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _verdict(parts: list[str]) -> int:
    """Run the parts in one module, as a status.

    Only the last is `__main__`: what an answer does when it is started does not happen. It may end
    with `sys.exit(0)`, as `unittest.main()` does.
    """
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = sys.modules["answer"] = module
    sys.argv = ["program.py"]
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        module.__dict__["__name__"] = "__main__" if last else "answer"
        try:
            code = compile(part, "tests" if last else "answer", "exec")
            types.FunctionType(code, module.__dict__)()
        except SystemExit as ended:
            if not last or _is_of_the_answer(ended.__traceback__):
                return EARLY
            return PASSED if ended.code in (None, 0, False) else _failed("the tests failed")
        except BaseException as error:  # what the code raises is its verdict, whatever it is
            return _failed(f"{type(error).__name__}: {error}".removesuffix(": "))
    return PASSED


def _is_of_the_answer(trace: types.TracebackType | None) -> bool:
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "answer":
            return True
        trace = trace.tb_next
    return False


def _failed(why: str) -> int:
    with suppress(Exception):
        sys.stderr.write(f"\n{why}\n")
        sys.stderr.flush()
    return FAILED


# -- the system -------------------------------------------------------------------------------


def _call(name: str, *arguments: Any) -> bool:
    """Whether a call of the C library went well; False where it has none of that name."""
    try:
        return bool(getattr(ctypes.CDLL(None), name)(*arguments) == 0)
    except (OSError, AttributeError, TypeError):
        return False


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
