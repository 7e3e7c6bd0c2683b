"""A file that one process holds while it uses something beside it.

The lock is the kernel's (flock): it ends with the process, however that ends, and does not depend
on what else is opened. The file keeps the holder's process id, for messages only.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class LockFile:
    """Held from construction to `release`.

    Raises:
        LockHeld: somebody holds it, in another process or in this one.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._file, 20, 0).decode("ascii", "replace")
            self.release()
            raise LockHeld(int(owner) if owner.isdecimal() else None) from None
        except OSError:
            self.release()
            raise
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go; releasing again does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class LockHeld(Exception):
    """The lock is taken; `pid` is the holder's process id if it is known."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        super().__init__(f"process {pid}" if pid else "another process")
