"""One server per directory: a lock that names its holder.

The lock is `flock` on `server.lock`, so the kernel releases it when its process ends, however it
ends; the JSON inside says who holds it. Works on local file systems of one machine; never deletes
the lock file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from trimtab.errors import ConfigError, StoreLocked
from trimtab.version import __version__

LOCK_NAME = "server.lock"
_PAUSE_S = 0.01
_GRACE_S = 0.05
_NAMING_S = 1.0
_MAX_INFO_BYTES = 64 * 1024


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a data directory, where it listens, and since when (Unix time).

    `lends` says that it is a command's own server, whose key is beside the lock.
    """

    pid: int
    url: str
    started_ns: int
    version: str
    lends: bool = False


class Lock:
    """A held data directory; a context manager. Only `acquire` makes one."""

    def __init__(self, descriptor: int, info: ServerInfo) -> None:
        self._descriptor = descriptor
        self.info = info
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, msgspec.json.encode(info), 0)

    def release(self) -> None:
        """Let another process have the directory. Doing it twice is harmless."""
        if self._descriptor < 0:
            return
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def acquire(directory: Path, *, url: str, lends: bool = False) -> Lock:
    """Take a data directory for this process, creating it (mode 0700) when it is not there.

    Args:
        directory: the data directory.
        url: where this process answers, for whoever is refused.
        lends: other processes of this user may use its server.
    Raises:
        StoreLocked: another process holds it: fields `pid` and `url` (None if it does not say).
        ConfigError: not a directory, or one this user cannot write to.
    """
    _create(directory)
    path = directory / LOCK_NAME
    started = time.monotonic()
    while True:
        descriptor = _lock(path, fcntl.LOCK_EX, os.O_RDWR | os.O_CREAT)
        if descriptor is not None:
            now_ns = time.time_ns()
            info = ServerInfo(
                pid=os.getpid(), url=url, started_ns=now_ns, version=__version__, lends=lends
            )
            return Lock(descriptor, info)
        holder = _holder(path)
        waited_s = time.monotonic() - started
        # A probe by `running_server` holds the lock for microseconds, and a holder needs a moment
        # to write its name: neither may look like a server.
        if waited_s >= (_GRACE_S if holder else _NAMING_S):
            raise _locked(directory, holder)
        time.sleep(_PAUSE_S)


def require_free(directory: Path) -> None:
    """Raises StoreLocked when a process holds the directory; changes nothing on disk."""
    holder = running_server(directory)
    if holder is not None:
        raise _locked(directory, holder)


def running_server(directory: Path) -> ServerInfo | None:
    """The process that holds a data directory, or None. Changes nothing on disk.

    Raises:
        StoreLocked: a process holds it and does not say who it is.
        ConfigError: the directory or its lock file cannot be read.
    """
    path = directory / LOCK_NAME
    started = time.monotonic()
    while True:
        try:
            descriptor = _lock(path, fcntl.LOCK_SH, os.O_RDONLY)
        except FileNotFoundError:
            return None
        if descriptor is not None:
            os.close(descriptor)
            return None
        holder = _holder(path)
        if holder is not None:
            return holder
        if time.monotonic() - started >= _NAMING_S:
            raise _locked(directory, None)
        time.sleep(_PAUSE_S)


def _create(directory: Path) -> None:
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unusable(directory, error) from None


def _lock(path: Path, kind: int, flags: int) -> int | None:
    """An open descriptor that holds the lock, or None when somebody else does."""
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise _unusable(path, error) from None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return None
        raise _unusable(path, error) from None
    if _is_same_file(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _is_same_file(descriptor: int, path: Path) -> bool:
    """A lock on a file that was deleted meanwhile protects nothing."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> ServerInfo | None:
    """What the lock file says, unless it is half-written or left by a process that is gone."""
    try:
        with path.open("rb") as file:
            info = msgspec.json.decode(file.read(_MAX_INFO_BYTES), type=ServerInfo)
    except (OSError, msgspec.DecodeError):
        return None
    return info if _is_alive(info.pid) else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _locked(directory: Path, holder: ServerInfo | None) -> StoreLocked:
    who = f"process {holder.pid}" if holder else "another process"
    place = f", which answers at {holder.url}" if holder else ""
    return StoreLocked(
        f"the data directory is in use by {who}{place}",
        where=str(directory),
        fix="use that server, stop it, or name another directory with --data",
        pid=holder.pid if holder else None,
        url=holder.url if holder else None,
    )


def _unusable(path: Path, error: Exception) -> ConfigError:
    reason = getattr(error, "strerror", None) or "not a path"
    return ConfigError(
        f"the data directory cannot be used: {reason}",
        where=str(path),
        fix="name a directory that you can write to with --data",
        key="data",
    )
