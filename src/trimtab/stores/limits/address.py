"""Where the processes of a machine find the one that keeps their limits."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from trimtab.errors import ConfigError, StoreError

_LONGEST_PATH = 103  # bytes a socket's address holds on macOS; Linux has four more
_FIX = "check that the supervising process runs"


def socket_path(data: Path, name: str = "limits.sock") -> Path:
    """Where the limits of a data directory, or something else of it by its name, are asked for.

    In the directory itself; where that is too long for a socket's address, in a directory of this
    user's own below the one for temporary files.
    Raises:
        ConfigError: that directory is somebody else's.
    """
    path = data.absolute() / name
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    shelter = Path(tempfile.gettempdir()) / f"trimtab-{os.getuid()}"
    with suppress(FileExistsError):
        shelter.mkdir(mode=0o700)
    about = shelter.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise ConfigError(
            "the directory for the sockets is not this user's alone",
            where=str(shelter),
            fix="remove it, or use a data directory with a shorter path",
        )
    digest = hashlib.sha256(os.fsencode(data.absolute())).hexdigest()
    return shelter / f"{digest[:16]}-{name}"


def unusable(path: Path, error: object, *, fix: str = _FIX) -> StoreError:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreError(
        f"the keeper of the limits cannot be used: {said or type(error).__name__}",
        where=str(path),
        fix=fix,
    )
