"""The server of one command, lent to the others that the same user starts on its data directory.

Only one process can have a directory open. A command that opened it for itself leaves the key of
its server in a file that only this user can read, and waits at its end for those that use it. The
wait is a lock of the kernel's on that file (flock), so nobody waits for a process that is gone.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from trimtab.cli.output import note
from trimtab.kit.datadir import ServerInfo

KEY_NAME = "command.key"
_MAX_BYTES = 4096
_PAUSE_S = 0.05
_WRITING_S = 2.0


class _Lent(msgspec.Struct, frozen=True, kw_only=True):
    """The key, and of whose server: one that was left by another process opens nothing."""

    pid: int
    url: str
    key: str


@contextmanager
def lent(directory: Path, url: str, key: str) -> Iterator[None]:
    """Lend the server of this process while the block runs, and while others use it after that.

    Call it with the directory's lock held. Ctrl-C ends the waiting too.
    """
    path = directory / KEY_NAME
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, msgspec.json.encode(_Lent(pid=os.getpid(), url=url, key=key)))
        try:
            yield
        except Exception:
            _wait_for_others(descriptor)
            raise
        _wait_for_others(descriptor)
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _wait_for_others(descriptor: int) -> None:
    said = False
    while not _locked(descriptor, fcntl.LOCK_EX):
        if not said:
            note("done; another command uses this server and is waited for (Ctrl-C ends it)")
            said = True
        time.sleep(_PAUSE_S)


@contextmanager
def borrowed(directory: Path, server: ServerInfo) -> Iterator[str | None]:
    """The key of a server that is lent, which does not end while the block runs; else None."""
    found = _borrow(directory, server) if server.lends else None
    if found is None:
        yield None
        return
    descriptor, key = found
    try:
        yield key
    finally:
        os.close(descriptor)


def _borrow(directory: Path, server: ServerInfo) -> tuple[int, str] | None:
    """The key, and what holds the server; None when it is about to end."""
    until = time.monotonic() + _WRITING_S
    while time.monotonic() < until:
        with suppress(FileNotFoundError):
            descriptor = os.open(directory / KEY_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with suppress(msgspec.DecodeError):
                said = msgspec.json.decode(os.pread(descriptor, _MAX_BYTES, 0), type=_Lent)
                is_its = (said.pid, said.url) == (server.pid, server.url)
                if is_its and _locked(descriptor, fcntl.LOCK_SH):
                    return descriptor, said.key
            os.close(descriptor)
        # The directory is taken a moment before the key is there.
        time.sleep(_PAUSE_S)
    return None


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
