"""Where batches wait while their server is away: one file each, in a directory per server.

Files appear whole (written aside, then renamed) and go when they are delivered. One process at a
time delivers, under a lock; any process may add. A batch that was delivered by a process that died
before deleting it is delivered again, which the server takes as the same.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Generator
from pathlib import Path

from trimtab.kit.lockfile import LockFile, LockHeld

_ABANDONED_S = 3600.0


class Spool:
    """The directory; `limit_bytes` is what may wait in it."""

    def __init__(self, directory: Path, *, limit_bytes: int) -> None:
        self._directory = directory
        self._limit_bytes = limit_bytes
        self._numbers = itertools.count()
        self._lock: LockFile | None = None

    def put(self, kind: str, payload: bytes) -> bool:
        """Keep a batch; False when the spool is full or the disk will not take it."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._numbers)}.{kind}"
        aside = self._directory / f"{name}.part"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._size_bytes() + len(payload) > self._limit_bytes:
                return False
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                f.write(payload)
            aside.rename(self._directory / name)
        except OSError:
            _unlink(aside)
            return False
        return True

    def waiting(self) -> list[Path]:
        """What waits, oldest first."""
        return sorted(path for path in self._files() if path.suffix in (".spans", ".scores"))

    def take(self) -> Generator[tuple[Path, bytes], None, None]:
        """Each waiting batch; nothing while another process delivers. Delete what was delivered."""
        try:
            if not (names := self.waiting()):
                return
            self._lock = LockFile(self._directory / "delivery.lock")
        except (OSError, LockHeld):
            return
        try:
            for path in names:
                payload = _read(path)
                if payload is not None:
                    yield path, payload
        finally:
            self.forget()

    def delete(self, path: Path) -> None:
        _unlink(path)

    def forget(self) -> None:
        """Let go of the lock; in a forked child, without freeing the parent's."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _files(self) -> list[Path]:
        try:
            return list(self._directory.iterdir())
        except OSError:
            return []

    def _size_bytes(self) -> int:
        total = 0
        for path in self._files():
            try:
                status = path.stat()
            except OSError:
                continue
            if path.suffix == ".part" and time.time() - status.st_mtime > _ABANDONED_S:
                _unlink(path)
            else:
                total += status.st_size
        return total


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
