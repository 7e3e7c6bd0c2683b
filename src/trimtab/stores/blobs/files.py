"""Blobs as files: `b/ab/cd/<sha256>.zst` under one directory, compressed, checked when read.

A blob appears under its name only when all of it is on disk, so a crash leaves at most a temporary
file. Nothing is overwritten; the same content is the same file whoever stores it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from tempfile import mkstemp

from trimtab.errors import NotDurable, NotFound, StoreError
from trimtab.kit import zstd
from trimtab.kit.hashing import sha256_hex

_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileBlobs:
    """Implements `ports.BlobStore` under `root`, which is created with the first blob."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        """Store `data` and return its SHA-256 when it is on disk.

        Raises:
            NotDurable: the disk refused; nothing is left behind.
        """
        digest = sha256_hex(data)
        path = self._path(digest)
        try:
            if not path.exists():
                _make_directories(path.parent, self.root)
                _write(path, zstd.compress(data))
            # Also when the file was there: another thread may have renamed it and not synced yet.
            _sync(path.parent)
        except OSError as error:
            raise NotDurable(
                f"a payload of {len(data)} bytes cannot be stored: {error.strerror}",
                where=str(self.root),
                fix="free space on that disk and check that it is writable",
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        """Raises NotFound when absent, StoreError when the file cannot be read or is damaged."""
        if not _DIGEST.fullmatch(digest):
            raise _absent(digest)
        path = self._path(digest)
        try:
            data = zstd.decompress(path.read_bytes())
        except FileNotFoundError:
            raise _absent(digest) from None
        except (OSError, zstd.ZstdError) as error:
            raise _damaged(path, str(error)) from error
        if sha256_hex(data) != digest:
            raise _damaged(path, "its content is not what its name says")
        return data

    def exists(self, digest: str) -> bool:
        return _DIGEST.fullmatch(digest) is not None and self._path(digest).exists()

    def backup(self, directory: Path) -> None:
        """Copy the files, as links to the same content where the disk allows it.

        Raises:
            NotDurable: a copy cannot be written.
        """
        for path in self.root.rglob("*.zst"):
            copy = directory / path.relative_to(self.root)
            try:
                copy.parent.mkdir(parents=True, exist_ok=True)
                _copy(path, copy)
            except FileNotFoundError:
                continue  # deleted meanwhile: nothing that is kept refers to it
            except OSError as error:
                raise NotDurable(
                    f"the payloads cannot be copied: {error.strerror}",
                    where=str(directory),
                    fix="free space on that disk and check that it is writable",
                ) from error

    def delete(self, digest: str) -> None:
        """Deleting what is absent is not an error."""
        if not _DIGEST.fullmatch(digest):
            return
        path = self._path(digest)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"a payload cannot be deleted: {error.strerror}",
                where=str(path),
                fix="check that the directory is writable",
            ) from error

    def _path(self, digest: str) -> Path:
        return self.root / "b" / digest[:2] / digest[2:4] / f"{digest}.zst"


def _write(path: Path, data: bytes) -> None:
    """Write a file beside its final place, and move it there when it is on disk."""
    descriptor, name = mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _make_directories(path: Path, root: Path) -> None:
    """Create `path` below `root`, each new name made durable in its parent."""
    if path.is_dir():
        return
    if path != root:
        _make_directories(path.parent, root)
    path.mkdir(parents=True, exist_ok=True)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _absent(digest: str) -> NotFound:
    return NotFound("no such payload", where=digest[:80], digest=digest[:80])


def _damaged(path: Path, why: str) -> StoreError:
    return StoreError(
        f"a stored payload is damaged: {why}", where=str(path), fix="restore it from a backup"
    )


def _copy(path: Path, copy: Path) -> None:
    # A blob is never changed, only deleted, so a link is as good as a copy.
    try:
        copy.hardlink_to(path)
    except OSError:
        shutil.copy2(path, copy)
